package verdicts

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// background makes unrelated resets beside those that are held against the
// truth. It is a process of its own, this binary again: one process that has
// both would seem to pass resets on.
type background struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
	nodes map[string]uint64 // namespaces by role
}

// besideEnv, where set, makes TestBeside that process: seed, and least number.
const besideEnv = "RSTWATCH_VERDICTS_BESIDE"

// ordinary are the kinds that a host has all day.
var ordinary = []string{"closed-port", "linger-zero", "unread-data", "time-wait", "half-open", "stray-data", "listener-closed"}

// prepareBackground makes the namespaces.
func prepareBackground(t *testing.T, seed uint64, least int) *background {
	t.Helper()
	b := &background{nodes: map[string]uint64{}}
	b.cmd = exec.Command("/proc/self/exe", "-test.run=^TestBeside$", "-test.v")
	b.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", besideEnv, seed, least))
	b.cmd.Stderr = os.Stderr
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if b.stdin, err = b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.cmd.Process.Kill() })
	b.lines = bufio.NewScanner(stdout)
	for b.lines.Scan() {
		var role string
		var inode uint64
		if n, _ := fmt.Sscanf(b.lines.Text(), "namespace %s %d", &role, &inode); n == 2 {
			b.nodes[role] = inode
		}
		if b.lines.Text() == "prepared" {
			return b
		}
	}
	t.Fatalf("making resets beside: %v", b.cmd.Wait())
	return nil
}

// all are its namespaces.
func (b *background) all() []uint64 {
	var list []uint64
	for _, inode := range b.nodes {
		list = append(list, inode)
	}
	return list
}

// of is the namespace of one role.
func (b *background) of(role string) []uint64 {
	if inode, ok := b.nodes[role]; ok {
		return []uint64{inode}
	}
	return nil
}

// begin lets it make resets.
func (b *background) begin(t *testing.T) {
	t.Helper()
	if _, err := fmt.Fprintln(b.stdin, "go"); err != nil {
		t.Fatal(err)
	}
}

// end waits until enough were made, and returns how many.
func (b *background) end(t *testing.T) int {
	t.Helper()
	b.stdin.Close()
	made := -1
	for b.lines.Scan() {
		_, _ = fmt.Sscanf(b.lines.Text(), "made %d", &made)
	}
	if err := b.cmd.Wait(); err != nil || made < 0 {
		t.Errorf("making resets beside: %v", err)
	}
	return made
}

// TestBeside is the process that makes the unrelated resets; by itself it is
// nothing.
func TestBeside(t *testing.T) {
	job := os.Getenv(besideEnv)
	if job == "" {
		return
	}
	var seed uint64
	var least int64
	if _, err := fmt.Sscan(job, &seed, &least); err != nil {
		t.Fatal(err)
	}
	lab := testkit.NewLab(t)
	for _, n := range lab.Nodes() {
		fmt.Printf("namespace %s %d\n", n.Role, n.Inode)
	}
	fmt.Println("prepared")
	if line, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil || strings.TrimSpace(line) != "go" {
		t.Fatalf("told %q: %v", line, err)
	}
	var stop atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop.Store(true)
	}()
	made := makeBeside(t, lab, rand.New(rand.NewPCG(seed, 1)), least, &stop)
	fmt.Println("made " + strconv.FormatInt(made, 10))
}

// makeBeside makes at least so many resets, a few at a time, until it is told
// to stop.
func makeBeside(t *testing.T, lab *testkit.Lab, random *rand.Rand, least int64, stop *atomic.Bool) (made int64) {
	t.Helper()
	scenes, failed := lab.Scenes(), 0
	for made < least || !stop.Load() {
		maker, n := testkit.Lookup(t, ordinary[random.IntN(len(ordinary))]), 1+random.IntN(10)
		if _, err := maker.Make(lab, scenes[random.IntN(len(scenes))], n); err != nil {
			// On a slow machine one may run out of time; of what was made nothing is held.
			if failed++; failed > 10 {
				t.Fatal(err)
			}
			t.Log(err)
			continue
		}
		made += int64(n)
		// Some hundred a second, and fewer before the lab runs out of ports.
		most := 40
		if made > 4000 {
			most = 1000
		}
		time.Sleep(time.Duration(random.IntN(most)) * time.Millisecond)
	}
	return made
}
