package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// Bench is one run: a pair of namespaces, the program under test, and a
// directory on a real disk.
type Bench struct {
	pair    *testkit.Pair
	program string // rstwatch, built from this tree
	dir     string
	sizes   Sizes
	logf    func(format string, args ...any)

	patience           time.Duration // left, to wait for a calm machine
	moments, disturbed int           // that were waited for, and not had
}

// New builds the namespaces and, unless it is given, the program. It needs root.
func New(t testing.TB, program string, sizes Sizes) *Bench {
	t.Helper()
	b := &Bench{pair: testkit.NewPair(t), program: program, dir: t.TempDir(), sizes: sizes, logf: t.Logf, patience: sizes.Patience}
	if program != "" {
		return b
	}
	b.program = filepath.Join(b.dir, "rstwatch")
	build := exec.Command("go", "build", "-trimpath", "-o", b.program, "../../cmd/rstwatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building rstwatch: %v\n%s", err, out)
	}
	return b
}

// Watcher is one way to watch, or none.
type Watcher struct {
	Name  string
	start func(b *Bench) (watching, error)
}

// watching is a watcher that runs. stop ends it and removes what it set up;
// recorded, where there is one, is asked before and counts the resets of the
// target namespace that it has on disk, once no more come in.
type watching struct {
	stop     func() error
	recorded func() (uint64, error)
	pid      int
	dir      string // of a journal
}

func nothing(*Bench) (watching, error) {
	return watching{stop: func() error { return nil }}, nil
}

// run calls f while the watcher runs.
func (b *Bench) run(w Watcher, f func(watching) error) (err error) {
	b.calm()
	running, err := w.start(b)
	if err != nil {
		return fmt.Errorf("starting %s: %w", w.Name, err)
	}
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		return running.stop()
	}
	defer func() {
		if stopErr := stop(); err == nil && stopErr != nil {
			err = fmt.Errorf("stopping %s: %w", w.Name, stopErr)
		}
	}()
	if err := f(running); err != nil {
		return fmt.Errorf("%s: %w", w.Name, err)
	}
	return nil
}

// child is a program that was started and that ends with the test at the latest.
type child struct {
	*exec.Cmd
	done chan error
}

func start(cmd *exec.Cmd) (*child, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd, make(chan error, 1)}
	go func() { c.done <- cmd.Wait() }()
	return c, nil
}

// end asks the program to end, and makes it after a while.
func (c *child) end(signal os.Signal, patience time.Duration) error {
	_ = c.Process.Signal(signal)
	select {
	case err := <-c.done:
		return err
	case <-time.After(patience):
		_ = c.Process.Kill()
		<-c.done
		return fmt.Errorf("%s did not end within %v", filepath.Base(c.Path), patience)
	}
}

// inNode runs a program to its end in a namespace of the pair.
func inNode(n *testkit.Node, stdin string, name string, args ...string) error {
	return n.Do(func() error {
		cmd := exec.Command(name, args...)
		if stdin != "" {
			in, err := os.Open(stdin)
			if err != nil {
				return err
			}
			defer in.Close()
			cmd.Stdin = in
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s %v: %w: %s", name, args, err, out)
		}
		return nil
	})
}
