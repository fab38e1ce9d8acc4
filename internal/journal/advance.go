package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// nextSegment opens the segment that the position is in, or the next that is
// there. Without one it returns io.EOF.
func (r *Reader) nextSegment() error {
	if r.only && r.segment.name != "" {
		return io.EOF
	}
	list, err := listSegments(r.options.FS, r.dir)
	if err != nil {
		return err
	}
	for i := range list {
		s := list[i]
		if s.sequence < r.at.Segment {
			continue
		}
		err := r.open(s)
		if errors.Is(err, fs.ErrNotExist) {
			continue // retention was faster
		}
		return err
	}
	return io.EOF
}

// open begins a segment: at the position if that is in it, else at its start.
func (r *Reader) open(s segment) error {
	src, err := openSegment(r.options.FS, r.dir, s)
	if err != nil {
		return err
	}
	w, err := newWalker(s.name, src)
	var d *Damage
	if err != nil && !errors.As(err, &d) {
		return errors.Join(err, src.Close())
	}
	r.missing(s.sequence)
	if d != nil {
		r.damaged(*d)
	}
	if r.at.Segment != s.sequence {
		r.at = Position{Segment: s.sequence}
	}
	r.segment, r.src, r.walker, r.frame = s, src, w, 0
	if r.at.Offset > w.offset && r.at.Offset <= w.size {
		w.offset = r.at.Offset
	}
	return nil
}

// missing tells of segments that should lie before the one that is opened now.
func (r *Reader) missing(sequence uint64) {
	want := r.at.Segment
	if want == 0 || sequence <= want {
		return
	}
	what := fmt.Sprintf("segments %d to %d are not there", want, sequence-1)
	if want == sequence-1 {
		what = fmt.Sprintf("segment %d is not there", want)
	}
	r.damaged(Damage{Reason: what + ": removed by retention, or by hand"})
}

// skipFrames spares the walker the frames of a compressed segment that lie
// outside the times.
func (r *Reader) skipFrames() {
	z, ok := r.src.(*inflater)
	if !ok {
		return
	}
	w := r.walker
	for ; r.frame < len(z.frames); r.frame++ {
		f := &z.frames[r.frame]
		if f.end() <= w.offset {
			continue
		}
		begins := f.offset == w.offset || f.offset == 0 && w.offset == headLength
		outside := f.flags&frameOpaque == 0 && f.entries > 0 && r.outside(f.first, f.last)
		if !begins || !outside {
			return
		}
		w.offset = f.end()
		r.at.Offset, r.at.Index = w.offset, 0
	}
}

// outside reports whether no entry between first and last is within the times.
func (r *Reader) outside(first, last reset.Time) bool {
	return last < r.options.Since || first >= r.options.Until
}

// isFollowed reports whether there is a later segment: then this one does not
// grow any more.
func (r *Reader) isFollowed(sequence uint64) bool {
	list, err := listSegments(r.options.FS, r.dir)
	return err == nil && len(list) > 0 && list[len(list)-1].sequence > sequence
}

// atEnd is called at the end of what can be read of the segment. It returns
// nil if there is more, here or in another segment, and io.EOF if not.
func (r *Reader) atEnd() error {
	// In this order: a segment that is followed had its last byte before.
	followed := !r.segment.plain || r.isFollowed(r.segment.sequence)
	before := r.walker.size
	if err := r.walker.refresh(); err != nil {
		return err
	}
	if r.walker.size > before {
		return nil
	}
	if !followed {
		return r.openEnd()
	}
	if z, ok := r.src.(*inflater); ok && !z.whole {
		r.damaged(Damage{Segment: r.segment.name, Offset: z.size, Reason: "the compressed file ends early"})
	}
	var d *Damage
	if _, err := r.walker.next(false); errors.As(err, &d) {
		r.damaged(*d)
		if r.walker.offset < r.walker.size {
			return nil
		}
	}
	err := r.src.Close()
	r.src, r.walker = nil, nil
	r.at = Position{Segment: r.segment.sequence + 1}
	return err
}

// openEnd is called at the end of a segment that may still grow. A part of a
// block is either being written, or it is what a crash left and no writer has
// looked at yet: the next poll tells. The position stays before it.
func (r *Reader) openEnd() error {
	w := r.walker
	if r.options.Follow || w.offset >= w.size || r.torn {
		return io.EOF
	}
	r.torn = true
	time.Sleep(r.options.Poll)
	size := w.size
	if err := w.refresh(); err != nil {
		return err
	}
	if w.size > size {
		return nil
	}
	r.damaged(Damage{Segment: r.segment.name, Offset: w.offset, Length: w.size - w.offset, Reason: errTorn.Error()})
	return io.EOF
}
