package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// source is a journal to copy from.
type source struct {
	*journal.Writer
	t *testing.T
}

func newSource(t *testing.T) *source {
	t.Helper()
	c := journal.DefaultConfig()
	c.Dir, c.AppendOnly = filepath.Join(t.TempDir(), "journal"), false
	w, err := journal.Open(c, journal.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return &source{w, t}
}

// write records resets of the ports.
func (s *source) write(ports ...uint16) {
	s.t.Helper()
	for _, port := range ports {
		r := reset.Reset{
			Revision: 1, Time: reset.TimeOf(time.Now()), Src: reset.EndpointFrom(netip.MustParseAddr("192.0.2.1"), 1),
			Dst: reset.EndpointFrom(netip.MustParseAddr("192.0.2.2"), port),
		}
		if err := s.Append([]reset.Entry{{Reset: &r}}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// sink is where the output writes; it fails as long as it is told to.
type sink struct {
	mu    sync.Mutex
	fails error
	ports []uint16
}

func (s *sink) write(e *reset.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return s.fails
	}
	if e.Reset != nil {
		s.ports = append(s.ports, e.Reset.Dst.Port())
	}
	return nil
}

func (s *sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = err
}

func (s *sink) got() []uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]uint16(nil), s.ports...)
}

// running is an output under way.
type running struct {
	*output
	t     *testing.T
	stop  context.CancelFunc
	ended chan error
}

func (s *source) copyTo(sink *sink, since reset.Time) *running {
	ctx, cancel := context.WithCancel(context.Background())
	o := &output{name: "test", dir: s.Dir(), since: since, again: true, log: slog.New(slog.DiscardHandler), write: sink.write}
	r := &running{o, s.t, cancel, make(chan error, 1)}
	go func() { r.ended <- o.run(ctx, time.Second) }()
	s.t.Cleanup(cancel)
	return r
}

func (r *running) end() error {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(10 * time.Second):
		r.t.Fatal("the output does not end")
		return nil
	}
}

func await(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s", what)
		}
	}
}

func check(t *testing.T, s *sink, want ...uint16) {
	t.Helper()
	if diff := cmp.Diff(want, s.got()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

// TestOutputResumes: what an output wrote it does not write again, and what
// came while it was not there it writes then.
func TestOutputResumes(t *testing.T) {
	journal, sink := newSource(t), &sink{}
	started := reset.TimeOf(time.Now())
	for round := uint16(0); round < 3; round++ {
		o := journal.copyTo(sink, started)
		journal.write(10*round + 1)
		await(t, "the output", func() bool { return len(sink.got()) == int(2*round+1) })
		if err := o.end(); err != nil {
			t.Fatal(err)
		}
		journal.write(10*round + 2) // while it is away
		started = reset.TimeOf(time.Now())
	}
	check(t, sink, 1, 2, 11, 12, 21)
}

// TestOutputRemembersWhereItBegan: killed before it wrote anything, it leaves
// nothing out.
func TestOutputRemembersWhereItBegan(t *testing.T) {
	journal, sink := newSource(t), &sink{}
	journal.write(1)
	began := reset.TimeOf(time.Now())
	o := journal.copyTo(sink, began)
	await(t, "the first cursor", func() bool { _, err := os.Stat(o.cursorPath()); return err == nil })
	if err := o.end(); err != nil {
		t.Fatal(err)
	}
	journal.write(2)
	o = journal.copyTo(sink, reset.TimeOf(time.Now().Add(time.Hour)))
	await(t, "the output", func() bool { return len(sink.got()) > 0 })
	if err := o.end(); err != nil {
		t.Fatal(err)
	}
	check(t, sink, 2)
}

// TestOutputTriesAgain: while its disk is full an output waits, and says so.
func TestOutputTriesAgain(t *testing.T) {
	journal, sink := newSource(t), &sink{}
	o := journal.copyTo(sink, reset.TimeOf(time.Now()))
	journal.write(1)
	await(t, "the output", func() bool { return len(sink.got()) == 1 })
	sink.fail(errors.New("no space"))
	journal.write(2, 3)
	await(t, "the problem to be told", func() bool { return o.status().Problem == "no space" && o.status().Failed > 1 })
	sink.fail(nil)
	await(t, "the output", func() bool { return len(sink.got()) == 3 })
	if s := o.status(); s.Problem != "" {
		t.Errorf("it writes again, and says %q", s.Problem)
	}
	if err := o.end(); err != nil {
		t.Fatal(err)
	}
	check(t, sink, 1, 2, 3)
}

// TestOutputEndsWhileItCannotWrite: the end is not held up, and the next start
// writes what is left.
func TestOutputEndsWhileItCannotWrite(t *testing.T) {
	journal, sink := newSource(t), &sink{}
	o := journal.copyTo(sink, reset.TimeOf(time.Now()))
	journal.write(1)
	await(t, "the output", func() bool { return len(sink.got()) == 1 })
	broken := errors.New("no space")
	sink.fail(broken)
	journal.write(2)
	await(t, "the problem", func() bool { return o.status().Problem != "" })
	if err := o.end(); !errors.Is(err, broken) {
		t.Errorf("it ended with %v, want %v", err, broken)
	}
	sink.fail(nil)
	o = journal.copyTo(sink, reset.TimeOf(time.Now()))
	await(t, "the output", func() bool { return len(sink.got()) == 2 })
	if err := o.end(); err != nil {
		t.Fatal(err)
	}
	check(t, sink, 1, 2)
}

// TestWrongCursor is told with the file to remove, and nothing is written.
func TestWrongCursor(t *testing.T) {
	journal, sink := newSource(t), &sink{}
	path := filepath.Join(journal.Dir(), "cursors", "test")
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "since then", "nonsense", "\x00\x00"} {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := <-journal.copyTo(sink, 0).ended; err == nil {
			t.Errorf("the cursor %q was taken", text)
		}
	}
	check(t, sink)
}

// TestShareDir: a directory of ours goes to the group; one with other things in
// it is left as it is.
func TestShareDir(t *testing.T) {
	root := t.TempDir()
	fresh := filepath.Join(root, "a", "b", "journal")
	if err := shareDir(fresh, "no-such-group-here"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{fresh: 0o750, filepath.Dir(fresh): 0o755} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&^want != 0 {
			t.Errorf("%s has mode %v (%v), want %v", path, info.Mode(), err, want)
		}
	}
	if !isOurs(fresh) {
		t.Error("a new directory is not ours")
	}
	if err := os.WriteFile(filepath.Join(fresh, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if isOurs(fresh) {
		t.Error("a directory with somebody's letter in it is ours")
	}
	if err := os.WriteFile(filepath.Join(fresh, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !isOurs(fresh) {
		t.Error("a journal is not ours")
	}
}
