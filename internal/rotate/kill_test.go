package rotate

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childEnv makes this test binary the writer that is killed.
const childEnv = "RSTWATCH_ROTATE_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		writeUntilKilled(path)
	}
	os.Exit(m.Run())
}

func killConfig(path string) Config {
	cfg := DefaultConfig(path)
	cfg.MaxBytes, cfg.Keep, cfg.AppendOnly = 50<<10, 0, false
	return cfg
}

// writeUntilKilled writes numbered lines, and tells each number once its write
// was acknowledged.
func writeUntilKilled(path string) {
	from, _ := strconv.Atoi(os.Getenv(childEnv + "_FROM"))
	w, err := Open(killConfig(path))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := from; ; i += 3 {
		var batch strings.Builder
		for k := range 3 {
			fmt.Fprintf(&batch, "%09d %s\n", i+k, strings.Repeat("y", (i+k)%300))
		}
		if _, err := w.Write([]byte(batch.String())); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(i + 2)
	}
}

// A writer that is killed again and again, in rotations and compressions, loses
// and doubles no line that it had acknowledged.
func TestKilledAgainAndAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	next := 1
	var acked []int // the last number of each acknowledged batch
	for range 40 {
		last := runAndKill(t, path, next)
		for i := next + 2; i <= last; i += 3 {
			acked = append(acked, i)
		}
		next = max(last, next) + 100 // beyond what was written without an answer
	}
	files, err := Files(path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d lines acknowledged in 40 lives, %d files", 3*len(acked), len(files))
	w := open(t, killConfig(path))
	settled(t, killConfig(path))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	seen := make(map[int]int)
	before := 0
	for line := range strings.Lines(content(t, path)) {
		number, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		i, err := strconv.Atoi(number)
		if err != nil || rest != strings.Repeat("y", i%300) {
			t.Fatalf("broken line %q", line)
		}
		if i <= before {
			t.Fatalf("%d after %d", i, before)
		}
		before = i
		seen[i]++
	}
	for _, end := range acked {
		for i := end - 2; i <= end; i++ {
			if seen[i] != 1 {
				t.Fatalf("line %d stands %d times", i, seen[i])
			}
		}
	}
	if len(acked) < 1000 || len(files) < 10 {
		t.Error("too little happened to prove anything")
	}
}

// runAndKill returns the last number that the child told.
func runAndKill(t *testing.T, path string, from int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path, childEnv+"_FROM="+strconv.Itoa(from))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	last, told := from-1, 0
	stop := rand.IntN(400)
	for lines.Scan() {
		i, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("child: %s", lines.Text())
		}
		last = i
		if told++; told == stop {
			time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
		if told > 5000 {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return last
}
