package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Entries of these tests are resets that bear a number, and some ballast, so
// that segments fill.
func numbered(from, n int) []reset.Entry {
	entries := make([]reset.Entry, n)
	for i := range entries {
		entries[i].Reset = &reset.Reset{
			Time: reset.Time(1_790_000_000_000_000_000 + from + i), Revision: 1,
			Summary: fmt.Sprintf("%d %0*d", from+i, 50+(from+i)%400, 0),
		}
	}
	return entries
}

// failer is what testing.T and rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// numbers reads the numbers back.
func numbers(t failer, entries []reset.Entry) []int {
	t.Helper()
	list := make([]int, 0, len(entries))
	for _, e := range entries {
		var n int
		if _, err := fmt.Sscan(e.Reset.Summary, &n); err != nil {
			t.Fatalf("entry %v: %v", e.Reset, err)
		}
		list = append(list, n)
	}
	return list
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func crashConfig() Config {
	cfg := DefaultConfig()
	cfg.Dir, cfg.SegmentBytes, cfg.BlockBytes = "/journal", 64<<10, 4<<10
	return cfg
}

// stillClock is a clock that the test moves.
type stillClock struct{ at time.Time }

func newClock() *stillClock {
	return &stillClock{time.Date(2026, 8, 22, 23, 59, 0, 0, time.UTC)}
}

func (c *stillClock) now() time.Time { return c.at }

// script appends, syncs, rotates and tidies, and returns how many entries were
// acknowledged, and how many were under way when the process died.
func script(m *memFS) (acknowledged, underWay int, err error) {
	clock := newClock()
	w, err := openIdle(crashConfig(), Deps{FS: m, Now: clock.now})
	if err != nil {
		return 0, 0, err
	}
	for i := range 12 {
		const batch = 80
		if err := w.Append(numbered(acknowledged, batch)); err != nil {
			return acknowledged, batch, err
		}
		acknowledged += batch
		switch i % 4 {
		case 1:
			err = w.Sync()
		case 2:
			err = w.Rotate()
			clock.at = clock.at.Add(time.Minute)
		case 3:
			err = errors.Join(w.Sync(), w.Tidy(context.Background()))
		}
		if err != nil {
			return acknowledged, 0, err
		}
	}
	return acknowledged, 0, w.Close()
}

// The process dies at every step, one after the other; each time, what was
// acknowledged is there once and in order, and of what was under way a first
// part at most.
func TestKilledAtEveryStep(t *testing.T) {
	for step := 1; ; step++ {
		m := newMemFS(uint64(step))
		m.dieAt = step
		acknowledged, underWay, err := script(m)
		if m.dead == (err == nil) {
			t.Fatalf("step %d: dead %v, error %v", step, m.dead, err)
		}
		checkAfterCrash(t, step, m.killed(), acknowledged, acknowledged+underWay)
		if !m.dead {
			if step < 100 {
				t.Fatalf("only %d steps: the script does too little", step)
			}
			return
		}
	}
}

func checkAfterCrash(t *testing.T, step int, m *memFS, atLeast, atMost int) {
	t.Helper()
	cfg := crashConfig()
	clock := newClock()
	clock.at = clock.at.Add(time.Hour)
	w, err := openIdle(cfg, Deps{FS: m, Now: clock.now})
	if err != nil {
		t.Fatalf("step %d: Open: %v", step, err)
	}
	for name, f := range m.names {
		if s, ok := parseSegment(name[len(cfg.Dir)+1:]); !ok {
			t.Errorf("step %d: %q was left", step, name)
		} else if s.plain && !m.protect[f] {
			t.Errorf("step %d: %q is not append-only", step, name)
		}
	}
	if err := w.Append(numbered(1_000_000, 5)); err != nil {
		t.Fatalf("step %d: Append: %v", step, err)
	}
	if err := errors.Join(w.Rotate(), w.Sync(), w.Tidy(context.Background()), w.Close()); err != nil {
		t.Fatalf("step %d: %v", step, err)
	}
	entries, _ := readAll(t, cfg.Dir, ReadOptions{FS: m})
	got := numbers(t, entries)
	if len(got) < 5 || got[len(got)-5] != 1_000_000 {
		t.Fatalf("step %d: what was appended after the crash is not at the end: %v", step, got[max(len(got)-6, 0):])
	}
	got = got[:len(got)-5]
	if len(got) < atLeast || len(got) > atMost || !slices.Equal(got, upTo(len(got))) {
		t.Fatalf("step %d: %d entries are there, want %d to %d: %s", step, len(got), atLeast, atMost, firstFault(got))
	}
	report, err := Verify(context.Background(), m, cfg.Dir, nil)
	if err != nil {
		t.Fatalf("step %d: Verify: %v", step, err)
	}
	if !report.OK() {
		t.Fatalf("step %d: Verify finds %v", step, report.Faults)
	}
}

func firstFault(got []int) string {
	for i, n := range got {
		if n != i {
			return "entry " + strconv.Itoa(n) + " stands at place " + strconv.Itoa(i)
		}
	}
	return "in order"
}

// machine drives a journal through lives that end in every way there is, and
// knows what must be in it.
type machine struct {
	t     *rapid.T
	cfg   Config
	m     *memFS
	w     *Writer
	clock *stillClock
	next  int // number of the entry to come

	present []int        // must be there, in this order
	maybe   map[int]bool // may be there: not synced when the power went
	synced  int          // how many of present
	waiting []int        // held in memory while the disk is full
	lost    int
}

func (a *machine) open() {
	w, err := openIdle(a.cfg, Deps{FS: a.m, Now: a.clock.now})
	if err != nil {
		a.t.Fatalf("Open: %v", err)
	}
	a.w = w
	a.lost = 0
}

func (a *machine) append(t *rapid.T) {
	n := rapid.IntRange(1, 60).Draw(t, "entries")
	before := a.w.Stats()
	err := a.w.Append(numbered(a.next, n))
	var stall *StallError
	if err != nil && !errors.As(err, &stall) {
		t.Fatalf("Append: %v", err)
	}
	s := a.w.Stats()
	for i := range n {
		a.waiting = append(a.waiting, a.next+i)
	}
	a.next += n
	a.settle(t, before, s)
}

// settle moves what was written from waiting to present, and drops what was
// lost, which is what came in last, but for the open block.
func (a *machine) settle(t *rapid.T, before, s Stats) {
	if dropped := int(s.LostResets - before.LostResets); dropped > 0 {
		end := len(a.waiting) - int(a.w.enc.resets)
		a.waiting = slices.Delete(a.waiting, end-dropped, end)
		a.lost += dropped
	}
	if int(s.HeldResets) > len(a.waiting) {
		t.Fatalf("%d entries are held, at most %d can be", s.HeldResets, len(a.waiting))
	}
	written := len(a.waiting) - int(s.HeldResets)
	a.present = append(a.present, a.waiting[:written]...)
	a.waiting = a.waiting[written:]
}

func (a *machine) sync(t *rapid.T) {
	before := a.w.Stats()
	err := a.w.Sync()
	a.settle(t, before, a.w.Stats())
	var stall *StallError
	switch {
	case err == nil:
		a.synced = len(a.present)
	case !errors.As(err, &stall):
		t.Fatalf("Sync: %v", err)
	}
}

func (a *machine) rotate(t *rapid.T) {
	before := a.w.Stats()
	err := a.w.Rotate()
	a.settle(t, before, a.w.Stats())
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Rotate: %v", err)
	}
}

