package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// maxNotes bounds how many stretches of damage one recovery writes down.
const maxNotes = 16

// recover brings the directory into order after whatever ended the last
// writer, and decides where to go on. It deletes only what is not yet part of
// the journal: files in the making, and compressed copies whose original is
// still there.
func (w *Writer) recover() error {
	if err := w.sweep(); err != nil {
		return err
	}
	list, err := listSegments(w.deps.FS, w.cfg.Dir)
	if err != nil {
		return err
	}
	for i := range list {
		w.protect(filepath.Join(w.cfg.Dir, list[i].file()))
		if list[i].plain {
			w.stale = append(w.stale, list[i].name)
		}
	}
	_, _ = rand.Read(w.journal[:]) // never fails
	if len(list) == 0 {
		return nil
	}
	w.sequence = list[len(list)-1].sequence
	if err := w.follow(list); err != nil {
		return err
	}
	w.checkpoint, err = lastLedger(w.deps.FS, w.cfg.Dir, list)
	return err
}

// sweep removes files in the making, and compressed copies that were not
// finished: while the original is there, it is the segment.
func (w *Writer) sweep() error {
	names, err := w.deps.FS.Names(w.cfg.Dir)
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	for _, name := range names {
		s, ok := parseSegment(strings.TrimSuffix(name, tmpSuffix))
		if !ok {
			continue
		}
		if strings.HasSuffix(name, tmpSuffix) || s.zstd && there[s.name+plainSuffix] {
			if err := w.remove(filepath.Join(w.cfg.Dir, name)); err != nil {
				return err
			}
			w.dirDirty = true
		}
	}
	return nil
}

// follow finds the chain's end. An intact last segment is written on; any
// other is left as it is.
func (w *Writer) follow(list []segment) error {
	for i := len(list) - 1; i >= 0; i-- {
		t, err := findTail(w.deps.FS, w.cfg.Dir, list[i])
		if err != nil {
			return err
		}
		for n := range t.damages {
			w.stats.TornBytes += uint64(t.damages[n].Length)
			if n < maxNotes {
				w.recovered = append(w.recovered, w.tornNote(list[i].name, &t.damages[n]))
			}
		}
		if !t.known {
			continue
		}
		w.journal, w.previous = t.head.journal, t.chain
		if i == len(list)-1 && t.canGoOn() && list[i].plain {
			return w.goOn(list[i], &t)
		}
		return nil
	}
	return nil
}

// goOn opens an intact segment to append to. dueSegment closes it if it is
// full or of another day.
func (w *Writer) goOn(s segment, t *tail) error {
	file, err := w.deps.FS.Append(filepath.Join(w.cfg.Dir, s.name+plainSuffix))
	if err != nil {
		return fmt.Errorf("opening segment %s to append: %w", s.name, err)
	}
	w.seg = &live{
		file: file, name: s.name, head: t.head, size: t.size, number: t.number, chain: t.chain,
		dirty: true, // what a killed process wrote may not be on the disk
	}
	w.dirDirty = true
	return nil
}

// tornNote is the control entry about a stretch that does not decode.
func (w *Writer) tornNote(name string, d *Damage) reset.Control {
	c := w.control(w.deps.Now(), "recovered")
	c.Segment = name
	c.Message = recoveredMessage(name, d)
	return c
}

// recoveredMessage is the text by which a reader knows a stretch again.
func recoveredMessage(name string, d *Damage) string {
	return stretch(name, d) + " (" + d.Reason + "); they stay as they are"
}

// stretch names the bytes that are meant: whoever wrote the note may have met
// them for another reason than who reads them later.
func stretch(name string, d *Damage) string {
	return fmt.Sprintf("file %s%s, offset %d: %d bytes do not decode", name, plainSuffix, d.Offset, d.Length)
}

// notedStretch returns what stretch returned when the note was written.
func notedStretch(c *reset.Control) (text string, ok bool) {
	if c.Event != "recovered" {
		return "", false
	}
	text, _, ok = strings.Cut(c.Message, " (")
	return text, ok
}

// tail is the end of a segment.
type tail struct {
	head    segmentHead
	known   bool // chain is right: a head or a block was found
	chain   Hash
	number  uint32 // of the block to come
	size    int64
	ended   bool
	damages []Damage
}

// canGoOn reports whether blocks may follow.
func (t *tail) canGoOn() bool { return !t.ended && len(t.damages) == 0 }

// findTail reads a whole segment, and checks every checksum.
func findTail(fs FS, dir string, s segment) (t tail, err error) {
	src, err := openSegment(fs, dir, s)
	if err != nil {
		return t, err
	}
	defer shut(src)
	w, err := newWalker(s.name, src)
	var d *Damage
	switch {
	case errors.As(err, &d):
		t.damages = append(t.damages, *d)
	case err != nil:
		return t, err
	default:
		t.head, t.known, t.chain = w.head, true, start(w.raw)
	}
	for {
		b, err := w.next(false)
		if errors.Is(err, io.EOF) {
			t.size = w.size
			return t, nil
		}
		if err == nil {
			_, err = w.content(&b)
		}
		switch {
		case err == nil:
			t.known, t.chain, t.number = true, b.head.hash, b.head.number+1
			t.ended = b.head.flags&flagEnd != 0
		case errors.As(err, &d):
			t.damages = append(t.damages, *d)
		default:
			return t, err
		}
	}
}
