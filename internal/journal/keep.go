package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// keep is the background work that must come on time: blocks that waited long
// enough, syncs, tries after a stall, the chain's head.
func (w *Writer) keep() {
	ticker := time.NewTicker(w.tick())
	defer ticker.Stop()
	heads, synced := w.deps.Now(), w.deps.Now()
	for {
		select {
		case <-w.stop:
			return
		case <-ticker.C:
		case <-w.kick:
		}
		now := w.deps.Now()
		w.overdue(now)
		if w.cfg.SyncInterval == 0 || now.Sub(synced) >= w.cfg.SyncInterval || w.hasRetiring() {
			synced = now
			if err := w.syncAll(); err != nil {
				w.deps.Logger.Error("journal cannot be synced", "error", err)
			}
		}
		if w.cfg.HeadsInterval > 0 && now.Sub(heads) >= w.cfg.HeadsInterval {
			heads = now
			w.tellLive()
		}
	}
}

// tick is how often keep looks.
func (w *Writer) tick() time.Duration {
	tick := time.Second
	for _, d := range []time.Duration{w.cfg.BlockInterval, w.cfg.SyncInterval} {
		if d > 0 {
			tick = min(tick, max(d, time.Millisecond))
		}
	}
	return tick
}

// wake makes keep look at once.
func (w *Writer) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// overdue writes the open block if it waited long enough, or what a stall holds
// if the disk takes it again; and at midnight it begins a new segment.
func (w *Writer) overdue(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.enc.entries > 0 && now.Sub(w.since) >= w.cfg.BlockInterval:
		w.cut(now)
	case w.stall.active():
		w.resume(now)
	case w.seg != nil && !sameDay(w.seg.head.created, now):
		if err := w.dueSegment(now); err != nil {
			w.stalled(err, now)
		}
	}
}

func (w *Writer) hasRetiring() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.retiring) > 0
}

// Sync writes the open block and returns when all that was written is durable.
func (w *Writer) Sync() error {
	if err := w.Flush(); err != nil {
		return err
	}
	return w.syncAll()
}

// syncAll syncs the segments that were written, oldest first, and the
// directory. It holds no lock that Append needs while the disk works.
func (w *Writer) syncAll() error {
	w.fileMu.Lock()
	defer w.fileMu.Unlock()
	w.mu.Lock()
	stale, retiring := w.stale, w.retiring
	current, dirty, dirDirty := w.seg, w.seg != nil && w.seg.dirty, w.dirDirty
	if dirty {
		current.dirty = false
	}
	w.dirDirty = false
	w.mu.Unlock()

	var errs []error
	for _, name := range stale {
		errs = append(errs, w.syncStale(name))
	}
	for _, s := range retiring {
		errs = append(errs, s.file.Sync(), s.file.Close())
	}
	if dirty {
		errs = append(errs, current.file.Sync())
	}
	if dirDirty {
		errs = append(errs, w.deps.FS.SyncDir(w.cfg.Dir))
	}
	err := errors.Join(errs...)

	w.mu.Lock()
	w.retiring = w.retiring[len(retiring):]
	if err == nil {
		w.stale = w.stale[len(stale):]
	}
	w.stats.Syncs++
	if err != nil {
		w.syncFailed(current)
	}
	w.mu.Unlock()
	for _, s := range retiring {
		w.tellHead(s)
	}
	if err != nil {
		return fmt.Errorf("syncing journal: %w", err)
	}
	return nil
}

// syncStale syncs a segment that another process wrote, if it is still there.
func (w *Writer) syncStale(name string) error {
	file, err := w.deps.FS.Append(filepath.Join(w.cfg.Dir, name+plainSuffix))
	if errors.Is(err, errNotThere) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// syncFailed counts. After a sync that failed the kernel may have dropped pages
// and say that all is well the next time, so the segment is not written on.
func (w *Writer) syncFailed(s *live) {
	w.stats.SyncErrors++
	w.dirDirty = true
	if s != nil {
		s.ended = true
	}
}

// syncLive is syncAll for Append, which holds mu.
func (w *Writer) syncLive() error {
	w.mu.Unlock()
	defer w.mu.Lock()
	return w.syncAll()
}

func (w *Writer) tellLive() {
	w.mu.Lock()
	var s live
	if w.seg != nil {
		s = *w.seg
	}
	w.mu.Unlock()
	if s.number > 0 {
		w.tellHead(&s)
	}
}

// tellHead tells the chain's head to whoever keeps it elsewhere.
func (w *Writer) tellHead(s *live) {
	if w.deps.Heads != nil {
		w.deps.Heads(s.name, s.chain, reset.TimeOf(w.deps.Now()))
	}
}