func (a *machine) tidy(t *rapid.T) {
	before := a.w.Stats()
	err := errors.Join(a.w.syncAll(), a.w.Tidy(context.Background()))
	a.settle(t, before, a.w.Stats())
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Tidy: %v", err)
	}
}

func (a *machine) wait(t *rapid.T) {
	a.clock.at = a.clock.at.Add(time.Duration(rapid.IntRange(1, 36000).Draw(t, "seconds")) * time.Second)
	before := a.w.Stats()
	a.w.overdue(a.clock.at)
	a.settle(t, before, a.w.Stats())
}

func (a *machine) fill(t *rapid.T) { a.m.room = rapid.IntRange(0, 30000).Draw(t, "room") }
func (a *machine) empty(*rapid.T)  { a.m.room = 1 << 30 }

func (a *machine) closeAndOpen(t *rapid.T) {
	before := a.w.Stats()
	err := a.w.Close()
	a.settle(t, before, a.w.Stats())
	var stall *StallError
	if err != nil && !errors.As(err, &stall) && !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Close: %v", err)
	}
	a.synced = len(a.present)
	a.waiting = nil
	a.m.room = 1 << 30
	a.open()
}

func (a *machine) kill(*rapid.T) {
	a.m = a.m.killed()
	a.waiting = nil
	a.m.room = 1 << 30
	a.open()
}

func (a *machine) losePower(*rapid.T) {
	a.m = a.m.unpowered()
	for _, n := range a.present[a.synced:] {
		a.maybe[n] = true
	}
	a.waiting = nil
	a.m.room = 1 << 30
	a.open()
}

// check reads all and compares. After a loss of power it learns what survived.
func (a *machine) check(t *rapid.T) {
	r, err := NewReader(a.cfg.Dir, ReadOptions{FS: a.m, Poll: time.Nanosecond})
	if err != nil {
		t.Fatalf("NewReader: %v", err)
	}
	defer r.Close()
	var got []int
	for {
		entry, err := r.Next(context.Background())
		if err != nil {
			break
		}
		if entry.Reset != nil {
			var n int
			_, _ = fmt.Sscan(entry.Reset.Summary, &n)
			got = append(got, n)
		}
	}
	seen := map[int]bool{}
	for _, n := range got {
		seen[n] = true
	}
	var want []int
	for i, n := range a.present {
		if a.maybe[n] && !seen[n] {
			if i < a.synced {
				a.synced--
			}
			continue
		}
		want = append(want, n)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	a.synced = min(a.synced, len(want))
	a.present, a.maybe = want, map[int]bool{}
}

func TestAnyLifeKeepsEveryEntryOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := crashConfig()
		cfg.HoldBytes = rapid.SampledFrom([]int{0, 10_000, 1 << 20}).Draw(t, "hold")
		cfg.Compress = rapid.Bool().Draw(t, "compress")
		cfg.MaxAge, cfg.MaxBytes = 0, 0
		if rapid.Bool().Draw(t, "blocks wait") {
			cfg.BlockInterval = time.Hour
		}
		a := &machine{t: t, cfg: cfg, m: newMemFS(rapid.Uint64().Draw(t, "seed")), clock: newClock(), maybe: map[int]bool{}}
		a.open()
		t.Repeat(map[string]func(*rapid.T){
			"append": a.append, "append more": a.append, "sync": a.sync, "rotate": a.rotate, "tidy": a.tidy,
			"wait": a.wait, "fill": a.fill, "empty": a.empty, "close": a.closeAndOpen,
			"kill": a.kill, "lose power": a.losePower, "": a.check,
		})
	})
}
