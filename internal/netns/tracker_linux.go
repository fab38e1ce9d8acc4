package netns

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// entry is a namespace that is there.
type entry struct {
	namespace Namespace
	found     *found // by the last scan
}

// Tracker knows the network namespaces of the host.
type Tracker struct {
	cfg Config
	log *slog.Logger

	wakeMu sync.Mutex
	wake   int // an eventfd while Run runs, else -1; guarded by wakeMu

	mu        sync.Mutex
	known     map[uint64]*entry      // guarded by mu
	followers map[*follower]struct{} // guarded by mu

	snapshot atomic.Pointer[map[uint64]Namespace] // replaced whole, never changed
	scans    atomic.Uint64
	lastScan atomic.Int64 // nanoseconds that the last scan took

	started chan struct{} // closed after the first scan

	lastStart time.Time // when the last scan began; used by Run only
}

// New makes a Tracker that does nothing until Run.
func New(cfg Config, log *slog.Logger) (*Tracker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	t := &Tracker{
		cfg: cfg, log: log, wake: -1, started: make(chan struct{}),
		known: make(map[uint64]*entry), followers: make(map[*follower]struct{}),
	}
	t.snapshot.Store(&map[uint64]Namespace{})
	return t, nil
}

// Lookup returns the name of a namespace by its inode number. It reports false
// for one that is not known; one without a name has an empty one. It takes no
// lock and may be called for every packet.
func (t *Tracker) Lookup(id uint64) (name string, ok bool) {
	n, ok := (*t.snapshot.Load())[id]
	return n.Name, ok
}

// Get returns a namespace by its inode number.
func (t *Tracker) Get(id uint64) (Namespace, bool) {
	n, ok := (*t.snapshot.Load())[id]
	return n, ok
}

// List returns the namespaces that are there, by inode number.
func (t *Tracker) List() []Namespace {
	all := *t.snapshot.Load()
	list := make([]Namespace, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[id])
	}
	return list
}

// Started is closed once the first scan is done: from then on, List and Lookup
// know what was there.
func (t *Tracker) Started() <-chan struct{} { return t.started }

// Scans returns how many scans were made and how long the last one took.
func (t *Tracker) Scans() (count uint64, last time.Duration) {
	return t.scans.Load(), time.Duration(t.lastScan.Load())
}

// Run looks for namespaces until ctx ends, and then returns nil. An error means
// that /proc cannot be read.
func (t *Tracker) Run(ctx context.Context) error {
	proc, err := os.Open("/proc")
	if err != nil {
		return fmt.Errorf("tracking network namespaces: %w", err)
	}
	defer proc.Close()
	w, err := newWatch()
	if err != nil {
		return fmt.Errorf("tracking network namespaces: %w", err)
	}
	defer w.close()
	t.setWake(w.wake)
	defer t.setWake(-1)
	defer context.AfterFunc(ctx, t.Rescan)()

	scan := &scanner{proc: proc}
	var mounts []mount
	for {
		if w.mountsChanged {
			if mounts, err = w.readMounts(); err != nil {
				return fmt.Errorf("tracking network namespaces: %w", err)
			}
		}
		if err := t.look(scan, mounts); err != nil {
			return fmt.Errorf("tracking network namespaces: %w", err)
		}
		w.watchProcesses(t.soleProcesses())
		if err := w.wait(ctx, t.cfg.Interval, mounts); err != nil {
			return fmt.Errorf("tracking network namespaces: %w", err)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// Rescan makes Run look now. A sensor calls it that has met a packet of a
// namespace that it does not know.
func (t *Tracker) Rescan() {
	t.wakeMu.Lock()
	defer t.wakeMu.Unlock()
	if t.wake >= 0 {
		wakeUp(t.wake)
	}
}

func (t *Tracker) setWake(wake int) {
	t.wakeMu.Lock()
	t.wake = wake
	t.wakeMu.Unlock()
}

// look makes one scan and tells the followers what has changed.
func (t *Tracker) look(scan *scanner, mounts []mount) error {
	start := time.Now()
	all, err := scan.scan(mounts)
	if err != nil {
		return err
	}
	after, events, changed := t.compare(all, start)
	if t.scans.Add(1) == 1 {
		defer close(t.started)
	}
	t.lastScan.Store(int64(time.Since(start)))
	t.lastStart = start
	if !changed {
		t.mu.Lock()
		t.known = after
		t.mu.Unlock()
		return nil
	}
	snapshot := make(map[uint64]Namespace, len(after))
	for id, e := range after {
		snapshot[id] = e.namespace
	}
	t.snapshot.Store(&snapshot)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = after
	for f := range t.followers {
		f.push(events...)
	}
	return nil
}

// compare holds what is known against what a scan found. It returns what is
// known from now on, what followers must hear of it, and whether anything at
// all is different: ways to enter change without an event.
func (t *Tracker) compare(all map[uint64]*found, start time.Time) (map[uint64]*entry, []Event, bool) {
	before := t.known // only Run, which is here, replaces it
	after := make(map[uint64]*entry, len(all))
	var events []Event
	changed := false
	tell := func(kind Kind, n Namespace) {
		events = append(events, Event{Kind: kind, Namespace: n, At: time.Now()})
		t.log.Debug("network namespace", "event", kind, "id", n.ID, "name", n.Name, "cookie", n.Cookie)
	}
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if all[id] == nil {
			tell(Gone, before[id].namespace)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		f, old := all[id], before[id]
		if old != nil && !f.sharesReference(old.found) && t.isAnother(old.namespace, f) {
			tell(Gone, old.namespace)
			old = nil
		}
		if old == nil {
			if e, ok := t.meet(id, f, start); ok {
				after[id] = e
				tell(Added, e.namespace)
			}
			continue
		}
		e := &entry{namespace: old.namespace, found: f}
		e.namespace.paths = f.paths()
		changed = changed || !slices.Equal(e.namespace.paths, old.namespace.paths)
		if name := f.name(); name != e.namespace.Name {
			e.namespace.Name = name
			tell(Renamed, e.namespace)
		}
		after[id] = e
	}
	return after, events, changed || len(events) > 0
}

// meet makes the entry of a namespace that was not known. It reports false for
// one that was gone before it could be entered.
func (t *Tracker) meet(id uint64, f *found, start time.Time) (*entry, bool) {
	n := Namespace{ID: id, Name: f.name(), Discovered: start, Unfound: t.lastStart, paths: f.paths()}
	if created := f.created(bootTime()); !created.IsZero() {
		n.Created = created
		if created.Before(n.Unfound) {
			n.Created = n.Unfound // a process older than the namespace that it made
		}
	}
	cookie, err := readCookie(n)
	if err != nil {
		fd, openErr := n.open()
		if openErr != nil {
			return nil, false
		}
		unix.Close(fd)
		t.log.Debug("network namespace without a cookie", "id", id, "error", err)
	}
	n.Cookie = cookie
	return &entry{namespace: n, found: f}, true
}

// isAnother reports whether a namespace that nothing known refers to any more
// is a new one with the inode number of the old.
func (t *Tracker) isAnother(old Namespace, f *found) bool {
	cookie, err := readCookie(Namespace{ID: old.ID, paths: f.paths()})
	return err == nil && cookie != old.Cookie
}

// soleProcesses returns one process of every namespace that has no mount: its
// end may be the namespace's.
func (t *Tracker) soleProcesses() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	self := os.Getpid()
	var pids []int
	for _, e := range t.known {
		if len(e.found.mounts) == 0 && len(e.found.pids) > 0 && !slices.Contains(e.found.pids, self) {
			pids = append(pids, e.found.pids[0])
		}
	}
	return pids
}
