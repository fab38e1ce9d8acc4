package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// program is the binary under test, in a directory that every user may enter.
var program string

func TestMain(m *testing.M) {
	if job := os.Getenv(childVariable); job != "" {
		if err := runChild(job); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rstwatch-lab-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program = filepath.Join(dir, "rstwatch")
	build := exec.Command("go", "build", "-o", program, "github.com/rstwatch/rstwatch/cmd/rstwatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, text)
		return 1
	}
	return m.Run()
}

// patience bounds every wait; waits that end well take milliseconds.
const patience = 20 * time.Second

// until polls for at most patience.
func until(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: nothing within %s", what, patience)
		}
	}
}

// place is where a daemon keeps its things.
type place struct{ dir, socket, config string }

// newPlace makes a place. Its directory may be entered by every user, since
// some tests are about who may read what.
func newPlace(t *testing.T) place {
	t.Helper()
	root, err := os.MkdirTemp("", "rstwatch-lab-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return place{filepath.Join(root, "journal"), filepath.Join(root, "socket"), filepath.Join(root, "rstwatch.toml")}
}

// removeAll also removes what bears the append-only attribute.
func removeAll(root string) {
	if os.RemoveAll(root) != nil {
		_ = exec.Command("chattr", "-R", "-a", root).Run()
		_ = os.RemoveAll(root)
	}
}

// path is a file beside the journal.
func (p place) path(name string) string { return filepath.Join(filepath.Dir(p.dir), name) }

// configure writes the configuration that commands at this place read.
func (p place) configure(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(p.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// arguments are those of every command at this place.
func (p place) arguments() []string {
	args := []string{"--dir", p.dir}
	if _, err := os.Stat(p.config); err == nil {
		args = append(args, "--config", p.config)
	} else {
		args = append(args, "--config", "/dev/null")
	}
	return args
}

// daemon is a running "rstwatch run".
type daemon struct {
	place
	t       *testing.T
	cmd     *exec.Cmd
	ended   chan error
	notices *net.UnixConn

	mu     sync.Mutex
	said   bytes.Buffer // on standard error
	states []string     // told to the service manager
}

// start runs the daemon and waits until it says that it watches.
func start(t *testing.T, p place, args ...string) *daemon {
	t.Helper()
	d := launch(t, p, args...)
	until(t, "the daemon to watch", func() bool {
		select {
		case err := <-d.ended:
			t.Fatalf("the daemon ended at once: %v\n%s", err, d.stderr())
		default:
		}
		return d.told("READY=1")
	})
	return d
}

// launch runs the daemon.
func launch(t *testing.T, p place, args ...string) *daemon {
	t.Helper()
	d := &daemon{place: p, t: t, ended: make(chan error, 1)}
	// In a directory of its own: the path of a socket is short.
	manager := filepath.Join(t.TempDir(), "n")
	var err error
	if d.notices, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: manager, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.notices.Close() })
	go d.listen()
	all := append(append([]string{"run"}, p.arguments()...), "--socket", p.socket)
	d.cmd = exec.Command(program, append(all, args...)...)
	d.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+manager)
	d.cmd.Stderr = writerFunc(func(b []byte) (int, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.said.Write(b)
	})
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.ended <- d.cmd.Wait() }()
	t.Cleanup(func() {
		d.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("the daemon said:\n%s", d.stderr())
		}
	})
	return d
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func (d *daemon) listen() {
	buffer := make([]byte, 4096)
	for {
		n, err := d.notices.Read(buffer)
		if err != nil {
			return
		}
		d.mu.Lock()
		d.states = append(d.states, strings.Split(string(buffer[:n]), "\n")...)
		d.mu.Unlock()
	}
}

// told reports whether the service manager was told.
func (d *daemon) told(state string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.states {
		if s == state {
			return true
		}
	}
	return false
}

func (d *daemon) stderr() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.String()
}

