package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// fake makes a /proc with one process.
func fake(t *testing.T, pid int, exe, status string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, fmt.Sprint(pid))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if exe != "" {
		if err := os.Symlink(exe, filepath.Join(dir, "exe")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "status"), []byte(status), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestFill(t *testing.T) {
	pid := reset.Some(uint32(7))
	for _, tt := range []struct {
		name        string
		exe, status string
		in, want    reset.Process
	}{
		{
			"all of it", "/usr/sbin/mysqld", "Name:\tmysqld\nUid:\t1\t27\t27\t27\nGid:\t1\t28\t28\t28\n",
			reset.Process{PID: pid},
			reset.Process{PID: pid, Exe: "/usr/sbin/mysqld", UID: reset.Some(uint32(27)), GID: reset.Some(uint32(28))},
		},
		{
			"what is known stays", "/bin/a", "Uid:\t1\t2\t2\t2\nGid:\t1\t3\t3\t3\n",
			reset.Process{PID: pid, Exe: "/bin/b", UID: reset.Some(uint32(9))},
			reset.Process{PID: pid, Exe: "/bin/b", UID: reset.Some(uint32(9)), GID: reset.Some(uint32(3))},
		},
		{"a deleted program", "/bin/a (deleted)", "", reset.Process{PID: pid}, reset.Process{PID: pid, Exe: "/bin/a"}},
		{"rubbish", "", "Uid:\nGid: x y z\nUid:\t1\t99999999999\t1\t1\n\x00", reset.Process{PID: pid}, reset.Process{PID: pid}},
		{"gone", "/bin/a", "Uid:\t1\t2\t2\t2\n", reset.Process{PID: reset.Some(uint32(8))}, reset.Process{PID: reset.Some(uint32(8))}},
		{"no process", "/bin/a", "", reset.Process{Comm: "x"}, reset.Process{Comm: "x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			New(fake(t, 7, tt.exe, tt.status)).Fill(&tt.in)
			if diff := cmp.Diff(tt.want, tt.in); diff != "" {
				t.Errorf("process (-want +got):\n%s", diff)
			}
		})
	}
	New("/proc").Fill(nil) // a record without a process
}

// TestFillBelievesForAMoment: a process id is used again, so what is
// remembered must be read anew.
func TestFillBelievesForAMoment(t *testing.T) {
	root := fake(t, 7, "/bin/first", "")
	r, now := New(root), time.Unix(1000, 0)
	r.now = func() time.Time { return now }
	exe := func() string {
		p := reset.Process{PID: reset.Some(uint32(7))}
		r.Fill(&p)
		return p.Exe
	}
	if got := exe(); got != "/bin/first" {
		t.Fatalf("exe %q", got)
	}
	link := filepath.Join(root, "7", "exe")
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/second", link); err != nil {
		t.Fatal(err)
	}
	if got := exe(); got != "/bin/first" {
		t.Errorf("read again at once: %q", got)
	}
	now = now.Add(keepFor + 1)
	if got := exe(); got != "/bin/second" {
		t.Errorf("still believed: %q", got)
	}
}

// TestFillRemembersTheDead: a process that has ended is named by what was read
// while it lived, if the record bears its name, and not for ever.
func TestFillRemembersTheDead(t *testing.T) {
	root := fake(t, 7, "/bin/web", "Name:\tweb\nUid:\t1\t2\t2\t2\n")
	r, now := New(root), time.Unix(1000, 0)
	r.now = func() time.Time { return now }
	exe := func(comm string) string {
		p := reset.Process{PID: reset.Some(uint32(7)), Comm: comm}
		r.Fill(&p)
		return p.Exe
	}
	if got := exe("web"); got != "/bin/web" {
		t.Fatalf("alive: %q", got)
	}
	now = now.Add(2 * keepFor)
	if err := os.Remove(filepath.Join(root, "7", "exe")); err != nil {
		t.Fatal(err)
	}
	if got := exe("web"); got != "/bin/web" {
		t.Errorf("ending: %q", got)
	}
	if err := os.RemoveAll(filepath.Join(root, "7")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * keepFor)
	if got := exe("web"); got != "/bin/web" {
		t.Errorf("ended: %q", got)
	}
	if got := exe("other"); got != "" {
		t.Errorf("another process of its number: %q", got)
	}
	now = now.Add(2 * rememberFor)
	if got := exe("web"); got != "" {
		t.Errorf("long ended: %q", got)
	}
}

// TestRead: this process knows itself.
func TestRead(t *testing.T) {
	got, ok := Read("/proc", uint32(os.Getpid()))
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	want := reset.Process{
		PID: reset.Some(uint32(os.Getpid())), Comm: strings.TrimSuffix(string(comm), "\n"), Exe: exe,
		UID: reset.Some(uint32(os.Geteuid())), GID: reset.Some(uint32(os.Getegid())),
	}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("found %v (-want +got):\n%s", ok, diff)
	}
}

// TestReaderIsBounded meets more processes than it may remember.
func TestReaderIsBounded(t *testing.T) {
	r := New(t.TempDir())
	for pid := range uint32(3 * maxKept) {
		r.Fill(&reset.Process{PID: reset.Some(pid)})
		if len(r.kept) > maxKept {
			t.Fatalf("%d are kept", len(r.kept))
		}
	}
}
