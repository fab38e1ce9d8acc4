package netns

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// requireRoot skips a test that makes namespaces, or fails it where privileged
// tests are required.
func requireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("RSTWATCH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true" {
		t.Fatal("needs root")
	}
	t.Skip("needs root")
}

func ip(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// inNetns runs a command in a namespace that has a name. "ip -n" would remount
// /sys, which not every sandbox allows.
func inNetns(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command("nsenter", append([]string{"--net=/run/netns/" + name}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("in %s: %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// testName makes a name for a namespace or device that no other test uses.
func testName(suffix string) string { return fmt.Sprintf("rws%d%s", os.Getpid(), suffix) }

// addNamespace makes a named namespace and returns what removes it early.
func addNamespace(t testing.TB, name string) (remove func()) {
	t.Helper()
	ip(t, "netns", "add", name)
	removed := false
	remove = func() {
		if !removed {
			removed = true
			ip(t, "netns", "del", name)
		}
	}
	t.Cleanup(remove)
	return remove
}

// startTracker runs a tracker and returns it with the channel of its events.
func startTracker(t testing.TB, interval time.Duration) (*Tracker, <-chan Event) {
	t.Helper()
	tracker, err := New(Config{Interval: interval}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	events := make(chan Event, 4096)
	ran, followed := make(chan error, 1), make(chan error, 1)
	go func() { ran <- tracker.Run(ctx) }()
	go func() {
		followed <- tracker.Follow(ctx, func(e Event) error { events <- e; return nil })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := <-followed; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow: %v", err)
		}
	})
	own, err := Current()
	if err != nil {
		t.Fatal(err)
	}
	await(t, events, Added, func(n Namespace) bool { return n.ID == own.ID })
	return tracker, events
}

// await returns the next event of a kind about a namespace that matches.
func await(t testing.TB, events <-chan Event, kind Kind, match func(Namespace) bool) Event {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e := <-events:
			if e.Kind == kind && match(e.Namespace) {
				return e
			}
		case <-deadline:
			t.Fatalf("no %v event for the namespace", kind)
		}
	}
}

func named(name string) func(Namespace) bool {
	return func(n Namespace) bool { return n.Name == name }
}

func TestTrackerNamed(t *testing.T) {
	requireRoot(t)
	// An hour between scans: what is found is found by the events of the mounts.
	tracker, events := startTracker(t, time.Hour)
	name := testName("n")
	before := time.Now()
	remove := addNamespace(t, name)
	e := await(t, events, Added, named(name))
	t.Logf("found %v after ip netns add began", e.At.Sub(before))

	n := e.Namespace
	at, err := At("/run/netns/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if n.ID != at.ID || n.Cookie != at.Cookie || (n.Cookie == 0) != withoutCookies(t) {
		t.Errorf("namespace %d cookie %d, want %d cookie %d (0 only before Linux 5.14)", n.ID, n.Cookie, at.ID, at.Cookie)
	}
	if got, ok := tracker.Lookup(n.ID); !ok || got != name {
		t.Errorf("Lookup(%d) = %q, %v, want %q", n.ID, got, ok, name)
	}
	if n.Created.Before(before.Add(-time.Second)) || n.Created.After(e.At) {
		t.Errorf("created %v, want between %v and %v", n.Created, before, e.At)
	}
	if bound, ok := n.Unwatched(e.At); !ok || bound < e.At.Sub(n.Created) {
		t.Errorf("unwatched bound %v, %v, want at least %v", bound, ok, e.At.Sub(n.Created))
	}
	start := time.Now()
	remove()
	gone := await(t, events, Gone, func(g Namespace) bool { return g.ID == n.ID })
	t.Logf("gone %v after ip netns del began", gone.At.Sub(start))
	if _, ok := tracker.Lookup(n.ID); ok {
		t.Error("a namespace that is gone is still known")
	}
	if err := n.Do(func() error { return nil }); !errors.Is(err, ErrGone) {
		t.Errorf("Do in a namespace that is gone: %v, want ErrGone", err)
	}
}

// TestTrackerRenamed: the name goes, a process keeps the namespace; then a
// second mount names it anew.
func TestTrackerRenamed(t *testing.T) {
	requireRoot(t)
	_, events := startTracker(t, time.Hour)
	name, again := testName("r"), testName("s")
	remove := addNamespace(t, name)
	n := await(t, events, Added, named(name)).Namespace
	pid := startProcess(t, exec.Command("nsenter", "--net=/run/netns/"+name, "sh", "-c", "echo ready; read line"))
	remove()
	same := func(o Namespace) bool { return o.ID == n.ID && o.Cookie == n.Cookie }
	if e := await(t, events, Renamed, same); e.Namespace.Name != "" {
		t.Errorf("name %q after its mount was removed, want none", e.Namespace.Name)
	}
	ip(t, "netns", "attach", again, fmt.Sprint(pid))
	if e := await(t, events, Renamed, same); e.Namespace.Name != again {
		t.Errorf("name %q, want %q", e.Namespace.Name, again)
	}
	ip(t, "netns", "del", again)
	await(t, events, Renamed, same)
	kill(t, pid)
	await(t, events, Gone, same)
}

// withoutCookies reports whether this kernel has no SO_NETNS_COOKIE (before 5.14).
func withoutCookies(t *testing.T) bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	_, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	return errors.Is(err, unix.ENOPROTOOPT)
}

// startProcess starts a command that prints a line when it is where it should
// be and then waits, and ends it with the test.
func startProcess(t testing.TB, cmd *exec.Cmd) (pid int) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("waiting for %v: %v", cmd.Args, err)
	}
	return cmd.Process.Pid
}

