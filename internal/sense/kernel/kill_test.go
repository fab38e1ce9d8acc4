package kernel

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

const childOfKill = "RSTWATCH_TEST_KILL_CHILD"

// TestKillLeavesNothing kills a process that watches, at once, and wants every
// program of it gone from the kernel: nothing is pinned.
func TestKillLeavesNothing(t *testing.T) {
	if os.Getenv(childOfKill) != "" {
		watchUntilKilled()
		return
	}
	testkit.RequireRoot(t)
	child := exec.Command(os.Args[0], "-test.run=^TestKillLeavesNothing$")
	child.Env = append(os.Environ(), childOfKill+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	ids := programsOf(t, bufio.NewReader(out))
	for _, id := range ids {
		if !loaded(t, id) {
			t.Fatalf("program %d of the running child is not there: the test sees nothing", id)
		}
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	for _, id := range ids {
		deadline := time.Now().Add(10 * time.Second) // the kernel frees them after a grace period
		for loaded(t, id) {
			if time.Now().After(deadline) {
				t.Fatalf("program %d outlived its process", id)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// watchUntilKilled attaches everything, says which programs, and waits.
func watchUntilKilled() {
	p, err := load(DefaultConfig())
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for _, program := range p.objects.Programs {
		info, err := program.Info()
		if err != nil {
			fmt.Println("error", err)
			return
		}
		id, _ := info.ID()
		fmt.Println("program", id)
	}
	fmt.Println("ready")
	time.Sleep(time.Minute) // a parent that died does not leave us for ever
}

func programsOf(t *testing.T, lines *bufio.Reader) (ids []ebpf.ProgramID) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("reading from the child: %v", err)
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "program":
			var id ebpf.ProgramID
			if _, err := fmt.Sscan(rest, &id); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		case "error":
			t.Fatal(rest)
		case "ready":
			if len(ids) < 5 {
				t.Fatalf("the child has %d programs", len(ids))
			}
			return ids
		}
	}
}

func loaded(t *testing.T, id ebpf.ProgramID) bool {
	t.Helper()
	program, err := ebpf.NewProgramFromID(id)
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	program.Close()
	return true
}