func (d *daemon) signal(s syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// wait waits for the end and returns the exit status, -1 after a signal.
func (d *daemon) wait() int {
	d.t.Helper()
	select {
	case <-d.ended:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		d.t.Fatalf("the daemon does not end within %s", patience)
		return 0
	}
}

// stop ends the daemon as the service manager would and checks what it owes at
// its end: status 0 and a ledger that balances, which stop returns.
func (d *daemon) stop() reset.Ledger {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	if status := d.wait(); status != 0 {
		d.t.Errorf("the daemon ended with status %d", status)
	}
	if !d.told("STOPPING=1") {
		d.t.Error("the service manager was not told that the daemon stops")
	}
	ledger := d.ledger()
	if !ledger.Balanced() {
		d.t.Errorf("the ledger does not balance: %+v", ledger)
	}
	if ledger.Host.Pending != 0 {
		d.t.Errorf("after a clean end %d resets are pending", ledger.Host.Pending)
	}
	return ledger
}

// ledger reads the account that the daemon printed at its end.
func (d *daemon) ledger() reset.Ledger {
	d.t.Helper()
	var ledger reset.Ledger
	lines := bufio.NewScanner(strings.NewReader(d.stderr()))
	for lines.Scan() {
		var s reset.SensorLedger
		if n, _ := fmt.Sscanf(lines.Text(), "sightings %s %d = %d primary + %d joined + %d filtered + %d lost + %d pending",
			&s.Sensor, &s.Sightings, &s.Primary, &s.Joined, &s.Filtered, &s.Lost, &s.Pending); n == 7 {
			ledger.Sensors = append(ledger.Sensors, s)
		}
		h := &ledger.Host
		if n, _ := fmt.Sscanf(lines.Text(), "resets %d = %d written + %d folded + %d lost + %d pending",
			&h.Resets, &h.Written, &h.Folded, &h.Lost, &h.Pending); n > 0 && n < 5 {
			d.t.Errorf("ledger line %q", lines.Text())
		}
	}
	if len(ledger.Sensors) == 0 {
		d.t.Errorf("no ledger printed:\n%s", d.stderr())
	}
	return ledger
}

// command runs the program at the place and returns what it printed; err is
// an *exec.ExitError where it ended with another status than 0.
func (p place) command(words []string, change ...func(*exec.Cmd)) (stdout, stderr string, err error) {
	cmd := exec.Command(program, append(words, p.arguments()...)...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	for _, f := range change {
		f(cmd)
	}
	err = cmd.Run()
	return out.String(), problems.String(), err
}

func status(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// cat returns what "journal cat" prints.
func (p place) cat(t *testing.T, args ...string) string {
	t.Helper()
	out, problems, err := p.command(append([]string{"journal", "cat"}, args...))
	if err != nil || problems != "" {
		t.Fatalf("journal cat: %v\n%s", err, problems)
	}
	return out
}

// entries parses JSON lines.
func entries(t *testing.T, text string) []reset.Entry {
	t.Helper()
	var list []reset.Entry
	for line := range strings.Lines(text) {
		e, err := reset.ParseJSON([]byte(line))
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}

// resets are the journal's resets, each in its last revision and in the order of
// the first.
func (p place) resets(t *testing.T) []reset.Reset {
	t.Helper()
	var list []reset.Reset
	places := make(map[reset.ID]int)
	for _, e := range entries(t, p.cat(t, "--all=false")) {
		at, known := places[e.Reset.ID]
		switch {
		case !known:
			places[e.Reset.ID] = len(list)
			list = append(list, *e.Reset)
		case e.Reset.Revision > list[at].Revision:
			list[at] = *e.Reset
		default:
			t.Errorf("revision %d of reset %s follows revision %d", e.Reset.Revision, e.Reset.ID, list[at].Revision)
		}
	}
	return list
}

// firstRevisions are the lines of JSON that tell of a reset for the first time.
func firstRevisions(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, `"revision":1,`) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// coverage are the journal's coverage lines of one namespace.
func (p place) coverage(t *testing.T, node *testkit.Node) []reset.Coverage {
	t.Helper()
	var list []reset.Coverage
	for _, e := range entries(t, p.cat(t)) {
		if e.Coverage != nil && e.Coverage.Netns.ID == node.Inode {
			list = append(list, *e.Coverage)
		}
	}
	return list
}

// verify runs "journal verify".
func (p place) verify(t *testing.T) {
	t.Helper()
	out, problems, err := p.command([]string{"journal", "verify"})
	if err != nil || !strings.Contains(out, "as it was written") {
		t.Errorf("journal verify: %v\n%s%s", err, out, problems)
	}
}

// report is what doctor says, as far as it is tested.
type report struct {
	Daemon *struct {
		PID      int
		Sensor   string
		Balanced bool
		Blind    string
		Filter   string
		Notices  []string
		Journal  struct {
			Stalled    bool
			Held, Lost uint64
		}
		Outputs []struct{ Name, Problem string }
	}
	Problems []string
}

// doctor asks the daemon at the place.
func (p place) doctor(t *testing.T) report {
	t.Helper()
	out, problems, err := p.command([]string{"doctor", "--output", "json", "--socket", p.socket})
	if s := status(err); s != 0 && s != 1 {
		t.Fatalf("doctor: %v\n%s", err, problems)
	}
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("doctor said %q: %v", out, err)
	}
	return r
}

// only are the flags that keep the rest of the machine out.
func only(nodes ...*testkit.Node) []string {
	var flags []string
	for _, n := range nodes {
		flags = append(flags, "--netns", strconv.FormatUint(n.Inode, 10))
	}
	return flags
}

// observed is what is compared of the journal's resets.
func (p place) observed(t *testing.T) func() []testkit.Observation {
	return func() []testkit.Observation {
		var list []testkit.Observation
		for _, r := range p.resets(t) {
			list = append(list, testkit.Observe(&r))
		}
		return list
	}
}

// settled is how long a double may take to show itself: longer than sightings
// wait for each other.
const settled = 500 * time.Millisecond

// seenByBPF are the places where the sensor bpf sees.
const seenByBPF = testkit.Stack | testkit.Device | testkit.Bridged
