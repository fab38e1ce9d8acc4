package journal

import (
	"bytes"
	"fmt"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// retryInterval is how often a disk that takes nothing is tried again.
const retryInterval = time.Second

// StallError says that nothing can be written at present, as when the disk is
// full. Entries wait in memory; the journal goes on by itself when it can.
type StallError struct {
	Held uint64 // entries that wait
	Lost uint64 // entries dropped, since nothing can be written
	Err  error  // why, as the system said it last
}

// Error says how many entries wait and how many are lost.
func (e *StallError) Error() string {
	return fmt.Sprintf("journal cannot be written: %d entries wait in memory, %d are lost: %v", e.Held, e.Lost, e.Err)
}

// Unwrap returns the system's error, such as ENOSPC.
func (e *StallError) Unwrap() error { return e.Err }

// stall is what waits while nothing can be written.
type stall struct {
	err     error // nil: all is well
	retryAt time.Time
	blocks  []sealed
	bytes   int
	entries uint64
	resets  uint64

	lost       uint64 // entries dropped since the stall began
	lostResets uint64
	from, to   reset.Time
}

func (s *stall) active() bool { return s.err != nil }

func (s *stall) problem() error {
	if s.err == nil {
		return nil
	}
	return &StallError{Held: s.entries, Lost: s.lost, Err: s.err}
}

// stalled notes that a write did not succeed.
func (w *Writer) stalled(err error, now time.Time) {
	if w.stall.err == nil {
		w.deps.Logger.Error("journal cannot be written, entries wait in memory", "error", err)
	}
	w.stall.err = err
	w.stall.retryAt = now.Add(retryInterval)
}

// hold keeps a block until it can be written. Beyond HoldBytes it is dropped,
// and from then on all that follow: so what is lost is one stretch of time.
func (w *Writer) hold(b sealed) {
	s := &w.stall
	if s.lost > 0 || s.bytes+len(b.bytes) > w.cfg.HoldBytes {
		if s.lost == 0 {
			s.from, s.to = b.first, b.last
		}
		s.from, s.to = min(s.from, b.first), max(s.to, b.last)
		s.lost += uint64(b.entries)
		s.lostResets += uint64(b.resets)
		w.stats.LostEntries += uint64(b.entries)
		w.stats.LostResets += uint64(b.resets)
		return
	}
	b.bytes = bytes.Clone(b.bytes)
	s.blocks = append(s.blocks, b)
	s.bytes += len(b.bytes)
	s.entries += uint64(b.entries)
	s.resets += uint64(b.resets)
}

// resume writes what waits, then how much was lost, if the time to try again
// has come. It reports whether all is well.
func (w *Writer) resume(now time.Time) bool {
	s := &w.stall
	if now.Before(s.retryAt) {
		return false
	}
	for len(s.blocks) > 0 {
		b := s.blocks[0]
		if err := w.write(b, now); err != nil {
			w.stalled(err, now)
			return false
		}
		s.blocks[0] = sealed{}
		s.blocks = s.blocks[1:]
		s.bytes -= len(b.bytes)
		s.entries -= uint64(b.entries)
		s.resets -= uint64(b.resets)
	}
	if err := w.tellLost(now); err != nil {
		w.stalled(err, now)
		return false
	}
	w.deps.Logger.Info("journal can be written again", "lost_entries", s.lost)
	w.stall = stall{}
	return true
}

// tellLost writes down what was dropped, after all that was held.
func (w *Writer) tellLost(now time.Time) error {
	s := &w.stall
	if s.lost == 0 {
		return w.dueSegment(now)
	}
	c := w.control(now, "lost")
	c.Message = fmt.Sprintf("%d entries, %d of them resets, from %s until %s were not written: %v",
		s.lost, s.lostResets, stamp(s.from), stamp(s.to), s.err)
	if err := w.dueSegment(now); err != nil {
		return err
	}
	return w.putControls(w.seg, 0, c)
}

func stamp(t reset.Time) string {
	text, _ := t.MarshalText()
	return string(text)
}
