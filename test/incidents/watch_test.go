package incidents

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

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// watch is a running "rstwatch run" that sees some namespaces and no other.
type watch struct {
	t     *testing.T
	dir   string
	cmd   *exec.Cmd
	ended chan error

	mu    sync.Mutex
	said  bytes.Buffer
	ready bool
}

// watchOver starts the daemon and waits until it watches.
func watchOver(t *testing.T, nodes ...*testkit.Node) *watch {
	t.Helper()
	w := &watch{t: t, ended: make(chan error, 1)}
	var err error
	if w.dir, err = os.MkdirTemp("", "rstwatch-incidents-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The journal bears the append-only attribute.
		_ = exec.Command("chattr", "-R", "-a", w.dir).Run()
		os.RemoveAll(w.dir)
	})
	manager := filepath.Join(w.dir, "n") // the path of a socket is short
	notices, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: manager, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { notices.Close() })
	go w.listen(notices)
	args := []string{"run", "--config", "/dev/null", "--dir", w.journal(), "--socket", filepath.Join(w.dir, "s")}
	for _, n := range nodes {
		args = append(args, "--netns", strconv.FormatUint(n.Inode, 10))
	}
	w.cmd = exec.Command(program, args...)
	w.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+manager)
	w.cmd.Stderr = w
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.ended <- w.cmd.Wait() }()
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	until(t, "the daemon to watch", func() bool {
		select {
		case err := <-w.ended:
			t.Fatalf("the daemon ended at once: %v\n%s", err, w.stderr())
		default:
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.ready
	})
	return w
}

// Write takes what the daemon says on standard error.
func (w *watch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(b)
}

func (w *watch) stderr() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.String()
}

func (w *watch) listen(notices *net.UnixConn) {
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

func (w *watch) journal() string { return filepath.Join(w.dir, "j") }

// stop ends the daemon as the service manager would.
func (w *watch) stop() {
	w.t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	if err := <-w.ended; err != nil {
		w.t.Errorf("the daemon ended: %v\n%s", err, w.stderr())
	}
}

// cat is what "journal cat" prints.
func (w *watch) cat(args ...string) string {
	w.t.Helper()
	all := append([]string{"journal", "cat", "--config", "/dev/null", "--dir", w.journal()}, args...)
	out, err := exec.Command(program, all...).Output()
	if err != nil {
		w.t.Fatalf("reading the journal: %v", err)
	}
	return string(out)
}

// resets are the last revisions of the records.
func (w *watch) resets() []reset.Reset {
	w.t.Helper()
	return lastRevisions(w.t, w.cat("--all=false"))
}

// lastRevisions parses JSON Lines, and keeps of each reset the last revision.
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

// final waits until the records are there, all of them in their last revision,
// and pairs them with what was made.
func (w *watch) final(lab *testkit.Lab, expects []testkit.Expect) (records []reset.Reset, of []testkit.Expect) {
	w.t.Helper()
	last := ""
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("records: %s", last)
		}
	})
	until(w.t, "the records to be there and final", func() bool {
		records, of = nil, nil
		all := w.resets()
		observations := make([]testkit.Observation, len(all))
		for i := range all {
			observations[i] = testkit.Observe(&all[i])
		}
		report := lab.Match(expects, observations)
		if last = report.String(); len(report.Missing) > 0 {
			return false
		}
		for i, at := range report.Of {
			if at < 0 {
				continue
			}
			if !all[i].Final {
				return false
			}
			records, of = append(records, all[i]), append(of, expects[at])
		}
		return true
	})
	return records, of
}
