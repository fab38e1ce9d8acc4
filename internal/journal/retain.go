package journal

import (
	"fmt"
	"path/filepath"
	"time"
)

// retain removes the oldest segments as long as one of the bounds wants it:
// age, number, bytes. What it removes it writes down first, with the chain's
// end in it, so that the chain can be verified from the first segment kept. It
// returns the closed segments that stay.
func (w *Writer) retain(closed []segment) ([]segment, error) {
	sizes := make([]int64, len(closed))
	var total int64
	for i, s := range closed {
		size, err := w.fileSize(s)
		if err != nil {
			return nil, err
		}
		sizes[i] = size
		total += size
	}
	w.mu.Lock()
	number := len(closed)
	if w.seg != nil {
		total += w.seg.size
		number++
	}
	w.mu.Unlock()
	now := w.deps.Now()
	for i, s := range closed {
		why := w.outlived(closed, i, number, total, now)
		if why == "" {
			return closed[i:], nil
		}
		if err := w.forget(s, why); err != nil {
			return nil, err
		}
		total -= sizes[i]
		number--
	}
	return nil, nil
}

// outlived says which bound wants the i-th segment removed, or nothing.
func (w *Writer) outlived(closed []segment, i, number int, total int64, now time.Time) string {
	switch {
	case w.cfg.MaxSegments > 0 && number > w.cfg.MaxSegments:
		return fmt.Sprintf("more than %d segments", w.cfg.MaxSegments)
	case w.cfg.MaxBytes > 0 && total > w.cfg.MaxBytes:
		return fmt.Sprintf("more than %d bytes", w.cfg.MaxBytes)
	case w.cfg.MaxAge > 0:
		// A segment was closed when the next was begun.
		if end := w.begunAfter(closed, i); !end.IsZero() && now.Sub(end) > w.cfg.MaxAge {
			return fmt.Sprintf("older than %v", w.cfg.MaxAge)
		}
	}
	return ""
}

// begunAfter returns when the segment after the i-th was begun.
func (w *Writer) begunAfter(closed []segment, i int) time.Time {
	if i+1 < len(closed) {
		return closed[i+1].begun()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seg == nil {
		return time.Time{}
	}
	return w.seg.head.created.Std()
}

// begun returns the time in the segment's name.
func (s *segment) begun() time.Time {
	t, err := time.Parse(stampLayout, s.name[len(s.name)-len(stampLayout):])
	if err != nil {
		return time.Time{}
	}
	return t
}

// forget removes one segment.
func (w *Writer) forget(s segment, why string) error {
	t, err := findTail(w.deps.FS, w.cfg.Dir, s)
	if err != nil {
		return err
	}
	c := w.control(w.deps.Now(), "removed")
	c.Segment, c.Chain, c.Message = s.name, t.chain[:], "removed by retention: "+why
	w.note(c)
	for _, suffix := range []string{zstdSuffix, plainSuffix} {
		if err := w.remove(filepath.Join(w.cfg.Dir, s.name+suffix)); err != nil {
			return err
		}
	}
	w.mu.Lock()
	w.stats.Removed++
	w.mu.Unlock()
	return w.deps.FS.SyncDir(w.cfg.Dir)
}
