package verdicts

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// patience bounds every wait; an emulated machine takes minutes to verify the
// programs.
func patience() time.Duration {
	if *anyHere {
		return 10 * time.Minute
	}
	return time.Minute
}

// watcher is a running "rstwatch run": one sensor, in one view.
type watcher struct {
	sensor string
	view   testkit.View
	of     string // the role of the one namespace, in the view Alone
	nodes  []*testkit.Node
	beside []uint64 // namespaces of the unrelated resets that it watches too
	hooks  testkit.Hooks

	dir   string
	cmd   *exec.Cmd
	ended chan error
	mu    sync.Mutex
	said  bytes.Buffer
	ready bool
}

// hooksOf are the places where a sensor sees.
var hooksOf = map[string]testkit.Hooks{
	"bpf":       testkit.Stack | testkit.Device | testkit.Bridged,
	"bpf-light": testkit.Stack,
	"packet":    testkit.Device | testkit.Bridged,
	"nflog":     testkit.Inet,
	fromFile:    testkit.Device,
	fromLog:     testkit.Inet,
}

// String is one word for people.
func (w *watcher) String() string {
	if w.view == testkit.Together {
		return w.sensor
	}
	return w.sensor + " of " + w.of + " alone"
}

// launch runs the daemon.
func (w *watcher) launch(t *testing.T) {
	t.Helper()
	w.hooks, w.ended = hooksOf[w.sensor], make(chan error, 1)
	var err error
	if w.dir, err = os.MkdirTemp("", "rstwatch-verdicts-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The journal bears the append-only attribute.
		_ = exec.Command("chattr", "-R", "-a", w.dir).Run()
		os.RemoveAll(w.dir)
	})
	if w.sensor == fromFile {
		w.dump(t)
		return
	}
	// The path of a socket is short.
	notices, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(w.dir, "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { notices.Close() })
	go w.listen(notices)
	args := []string{"run", "--config", "/dev/null", "--dir", w.journal(), "--socket", filepath.Join(w.dir, "s"), "--sensor", w.sensor}
	watched := slices.Clone(w.beside)
	for _, n := range w.nodes {
		watched = append(watched, n.Inode)
	}
	if w.sensor == fromLog {
		watched = nil // a line does not say where it was
	}
	for _, inode := range watched {
		args = append(args, "--netns", strconv.FormatUint(inode, 10))
	}
	w.cmd = exec.Command(program, args...)
	w.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(w.dir, "n"))
	w.run(t)
}

// Write takes what the daemon says on standard error.
func (w *watcher) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(b)
}

func (w *watcher) stderr() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.String()
}

func (w *watcher) listen(notices *net.UnixConn) {
	buffer := make([]byte, 4096)
	for {
		n, err := notices.Read(buffer)
		if err != nil {
			return
		}
		w.mu.Lock()
		w.ready = w.ready || slices.Contains(strings.Split(string(buffer[:n]), "\n"), "READY=1")
		w.mu.Unlock()
	}
}

// await waits until the daemon watches; of one that does not it tells where it
// stands.
func (w *watcher) await(t *testing.T) {
	t.Helper()
	watches := func() bool {
		if w.sensor == fromFile {
			return w.dumps()
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.ready
	}
	for deadline := time.Now().Add(patience()); !watches(); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-w.ended:
			t.Fatalf("%s ended at once: %v\n%s", w, err, w.stderr())
		default:
		}
		if time.Now().After(deadline) {
			_ = w.cmd.Process.Signal(syscall.SIGQUIT)
			<-w.ended
			t.Fatalf("waiting for %s to watch: nothing within %s\n%s", w, patience(), w.stderr())
		}
	}
}

// stop ends the daemon, which must owe nothing.
func (w *watcher) stop(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping %s: %v\n%s", w, err, w.stderr())
	}
	select {
	case err := <-w.ended:
		if err != nil {
			t.Errorf("%s ended: %v\n%s", w, err, w.stderr())
		}
	case <-time.After(patience()):
		t.Fatalf("%s does not end within %s", w, patience())
	}
}

func (w *watcher) journal() string { return filepath.Join(w.dir, "j") }

// records are the last revisions of what the daemon recorded.
func (w *watcher) records(t *testing.T) []reset.Reset {
	t.Helper()
	if w.sensor == fromFile {
		return w.readFile(t)
	}
	out, err := exec.Command(program, "journal", "cat", "--all=false", "--config", "/dev/null", "--dir", w.journal()).Output()
	if err != nil {
		t.Fatalf("reading the journal of %s: %v", w, err)
	}
	records := lastRevisions(t, string(out))
	if w.sensor == fromLog {
		records = placed(records, w.nodes)
	}
	return records
}

// lastRevisions parses JSON Lines, and keeps of each record the last one.
func lastRevisions(t *testing.T, text string) []reset.Reset {
	t.Helper()
	at := map[reset.ID]int{}
	var list []reset.Reset
	for line := range strings.Lines(text) {
		e, err := reset.ParseJSON([]byte(line))
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if e.Reset == nil {
			continue
		}
		i, have := at[e.Reset.ID]
		switch {
		case !have:
			at[e.Reset.ID] = len(list)
			list = append(list, *e.Reset)
		case list[i].Revision <= e.Reset.Revision:
			list[i] = *e.Reset
		}
	}
	return list
}

// until polls for at most patience.
func until(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience()); !ready(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: nothing within %s", what, patience())
		}
	}
}
