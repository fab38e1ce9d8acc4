package cgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestReal finds a cgroup that the test makes, in both ways, and the process
// that it moved there.
func TestReal(t *testing.T) {
	testkit.RequireRoot(t)
	mount := Mount("/sys/fs/cgroup")
	path := fmt.Sprintf("/rstwatch%d.slice", os.Getpid())
	folder := mount + path
	if err := os.Mkdir(folder, 0o755); err != nil {
		if testkit.Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	sleep := exec.Command("sleep", "600")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sleep.Process.Kill()
		sleep.Wait()
		if err := unix.Rmdir(folder); err != nil {
			t.Errorf("removing %q: %v", folder, err)
		}
	})
	if err := os.WriteFile(folder+"/cgroup.procs", fmt.Append(nil, sleep.Process.Pid), 0); err != nil {
		t.Fatal(err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(folder, &stat); err != nil {
		t.Fatal(err)
	}
	if got, err := byHandle(mount, stat.Ino); err != nil || got != path {
		t.Errorf("by its handle: %q, %v; want %q", got, err, path)
	}
	if got, err := byWalking(t.Context(), mount, stat.Ino); err != nil || got != path {
		t.Errorf("by walking: %q, %v; want %q", got, err, path)
	}
	if got, err := Path(t.Context(), mount, 1<<62); !errors.Is(err, ErrUnknown) {
		t.Errorf("a cgroup that is none: %q, %v", got, err)
	}
	if got, err := Processes(mount, path); err != nil || !slices.Contains(got, uint32(sleep.Process.Pid)) {
		t.Errorf("processes %v, %v; want %d among them", got, err, sleep.Process.Pid)
	}
}

func TestProcesses(t *testing.T) {
	mount := t.TempDir()
	if err := os.WriteFile(filepath.Join(mount, "cgroup.procs"), []byte("7\n0\nx\n99999999999\n8"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Processes(mount, "/")
	if diff := cmp.Diff([]uint32{7, 8}, got); diff != "" || err != nil {
		t.Errorf("processes (-want +got):\n%s%v", diff, err)
	}
	if _, err := Processes(mount, "/gone"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a cgroup that is gone: %v", err)
	}
	long := strings.Repeat("123456\n", maxProcesses)
	if err := os.WriteFile(filepath.Join(mount, "cgroup.procs"), []byte(long), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, _ := Processes(mount, "/"); len(got) > maxProcesses/7+1 {
		t.Errorf("%d processes", len(got))
	}
}
