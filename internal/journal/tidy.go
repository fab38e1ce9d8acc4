package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// tidyInterval is how often closed segments are looked at; compressRetry is how
// long one that could not be compressed, as when the disk is full, is left alone.
const (
	tidyInterval  = 5 * time.Second
	compressRetry = time.Minute
)

// tidy is the background work that can wait: compression and retention.
func (w *Writer) tidy() {
	humble()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-w.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	ticker := time.NewTicker(tidyInterval)
	defer ticker.Stop()
	for {
		if err := w.Tidy(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
			w.deps.Logger.Warn("closed segments cannot be tidied", "error", err)
		}
		select {
		case <-w.stop:
			return
		case <-ticker.C:
		}
	}
}

// Tidy removes the segments that retention no longer keeps and compresses the
// other closed ones. It is done in the background too.
func (w *Writer) Tidy(ctx context.Context) error {
	w.tidyMu.Lock()
	defer w.tidyMu.Unlock()
	for {
		if w.isClosed() {
			return ErrClosed
		}
		// Between two compressions, which take seconds, retention has its turn.
		list, err := w.closedSegments()
		if err != nil {
			return err
		}
		kept, err := w.retain(list)
		if err != nil || !w.cfg.Compress || w.deps.Now().Before(w.compressAt) {
			return err
		}
		next := slices.IndexFunc(kept, func(s segment) bool { return s.plain })
		if next < 0 {
			return nil
		}
		if err := w.compress(ctx, kept[next]); err != nil {
			w.compressAt = w.deps.Now().Add(compressRetry)
			return err
		}
	}
}

func (w *Writer) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// closedSegments lists the segments that nobody writes any more and that are
// on the disk.
func (w *Writer) closedSegments() ([]segment, error) {
	w.mu.Lock()
	first := w.sequence
	if w.seg == nil {
		first++
	}
	for _, s := range w.retiring {
		first = min(first, s.head.sequence)
	}
	w.mu.Unlock()
	list, err := listSegments(w.deps.FS, w.cfg.Dir)
	for i := range list {
		if list[i].sequence >= first {
			return list[:i], err
		}
	}
	return list, err
}

// compress replaces a closed segment's file by its compressed form. Until the
// compressed file is whole and durable under its name, the original stays; as
// long as both are there, the original counts.
func (w *Writer) compress(ctx context.Context, s segment) error {
	target := filepath.Join(w.cfg.Dir, s.name+zstdSuffix)
	if err := w.noteDamage(s); err != nil {
		return err
	}
	if s.zstd {
		if err := w.remove(target); err != nil {
			return err
		}
	}
	if err := deflate(ctx, w.deps.FS, w.cfg.Dir, s.name, target+tmpSuffix); err != nil {
		_ = w.remove(target + tmpSuffix)
		return fmt.Errorf("compressing segment %s: %w", s.name, err)
	}
	if err := w.deps.FS.Rename(target+tmpSuffix, target); err != nil {
		return fmt.Errorf("compressing segment %s: %w", s.name, err)
	}
	w.protect(target)
	if err := w.deps.FS.SyncDir(w.cfg.Dir); err != nil {
		return err
	}
	if err := w.remove(filepath.Join(w.cfg.Dir, s.name+plainSuffix)); err != nil {
		return err
	}
	w.mu.Lock()
	w.stats.Compressed++
	w.mu.Unlock()
	return w.deps.FS.SyncDir(w.cfg.Dir)
}

// noteDamage writes down what does not decode in a closed segment, unless it
// was written down when the segment after it was begun.
func (w *Writer) noteDamage(s segment) error {
	t, err := findTail(w.deps.FS, w.cfg.Dir, s)
	if err != nil || len(t.damages) == 0 {
		return err
	}
	w.mu.Lock()
	w.stats.Damaged++
	w.mu.Unlock()
	known, err := recoveredIn(w.deps.FS, w.cfg.Dir, s.sequence+1)
	if err != nil {
		return err
	}
	for i := range t.damages {
		if i < maxNotes && !known[recoveredMessage(s.name, &t.damages[i])] {
			c := w.tornNote(s.name, &t.damages[i])
			c.Event = "damaged" // not "recovered": nothing excuses it
			w.note(c)
		}
	}
	return nil
}

// note appends a control entry of the journal's own, among the others.
func (w *Writer) note(c reset.Control) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.deps.Now()
	w.add(&reset.Entry{Control: &c})
	w.cut(now)
}

// recoveredIn returns the messages of the "recovered" entries at the start of
// the segment with that number.
func recoveredIn(fs FS, dir string, sequence uint64) (map[string]bool, error) {
	list, err := listSegments(fs, dir)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool)
	for _, s := range list {
		if s.sequence != sequence {
			continue
		}
		src, err := openSegment(fs, dir, s)
		if err != nil {
			return nil, err
		}
		defer shut(src)
		w, err := newWalker(s.name, src)
		if err != nil {
			return known, nil
		}
		b, err := w.next(false)
		if err != nil {
			return known, nil
		}
		payload, err := w.content(&b)
		if err != nil {
			return known, nil
		}
		for d := newDecoder(payload); ; {
			entry, err := d.next()
			if err != nil {
				return known, nil
			}
			if entry.Control != nil && entry.Control.Event == "recovered" {
				known[entry.Control.Message] = true
			}
		}
	}
	return known, nil
}

// fileSize returns what a segment takes on disk.
func (w *Writer) fileSize(s segment) (int64, error) {
	f, err := w.deps.FS.Open(filepath.Join(w.cfg.Dir, s.file()))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	size, err := f.Size()
	return size, errors.Join(err, f.Close())
}
