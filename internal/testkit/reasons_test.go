package testkit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// tracer is an instance of the kernel's own event tracing, in text.
type tracer struct{ dir string }

func newTracer(t *testing.T) *tracer {
	t.Helper()
	const tracefs = "/sys/kernel/tracing"
	const instances = tracefs + "/instances/rwlab-"
	// An instance outlives a test that was killed.
	left, _ := filepath.Glob(instances + "*")
	for _, dir := range left {
		pid, err := strconv.Atoi(strings.TrimPrefix(dir, instances))
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.Remove(dir)
		}
	}
	if _, err := os.Stat(tracefs + "/instances"); errors.Is(err, os.ErrNotExist) {
		if err := unix.Mount("tracefs", tracefs, "tracefs", 0, ""); err != nil {
			noTracer(t, "mounting tracefs", err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(tracefs, 0); err != nil {
				t.Errorf("unmounting tracefs: %v", err)
			}
		})
	}
	tr := &tracer{instances + strconv.Itoa(os.Getpid())}
	if err := os.Mkdir(tr.dir, 0o700); err != nil {
		noTracer(t, "no instance of the event tracer", err)
	}
	t.Cleanup(func() {
		tr.write("tracing_on", "0")
		if err := os.Remove(tr.dir); err != nil {
			t.Errorf("removing instance of the event tracer: %v", err)
		}
	})
	for _, event := range []string{"tcp/tcp_send_reset", "tcp/tcp_receive_reset", "skb/kfree_skb"} {
		if err := tr.write("events/"+event+"/enable", "1"); err != nil {
			noTracer(t, "no event "+event, err)
		}
	}
	if err := tr.write("buffer_size_kb", "32768"); err != nil {
		t.Fatal(err)
	}
	return tr
}

// noTracer skips the test, or fails it where it must run.
func noTracer(t *testing.T, what string, err error) {
	t.Helper()
	if Required() {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

func (tr *tracer) write(file, text string) error {
	return os.WriteFile(filepath.Join(tr.dir, file), []byte(text), 0o600)
}

// events returns what was traced since the last clear, one a line.
func (tr *tracer) events(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(tr.dir, "trace"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n")
}

// TestReasonsAreTheKernels holds the reasons that makers claim against the
// kernel's own events. A kernel without reasons in its events is skipped.
func TestReasonsAreTheKernels(t *testing.T) {
	l := NewLab(t)
	tr := newTracer(t)
	format, err := os.ReadFile("/sys/kernel/tracing/events/tcp/tcp_send_reset/format")
	if errors.Is(err, os.ErrNotExist) || !strings.Contains(string(format), "ABORT_ON_CLOSE") {
		t.Skip("the kernel's tcp_send_reset has no reasons (before 6.12)")
	}
	for _, m := range Makers() {
		if m.Slow && testing.Short() {
			continue
		}
		for _, s := range m.ScenesIn(l) {
			t.Run(m.Name+"/"+s.String(), func(t *testing.T) {
				if err := tr.write("trace", ""); err != nil {
					t.Fatal(err)
				}
				expects := inTheStack(m.MustMake(t, l, s, 2))
				for i, e := range expects {
					err := poll("events", func() (bool, error) { return tr.tells(t, expects, i), nil })
					if err != nil { // the rest would take as long
						t.Fatalf("%s: no event with reason %q, drop %q, verdict %s", e, e.Reason, e.Drop, e.Verdict)
					}
				}
			})
		}
	}
}

// inTheStack gives the expectations the addresses that the stack's sockets know.
func inTheStack(expects []Expect) []Expect {
	for i := range expects {
		expects[i].appears(expects[i].AtStack)
	}
	return expects
}

// tells reports whether the events say what the expectation claims. An event
// of kfree_skb has no ports: there have to be as many as are expected in all.
func (tr *tracer) tells(t *testing.T, expects []Expect, i int) bool {
	e := expects[i]
	sent, received, dropped, drops := 0, 0, 0, 0
	for _, other := range expects {
		if other.Drop == e.Drop {
			drops += other.Times()
		}
	}
	// The socket that takes a RST is its destination.
	from := fmt.Sprintf(":%d ", e.Src.Port())
	socket := fmt.Sprintf("sport=%d dport=%d ", e.Dst.Port(), e.Src.Port())
	for _, line := range tr.events(t) {
		switch {
		case strings.Contains(line, "tcp_send_reset:") && strings.Contains(line, from) &&
			strings.HasSuffix(line, "reason="+e.Reason):
			sent++
		case strings.Contains(line, "tcp_receive_reset:") && strings.Contains(line, socket):
			received++
		case strings.Contains(line, "kfree_skb:") && strings.HasSuffix(line, "reason: "+e.Drop):
			dropped++
		}
	}
	if e.Reason != "" && sent == 0 {
		return false
	}
	if e.Drop != "" && dropped < drops {
		return false
	}
	accepted := e.Direction == reset.In && e.Verdict == reset.Accepted && e.Drop == ""
	return !accepted || received > 0
}
