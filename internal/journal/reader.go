package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// ReadOptions say what a Reader reads. The zero value is: everything that is
// there, once.
type ReadOptions struct {
	// From is where to begin.
	From Position
	// Since and Until bound the entries' times: Since <= time < Until. 0 is no
	// bound. Blocks that lie outside are not decoded. An entry whose time is not
	// known is passed over if there is a bound.
	Since, Until reset.Time
	// Follow waits for more at the end, instead of ending there.
	Follow bool
	// Poll is how often Follow looks; 0 is 100 ms.
	Poll time.Duration
	// FS is the file system; nil is the real one.
	FS FS
	// OnDamage is told of each stretch that is skipped, as it is met.
	OnDamage func(Damage)
}

// Reader reads the entries of a journal in the order in which they were
// appended, over all its segments. It takes no locks and so never holds up the
// writer. It may read a copy. It is not safe for concurrent use.
type Reader struct {
	dir     string
	options ReadOptions

	segment segment
	src     source
	walker  *walker
	entries *decoder
	block   block
	at      Position // after the entry returned last
	frame   int      // of a compressed segment, to look at next
	torn    bool     // the open end was told
	only    bool     // read the first segment only

	damages int
	skipped int64
}

const defaultPoll = 100 * time.Millisecond

// NewReader opens the journal in dir. The directory must be there; it may be
// empty.
func NewReader(dir string, options ReadOptions) (*Reader, error) {
	if options.FS == nil {
		options.FS = Disk{}
	}
	if options.Poll <= 0 {
		options.Poll = defaultPoll
	}
	if options.Until == 0 {
		options.Until = 1<<63 - 1
	}
	if _, err := options.FS.Names(dir); err != nil {
		return nil, fmt.Errorf("reading journal %q: %w", dir, err)
	}
	return &Reader{dir: dir, options: options, at: options.From}, nil
}

// Position returns the place after the entry that Next returned last: a Reader
// that begins From there returns the entry after it.
func (r *Reader) Position() Position { return r.at }

// Damaged returns how many stretches were skipped since they do not decode, and
// their bytes.
func (r *Reader) Damaged() (stretches int, bytes int64) { return r.damages, r.skipped }

// Next returns the next entry. At the end it returns io.EOF; with Follow it
// waits there until ctx ends, and then returns ctx's error. What does not decode
// is told to OnDamage, counted, and passed over; other errors are the file
// system's.
func (r *Reader) Next(ctx context.Context) (reset.Entry, error) {
	for {
		entry, err := r.nextInBlock()
		if err == nil {
			return entry, nil
		}
		if !errors.Is(err, io.EOF) {
			return reset.Entry{}, err
		}
		err = r.nextBlock(ctx)
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) || !r.options.Follow {
			return reset.Entry{}, err
		}
		select {
		case <-ctx.Done():
			return reset.Entry{}, ctx.Err()
		case <-time.After(r.options.Poll):
		}
	}
}

// nextInBlock returns the next entry of the block at hand that is within the
// times.
func (r *Reader) nextInBlock() (reset.Entry, error) {
	for r.entries != nil {
		entry, err := r.entries.next()
		if errors.Is(err, io.EOF) {
			r.leaveBlock()
			break
		}
		if err != nil {
			r.damaged(Damage{
				Segment: r.segment.name, Offset: r.block.offset, Length: r.block.end() - r.block.offset,
				Reason: fmt.Sprintf("entry %d: %v", r.at.Index, err),
			})
			r.leaveBlock()
			break
		}
		r.at.Index++
		if r.wanted(&entry) {
			return entry, nil
		}
	}
	return reset.Entry{}, io.EOF
}

func (r *Reader) leaveBlock() {
	r.entries = nil
	r.at.Offset, r.at.Index = r.block.end(), 0
}

func (r *Reader) wanted(entry *reset.Entry) bool {
	at := timeOf(entry)
	if at == 0 {
		return r.options.Since == 0 && r.options.Until == 1<<63-1
	}
	return at >= r.options.Since && at < r.options.Until
}

// timeOf returns the entry's own time.
func timeOf(entry *reset.Entry) reset.Time {
	switch {
	case entry.Reset != nil:
		return entry.Reset.Time
	case entry.Coverage != nil:
		return entry.Coverage.Time
	case entry.Control != nil:
		return entry.Control.Time
	}
	return 0
}

// nextBlock finds the next block that may hold entries within the times. At
// the end of what is there, it returns io.EOF.
func (r *Reader) nextBlock(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.walker == nil {
			if err := r.nextSegment(); err != nil {
				return err
			}
		}
		r.skipFrames()
		b, err := r.walker.next(true)
		var d *Damage
		switch {
		case err == nil:
			if r.enter(b) {
				return nil
			}
		case errors.As(err, &d):
			r.damaged(*d)
			r.at.Offset, r.at.Index = r.walker.offset, 0
		case errors.Is(err, io.EOF), errors.Is(err, errPartial):
			if err := r.atEnd(); err != nil {
				return err
			}
		default:
			return fmt.Errorf("reading journal %q: %w", r.dir, err)
		}
	}
}

// enter begins a block, unless it can be passed over.
func (r *Reader) enter(b block) bool {
	resume := b.offset == r.at.Offset
	if b.offset < r.at.Offset {
		return false
	}
	if r.outside(b.head.first, b.head.last) {
		r.at.Offset, r.at.Index = b.end(), 0
		return false
	}
	r.block = b
	payload, err := r.walker.content(&b)
	var d *Damage
	if errors.As(err, &d) {
		r.damaged(*d)
		r.at.Offset, r.at.Index = b.end(), 0
		return false
	}
	r.entries = newDecoder(payload)
	if !resume {
		r.at.Index = 0
	}
	r.at.Offset = b.offset
	for range r.at.Index {
		if _, err := r.entries.next(); err != nil {
			break // nextInBlock meets it again
		}
	}
	return true
}

func (r *Reader) damaged(d Damage) {
	r.damages++
	r.skipped += d.Length
	if r.options.OnDamage != nil {
		r.options.OnDamage(d)
	}
}

// Close releases the files. Next must not be called after it.
func (r *Reader) Close() error {
	if r.src == nil {
		return nil
	}
	err := r.src.Close()
	r.src, r.walker, r.entries = nil, nil, nil
	return err
}
