package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// following is a command that runs until it is stopped.
type following struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
}

func (p place) follow(t *testing.T, words ...string) *following {
	t.Helper()
	f := &following{cmd: exec.Command(program, append(words, p.arguments()...)...)}
	f.cmd.Stdout, f.cmd.Stderr = &f.out, &f.err
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.cmd.Process.Kill() })
	return f
}

// end waits for the command, which must end well by itself.
func (f *following) end(t *testing.T) string {
	t.Helper()
	if err := f.cmd.Wait(); err != nil {
		t.Errorf("%v: %v\n%s", f.cmd.Args, err, f.err.String())
	}
	return f.out.String()
}

// TestLiveFromDaemon asks the daemon: live prints what the journal has, those
// that its filter matches, and ends at its count.
func TestLiveFromDaemon(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	d := start(t, p, only(lab.Nodes()...)...)
	maker, scene := testkit.Lookup(t, "closed-port"), lab.Scenes()[0]
	all := p.follow(t, "live", "--socket", p.socket, "-o", "json", "-n", "12", "--duration", "30s")
	sent := p.follow(t, "live", "--socket", p.socket, "-o", "json", "-n", "4", "--duration", "30s", "direction out")
	// A reader sees what comes after it has asked; that it has shows when the
	// first of a train of resets reaches it.
	until(t, "the readers", func() bool { return streams(t, p) == 2 })
	maker.MustMake(t, lab, scene, 4) // out, forward, in
	gotAll, gotSent := all.end(t), sent.end(t)
	d.stop()
	if diff := cmp.Diff(firstRevisions(p.cat(t, "--all=false")), firstRevisions(gotAll)); diff != "" {
		t.Errorf("live (-journal +live):\n%s", diff)
	}
	if diff := cmp.Diff(firstRevisions(p.cat(t, "direction out")), firstRevisions(gotSent)); diff != "" {
		t.Errorf("live with a filter (-journal +live):\n%s", diff)
	}
	if n := strings.Count(firstRevisions(gotAll), "\n"); n != 12 {
		t.Errorf("live printed %d resets, want 12", n)
	}
}

// streams counts the connections to the daemon's socket.
func streams(t *testing.T, p place) int {
	t.Helper()
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	return connected(string(text), p.socket)
}

// connected counts the lines of connected sockets that bear the path: the
// daemon's ends.
func connected(text, path string) int {
	n := 0
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 8 && f[7] == path && f[5] == "03" {
			n++
		}
	}
	return n
}

// TestLiveEndsWithItsDaemon: who follows a daemon that ends is told.
func TestLiveEndsWithItsDaemon(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	d := start(t, p, only(lab.Nodes()...)...)
	f := p.follow(t, "live", "--socket", p.socket, "--duration", "30s")
	until(t, "the reader", func() bool { return streams(t, p) == 1 })
	d.stop()
	if err := f.cmd.Wait(); status(err) != 1 || !strings.Contains(f.err.String(), "the daemon ended") {
		t.Errorf("live ended with %v and said %q", err, f.err.String())
	}
}

// TestLiveAlone captures by itself and keeps nothing.
func TestLiveAlone(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	words := append([]string{"live", "--socket", p.path("none"), "-o", "json", "-n", "6", "--duration", "30s"}, only(lab.Nodes()...)...)
	f := p.follow(t, words...)
	expects := untilSeen(t, lab, f)
	var got []testkit.Observation
	for _, e := range entries(t, firstRevisions(f.out.String())) {
		got = append(got, testkit.Observe(e.Reset))
	}
	if len(got) != 6 {
		t.Errorf("live printed %d resets, want 6", len(got))
	}
	report := lab.Match(expects, got)
	if len(report.Unexpected)+len(report.Doubled) > 0 {
		t.Errorf("live printed what was not made: %s", report)
	}
	if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
		t.Errorf("live made a journal: %v", err)
	}
}

// untilSeen makes resets until the command has enough and ends.
func untilSeen(t *testing.T, lab *testkit.Lab, f *following) []testkit.Expect {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- f.cmd.Wait() }()
	var expects []testkit.Expect
	maker := testkit.Lookup(t, "closed-port")
	until(t, "live to see enough", func() bool {
		expects = append(expects, testkit.Visible(maker.MustMake(t, lab, lab.Scenes()[0], 1), seenByBPF)...)
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("live: %v\n%s", err, f.err.String())
			}
			return true
		default:
			return false
		}
	})
	return expects
}

