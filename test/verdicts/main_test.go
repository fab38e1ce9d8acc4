package verdicts

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	whole    = flag.Bool("whole", false, "every scene, every sensor, slow makers too; without it the short form")
	update   = flag.Bool("update", false, "write the tables into docs/explanation/verdicts.md")
	seedFlag = flag.Uint64("seed", 0, "seed of order and pauses; 0: of the clock")
	onlyKind = flag.String("kind", "", "only the makers whose names match this pattern")
	given    = flag.String("program", "", "the program to test; empty: it is built")
	anyHere  = flag.Bool("any", false, "hold only what holds on any kernel, however slow: nothing is certain and wrong")
	findings = flag.String("findings", "", "file that gets every wrong verdict, with its record")
)

// program is the binary under test.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	flag.Parse()
	if *given != "" || os.Getenv(besideEnv) != "" {
		program = *given
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "rstwatch-verdicts-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "rstwatch")
	build := exec.Command("go", "build", "-o", program, "github.com/rstwatch/rstwatch/cmd/rstwatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, text)
		return 1
	}
	return m.Run()
}

// seed is that of this run.
func seed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return uint64(time.Now().UnixNano())
}