func kill(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// TestTrackerUnshared: a namespace without a mount is found within the
// interval, and its process's death is noticed at once.
func TestTrackerUnshared(t *testing.T) {
	requireRoot(t)
	tracker, events := startTracker(t, 100*time.Millisecond)
	cmd := exec.Command("sh", "-c", "echo ready; read line")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	pid := startProcess(t, cmd)
	at, err := At(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatal(err)
	}
	e := await(t, events, Added, func(n Namespace) bool { return n.ID == at.ID })
	if e.Namespace.Name != "" || e.Namespace.Cookie != at.Cookie {
		t.Errorf("got %+v, want no name and cookie %d", e.Namespace, at.Cookie)
	}
	if e.Namespace.Created.IsZero() || e.Namespace.Created.Before(e.Namespace.Unfound) {
		t.Errorf("created %v, want no earlier than %v", e.Namespace.Created, e.Namespace.Unfound)
	}
	count, _ := tracker.Scans()
	for range 2 { // the next scan has begun to follow the process
		for now := count; now <= count; now, _ = tracker.Scans() {
			tracker.Rescan()
			time.Sleep(time.Millisecond)
		}
		count, _ = tracker.Scans()
	}
	start := time.Now()
	kill(t, pid)
	gone := await(t, events, Gone, func(n Namespace) bool { return n.ID == at.ID })
	t.Logf("gone %v after the kill", gone.At.Sub(start))
}

// TestTrackerLetsGo is the promise: a namespace in which we hold a socket goes
// when its owner deletes it, and with it the device whose other end is in
// another namespace.
func TestTrackerLetsGo(t *testing.T) {
	requireRoot(t)
	_, events := startTracker(t, time.Second)
	left, right := testName("l"), testName("m")
	addNamespace(t, left)
	remove := addNamespace(t, right)
	inNetns(t, left, "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", right)
	leftNS := await(t, events, Added, named(left)).Namespace
	rightNS := await(t, events, Added, named(right)).Namespace

	var fd int
	err := rightNS.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	open := true
	defer func() {
		if open {
			unix.Close(fd)
		}
	}()
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if !withoutCookies(t) && (err != nil || cookie != rightNS.Cookie) {
		t.Fatalf("socket is in namespace with cookie %d (%v), want %d", cookie, err, rightNS.Cookie)
	}

	start := time.Now()
	remove()
	await(t, events, Gone, func(n Namespace) bool { return n.ID == rightNS.ID })
	if !hasLink(t, leftNS, "v0") {
		t.Fatal("the peer vanished while the socket was open: the test proves nothing")
	}
	unix.Close(fd)
	open = false
	deadline := time.Now().Add(10 * time.Second)
	for hasLink(t, leftNS, "v0") {
		if time.Now().After(deadline) {
			t.Fatal("the namespace lives on: the other end of its veth is still there")
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("peer device gone %v after ip netns del began", time.Since(start))
}

func hasLink(t testing.TB, n Namespace, name string) bool {
	t.Helper()
	found := false
	err := n.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		ifreq, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		found = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ifreq) == nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestDoComesBack: threads that were elsewhere are home again, or never reused.
func TestDoComesBack(t *testing.T) {
	requireRoot(t)
	name := testName("d")
	addNamespace(t, name)
	n, err := At("/run/netns/" + name)
	if err != nil {
		t.Fatal(err)
	}
	home, err := Current()
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	for range 16 {
		go func() {
			errs <- n.Do(func() error {
				var stat unix.Stat_t
				if err := unix.Stat("/proc/thread-self/ns/net", &stat); err != nil || stat.Ino != n.ID {
					return fmt.Errorf("inside: namespace %d (%v), want %d", stat.Ino, err, n.ID)
				}
				return nil
			})
		}()
	}
	for range 16 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		link, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net")
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if want := fmt.Sprintf("net:[%d]", home.ID); link != want {
			t.Errorf("thread %s is in %s, want %s", task.Name(), link, want)
		}
	}
	want := errors.New("from within")
	if err := n.Do(func() error { return want }); !errors.Is(err, want) {
		t.Errorf("Do = %v, want fn's own error", err)
	}
}

func BenchmarkScan(b *testing.B) {
	proc, err := os.Open("/proc")
	if err != nil {
		b.Fatal(err)
	}
	defer proc.Close()
	s := &scanner{proc: proc}
	processes := 0
	for b.Loop() {
		all, err := s.scan(nil)
		if err != nil {
			b.Fatal(err)
		}
		processes = 0
		for _, f := range all {
			processes += len(f.pids)
		}
	}
	b.ReportMetric(float64(processes), "processes")
}
