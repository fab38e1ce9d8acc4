package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const day = 24 * time.Hour

// dueSegment makes sure that there is a segment to write to: the one at hand,
// or a new one if that is torn, full, or of another day (UTC).
func (w *Writer) dueSegment(now time.Time) error {
	s := w.seg
	switch {
	case s == nil:
		return w.begin(now)
	case s.torn || s.ended:
		w.retire()
		return w.begin(now)
	case s.size >= w.cfg.SegmentBytes || !sameDay(s.head.created, now):
		return w.rotate(now)
	}
	return nil
}

func sameDay(created reset.Time, now time.Time) bool {
	return created.Std().Truncate(day).Equal(now.UTC().Truncate(day))
}

// Rotate closes the segment and begins a new one.
func (w *Writer) Rotate() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	now := w.deps.Now()
	w.refused = nil
	w.cut(now)
	if err := w.problem(); err != nil {
		return err
	}
	if err := w.dueSegment(now); err != nil {
		return err
	}
	return w.rotate(now)
}

// rotate ends the segment with a block that says so, and begins the next. The
// old file is synced and closed in the background: a slow disk must not hold
// up what comes in. Whatever the instant of a crash, each block is in exactly
// one segment: the old one is complete before the new one is made.
func (w *Writer) rotate(now time.Time) error {
	c := w.control(now, "segment")
	c.Segment, c.Message = w.seg.name, "ends here"
	if err := w.putControls(w.seg, flagEnd, c); err != nil {
		return err
	}
	w.seg.ended = true
	w.retire()
	return w.begin(now)
}

// retire hands the segment over to the background.
func (w *Writer) retire() {
	w.previous = w.seg.chain
	w.retiring = append(w.retiring, w.seg)
	w.seg = nil
	w.wake()
}

// begin makes a new segment. Its file gets its name only when its head is
// written, so that no crash of ours leaves a segment without a head.
func (w *Writer) begin(now time.Time) error {
	s, err := w.create(now)
	if err != nil {
		return err
	}
	w.seg = s
	w.sequence++
	w.dirDirty = true
	w.stats.Segments++
	c := w.control(now, "segment")
	c.Segment, c.Chain, c.Message = s.name, s.head.previous[:], "begins here"
	if s.head.previous == (Hash{}) {
		c.Chain, c.Message = nil, "begins here, and the journal with it"
	}
	if err := w.putControls(s, 0, append([]reset.Control{c}, w.recovered...)...); err != nil {
		return err
	}
	w.recovered = nil
	return nil
}

func (w *Writer) create(now time.Time) (*live, error) {
	head := segmentHead{sequence: w.sequence + 1, created: reset.TimeOf(now), previous: w.previous, journal: w.journal}
	var tag [8]byte
	_, _ = rand.Read(tag[:]) // never fails
	head.tag = binary.LittleEndian.Uint64(tag[:]) | 1
	name := segmentName(head.sequence, head.created)
	path := filepath.Join(w.cfg.Dir, name+plainSuffix)
	raw := head.encode()
	file, err := w.deps.FS.Create(path + tmpSuffix)
	if err != nil {
		return nil, fmt.Errorf("beginning segment %s: %w", name, err)
	}
	if _, err = file.Write(raw); err == nil {
		err = w.deps.FS.Rename(path+tmpSuffix, path)
	}
	if err != nil {
		err = errors.Join(err, file.Close(), w.deps.FS.Remove(path+tmpSuffix))
		return nil, fmt.Errorf("beginning segment %s: %w", name, err)
	}
	w.protect(path)
	return &live{file: file, name: name, head: head, size: headLength, chain: start(raw), dirty: true}, nil
}

// protect sets the append-only attribute, if that is wished. Its absence is
// told once and is no error.
func (w *Writer) protect(path string) {
	if !w.cfg.AppendOnly {
		return
	}
	if err := w.deps.FS.SetAppendOnly(path, true); err != nil {
		w.flagOnce.Do(func() {
			w.deps.Logger.Warn("segments are not protected by the append-only attribute", "error", err)
		})
	}
}

// remove deletes a segment's file, lifting the append-only attribute for it.
func (w *Writer) remove(path string) error {
	if err := w.deps.FS.SetAppendOnly(path, false); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := w.deps.FS.Remove(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %q: %w", path, err)
	}
	return nil
}

// control begins a control entry of the journal's own.
func (w *Writer) control(now time.Time, event string) reset.Control {
	return reset.Control{
		Time: reset.TimeOf(now), Event: event,
		Host: w.deps.Host, BootID: w.deps.BootID, Version: w.deps.Version,
	}
}

// putControls writes control entries as a block of their own.
func (w *Writer) putControls(s *live, flags uint8, list ...reset.Control) error {
	w.notes.clear()
	for i := range list {
		if err := w.notes.add(&reset.Entry{Control: &list[i]}); err != nil {
			return err
		}
	}
	b := w.notes.sealed()
	b.flags |= flags
	return w.put(s, b)
}
