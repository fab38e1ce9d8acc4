package journal

import (
	"errors"
	"io"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Checkpoint is the last ledger in a journal, and what was written after it.
type Checkpoint struct {
	Ledger *reset.Ledger // nil if the journal has none
	Time   reset.Time    // when it was written
	// After counts the resets written after it: first revisions that are no
	// folds. The ledger's Written plus After is what was ever written. Without a
	// ledger it counts those of the last 16 segments.
	After uint64
}

// LastLedger returns the last ledger that was in the journal when it was
// opened. Ledger is nil in a new journal.
func (w *Writer) LastLedger() Checkpoint { return w.checkpoint }

// maxBack is how many segments are looked at for a ledger. The daemon writes
// one every few seconds.
const maxBack = 16

// lastLedger looks for it from the end. A flag in the blocks' heads, and in
// compressed segments in their index, spares it from reading all entries.
func lastLedger(fs FS, dir string, list []segment) (c Checkpoint, err error) {
	for i := len(list) - 1; i >= max(0, len(list)-maxBack); i-- {
		found, err := ledgerIn(fs, dir, list[i], &c)
		if err != nil || found {
			return c, err
		}
	}
	return c, nil
}

// ledgerIn looks in one segment. It adds the resets after the ledger, or all,
// to c.After.
func ledgerIn(fs FS, dir string, s segment, c *Checkpoint) (found bool, err error) {
	src, err := openSegment(fs, dir, s)
	if err != nil {
		return false, err
	}
	defer shut(src)
	w, err := newWalker(s.name, src)
	var d *Damage
	if err != nil && !errors.As(err, &d) {
		return false, err
	}
	from, found, err := lastMark(w)
	if err != nil {
		return false, err
	}
	w.offset = from
	var after uint64
	for {
		b, err := w.next(false)
		if errors.Is(err, io.EOF) {
			c.After += after
			return found && c.Ledger != nil, nil
		}
		var payload []byte
		if err == nil {
			payload, err = w.content(&b)
		}
		if errors.As(err, &d) {
			continue
		}
		if err != nil {
			return false, err
		}
		for dec := newDecoder(payload); ; {
			entry, err := dec.next()
			if err != nil {
				break // the end, or what the reader reports
			}
			if entry.Control != nil && entry.Control.Ledger != nil {
				c.Ledger, c.Time, after = entry.Control.Ledger, entry.Control.Time, 0
			}
			if entry.Reset != nil && counts(entry.Reset) {
				after++
			}
		}
	}
}

// lastMark returns the offset of the last block with a ledger, or of the first
// block.
func lastMark(w *walker) (from int64, found bool, err error) {
	from = w.offset
	if z, ok := w.src.(*inflater); ok {
		last := -1
		for i := range z.frames {
			if z.frames[i].flags&frameLedger != 0 {
				last = i
			}
		}
		if last < 0 {
			return from, false, nil
		}
		w.offset = max(z.frames[last].offset, from)
	}
	var d *Damage
	for {
		b, err := w.next(false)
		switch {
		case errors.Is(err, io.EOF):
			return from, found, nil
		case err == nil && b.head.flags&flagLedger != 0:
			from, found = b.offset, true
		case err != nil && !errors.As(err, &d):
			return from, found, err
		}
	}
}
