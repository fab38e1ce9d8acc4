package owner

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestMain lets this program be the process that holds a socket.
func TestMain(m *testing.M) {
	if os.Getenv("RSTWATCH_TEST_HOLD") != "" {
		hold()
	}
	os.Exit(m.Run())
}

// hold listens, says the socket's number and port, and waits to be told to end.
func hold() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	inode, err := inodeOf(listener.(*net.TCPListener))
	if err != nil {
		panic(err)
	}
	fmt.Println(inode, listener.Addr().(*net.TCPAddr).Port)
	bufio.NewReader(os.Stdin).ReadByte()
	os.Exit(0)
}

func inodeOf(c syscall.Conn) (inode uint64, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	err2 := raw.Control(func(fd uintptr) {
		var stat syscall.Stat_t
		err = syscall.Fstat(int(fd), &stat)
		inode = stat.Ino
	})
	if err2 != nil {
		return 0, err2
	}
	return inode, err
}

// held is a process that holds a socket.
type held struct {
	Socket
	process reset.Process
	end     func()
}

func holding(t *testing.T) held {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "RSTWATCH_TEST_HOLD=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := held{end: func() { in.Close(); cmd.Wait() }}
	t.Cleanup(h.end)
	if _, err := fmt.Fscan(out, &h.Inode, &h.Port); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	comm := filepath.Base(exe)
	h.process = reset.Process{
		PID: reset.Some(uint32(cmd.Process.Pid)), Comm: comm[:min(len(comm), 15)], Exe: exe,
		UID: reset.Some(uint32(os.Geteuid())), GID: reset.Some(uint32(os.Getegid())),
	}
	return h
}

func running(t *testing.T, cfg Config) *Finder {
	t.Helper()
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done })
	return f
}

// owner asks until the finder has looked.
func owner(t *testing.T, f *Finder, s Socket) *reset.Process {
	t.Helper()
	before := f.Counts().Asked
	deadline := time.Now().Add(30 * time.Second)
	for {
		p := f.Owner(s)
		if p != nil || f.Counts().Asked > before {
			return f.Owner(s)
		}
		if time.Now().After(deadline) {
			t.Fatalf("still looking: %+v", f.Counts())
		}
		time.Sleep(time.Millisecond)
	}
}

// TestOwner finds a real process by its socket, names it when it has gone, and
// finds the next one of its place without a search.
func TestOwner(t *testing.T) {
	f := running(t, DefaultConfig())
	first := holding(t)
	if diff := cmp.Diff(&first.process, owner(t, f, first.Socket)); diff != "" {
		t.Fatalf("owner (-want +got):\n%s", diff)
	}
	if n := f.Counts(); n.Searches != 1 || n.Files == 0 || n.Hits != 0 {
		t.Errorf("counts %+v", n)
	}
	first.end()
	again := first.Socket
	again.Netns++ // another question on the same socket
	if diff := cmp.Diff(&first.process, owner(t, f, again)); diff != "" {
		t.Errorf("owner that has gone (-want +got):\n%s", diff)
	}
	if n := f.Counts(); n.Hits != 1 {
		t.Errorf("counts %+v", n)
	}
	mine := owner(t, f, Socket{Inode: 1 << 60})
	if mine != nil {
		t.Errorf("nobody's socket has the owner %+v", mine)
	}
	if got := f.Owner(Socket{}); got != nil {
		t.Errorf("no socket has the owner %+v", got)
	}
}

// TestHint: the process that held a socket of the place is tried first.
func TestHint(t *testing.T) {
	proc := t.TempDir()
	fake(t, proc, 7, "web", 100)
	f := running(t, Config{Proc: proc, Cgroup: t.TempDir(), PerSecond: 1000, Timeout: time.Second})
	want := &reset.Process{PID: reset.Some(uint32(7)), Comm: "web", UID: reset.Some(uint32(33)), GID: reset.Some(uint32(33))}
	if diff := cmp.Diff(want, owner(t, f, Socket{Inode: 100, Netns: 1, Port: 80})); diff != "" {
		t.Fatalf("owner (-want +got):\n%s", diff)
	}
	fake(t, proc, 7, "web", 101)
	fake(t, proc, 9, "other", 102)
	if diff := cmp.Diff(want, owner(t, f, Socket{Inode: 101, Netns: 1, Port: 80})); diff != "" {
		t.Errorf("owner of the next (-want +got):\n%s", diff)
	}
	if n := f.Counts(); n.Searches != 1 || n.Hits != 1 {
		t.Errorf("counts %+v", n)
	}
}

// fake makes a process in a /proc of the test's, or adds a socket to it.
func fake(t *testing.T, proc string, pid int, comm string, inode uint64) {
	t.Helper()
	dir := filepath.Join(proc, strconv.Itoa(pid))
	if err := os.MkdirAll(dir+"/fd", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/status", []byte("Name:\t"+comm+"\nUid:\t33\t33\nGid:\t33\t33\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(fmt.Sprintf("socket:[%d]", inode), fmt.Sprintf("%s/fd/%d", dir, inode)); err != nil {
		t.Fatal(err)
	}
}

// TestBudget: a host with many open files is read in portions, and what the
// time does not suffice for is counted.
func TestBudget(t *testing.T) {
	proc := t.TempDir()
	for pid := range 40 {
		for i := range 50 {
			fake(t, proc, 100+pid, "many", uint64(pid*1000+i+1))
		}
	}
	f := running(t, Config{Proc: proc, Cgroup: t.TempDir(), PerSecond: 100, Timeout: 100 * time.Millisecond})
	if got := owner(t, f, Socket{Inode: 1}); got != nil { // of the process that comes last
		t.Errorf("found %+v", got)
	}
	if n := f.Counts(); n.Stopped != 1 || n.Files > 400 {
		t.Errorf("counts %+v", n)
	}
}

func TestReserve(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBudget(100)
	b.now = func() time.Time { return now }
	for _, step := range []struct {
		after time.Duration
		n     int
		want  time.Duration
	}{
		{0, 100, 0}, {0, 50, 500 * time.Millisecond}, {500 * time.Millisecond, 0, 0},
		{time.Hour, 100, 0}, {0, 1, 10 * time.Millisecond},
	} {
		now = now.Add(step.after)
		if got := b.reserve(step.n); got != step.want {
			t.Errorf("after %v, %d: wait %v, want %v", step.after, step.n, got, step.want)
		}
	}
}

func TestSocketNumber(t *testing.T) {
	for target, want := range map[string]uint64{
		"socket:[12345]": 12345, "socket:[]": 0, "socket:[x]": 0, "pipe:[12345]": 0, "/dev/null": 0, "": 0,
		"socket:[99999999999999999999999]": 0, "socket:[1": 0, "socket:1]": 0,
	} {
		if got, ok := socketNumber([]byte(target)); got != want && ok {
			t.Errorf("%q: %d, want %d", target, got, want)
		} else if ok != (want != 0) {
			t.Errorf("%q: found %v", target, ok)
		}
	}
}
