package journal

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Latest reads a journal and returns each reset once, in its last revision:
// those that are final as they come, those that are provisional when their last
// revision comes or is overdue (its writer was killed), at the latest at the end.
// So the order is that of time to within some seconds. Other entries are returned
// as they come.
type Latest struct {
	reader *Reader
	room   int
	held   map[reset.ID]*reset.Reset
	order  []reset.ID // of those that were held, oldest first; some are gone
	ready  []*reset.Reset
	ended  bool
}

// awaited is how many provisional resets are held at a time: more than a writer
// keeps in the same seconds.
const awaited = 1 << 13

// overdue is how long after its announced time a last revision is awaited, by
// the times of the entries that follow.
const overdue = reset.Time(10 * time.Second)

// NewLatest reads from a reader that does not follow.
func NewLatest(reader *Reader) *Latest {
	return &Latest{reader: reader, room: awaited, held: make(map[reset.ID]*reset.Reset)}
}

// Next returns the next entry, or io.EOF.
func (l *Latest) Next(ctx context.Context) (reset.Entry, error) {
	for {
		if len(l.ready) > 0 {
			r := l.ready[0]
			l.ready = l.ready[1:]
			return reset.Entry{Reset: r}, nil
		}
		if l.ended {
			return reset.Entry{}, io.EOF
		}
		entry, err := l.reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			l.ended = true
			l.release(0, 0)
			continue
		}
		if err != nil {
			return reset.Entry{}, err
		}
		if entry.Reset == nil || l.isLast(entry.Reset) {
			return entry, nil
		}
	}
}

// isLast reports whether the record is the last of its reset; else it is held.
func (l *Latest) isLast(r *reset.Reset) bool {
	before, held := l.held[r.ID]
	if r.Final || r.ProvisionalUntil.IsZero() {
		delete(l.held, r.ID)
		return true
	}
	if !held {
		l.order = append(l.order, r.ID)
	}
	if !held || r.Revision > before.Revision {
		l.held[r.ID] = r
	}
	l.release(l.room, r.Time-overdue)
	return false
}

// release makes ready what was announced to be final before a time, and the
// oldest of more than fit.
func (l *Latest) release(room int, announced reset.Time) {
	for len(l.order) > 0 {
		r := l.held[l.order[0]]
		if r != nil && len(l.held) <= room && r.ProvisionalUntil >= announced {
			break
		}
		if r != nil {
			l.ready = append(l.ready, r)
			delete(l.held, r.ID)
		}
		l.order = l.order[1:]
	}
	// What is gone behind the oldest must not pile up either.
	if len(l.order) > 2*l.room {
		kept := l.order[:0]
		for _, id := range l.order {
			if l.held[id] != nil {
				kept = append(kept, id)
			}
		}
		l.order = kept
	}
}