// TestWhoMayRead: members of the group may ask the daemon and read the
// journal; others may not, and are told why.
func TestWhoMayRead(t *testing.T) {
	lab := testkit.NewLab(t)
	const group = "games" // a group of every Debian, with no member
	known, err := user.LookupGroup(group)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(known.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	p.configure(t, fmt.Sprintf("[serve]\ngroup = %q\n", group))
	d := start(t, p, only(lab.Nodes()...)...)
	expects := testkit.Visible(testkit.Lookup(t, "closed-port").MustMake(t, lab, lab.Scenes()[0], 2), seenByBPF)
	lab.AwaitCompare(t, expects, 0, p.observed(t))

	as := func(groups ...uint32) func(*exec.Cmd) {
		return func(c *exec.Cmd) {
			c.Dir = "/"
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, Groups: groups}}
		}
	}
	cat, live := []string{"journal", "cat"}, []string{"live", "--socket", p.socket, "--duration", "100ms"}
	doctor := []string{"doctor", "--socket", p.socket, "-o", "json"}
	out, problems, err := p.command(cat, as(uint32(gid)))
	if err != nil || out != p.cat(t) {
		t.Errorf("a member of the group cannot read the journal: %v\n%s", err, problems)
	}
	if _, problems, err = p.command(live, as(uint32(gid))); err != nil {
		t.Errorf("a member of the group cannot ask the daemon: %v\n%s", err, problems)
	}
	if out, problems, _ := p.command(doctor, as(uint32(gid))); !strings.Contains(out, fmt.Sprintf(`"pid": %d`, d.cmd.Process.Pid)) {
		t.Errorf("a member's doctor does not see the daemon: %s%s", out, problems)
	}
	for _, words := range [][]string{cat, live} {
		out, problems, err = p.command(words, as())
		if status(err) != 1 || out != "" || !strings.Contains(problems, "permission denied") || !strings.Contains(problems, "hint: ") {
			t.Errorf("%v of somebody else: %v, printed %q, said %q", words, err, out, problems)
		}
	}
	// Nobody listens, and no rights to watch: it says what is missing.
	_, problems, err = p.command([]string{"live", "--socket", p.path("none")}, as())
	if status(err) != 1 || !strings.Contains(problems, "hint: ") || !strings.Contains(problems, "sudo") {
		t.Errorf("live without rights: %v, said %q", err, problems)
	}
	_, problems, err = p.command([]string{"run", "--socket", p.path("none")}, as())
	if status(err) != 1 || !strings.Contains(problems, "hint: ") {
		t.Errorf("run without rights: %v, said %q", err, problems)
	}
	d.stop()
}

// TestSecondDaemon is refused, names the first, and harms nothing.
func TestSecondDaemon(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	d := start(t, p, only(lab.Nodes()...)...)
	second := launch(t, p, only(lab.Nodes()...)...)
	if s := second.wait(); s != 1 {
		t.Errorf("the second daemon ended with status %d", s)
	}
	said := second.stderr()
	if !strings.Contains(said, fmt.Sprintf("process %d", d.cmd.Process.Pid)) || !strings.Contains(said, "hint: ") {
		t.Errorf("the second daemon said %q", said)
	}
	if p.doctor(t).Daemon == nil {
		t.Error("the first daemon does not answer any more")
	}
	// In a directory of its own it works, but the socket is taken.
	other := newPlace(t)
	other.socket = p.socket
	third := start(t, other, only(lab.Nodes()...)...)
	if !strings.Contains(third.stderr(), "another process answers there") {
		t.Errorf("a daemon whose socket is taken said %q", third.stderr())
	}
	expects := testkit.Visible(testkit.Lookup(t, "closed-port").MustMake(t, lab, lab.Scenes()[0], 2), seenByBPF)
	third.stop()
	if r := p.doctor(t); r.Daemon == nil || r.Daemon.PID != d.cmd.Process.Pid {
		t.Error("the end of another daemon took the socket away")
	}
	d.stop()
	lab.Compare(t, expects, p.resets(t))
	lab.Compare(t, expects, other.resets(t))
	if _, err := os.Stat(p.socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// TestServiceManager: told when it is ready, that it lives, and that it stops.
func TestServiceManager(t *testing.T) {
	lab := testkit.NewLab(t)
	d := start(t, newPlace(t), only(lab.Nodes()...)...)
	until(t, "the watchdog to be told", func() bool { return d.told("WATCHDOG=1") })
	if d.told("STOPPING=1") {
		t.Error("told that it stops, and it does not")
	}
	d.stop()
}
