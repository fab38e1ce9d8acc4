package logfile

import (
	"context"
	"sync/atomic"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Reader reads the resets of logs, several as one in the order of their times.
type Reader struct {
	cfg    Config
	series []*series
	counts Counts
	read   atomic.Int64
	lines  atomic.Uint64
	recent recent
}

// New returns a reader of files that were looked at.
func New(cfg Config, inputs []*Input) *Reader {
	cfg.defaults()
	r := &Reader{cfg: cfg}
	for _, set := range sets(inputs) {
		r.series = append(r.series, &series{reader: r, members: set})
	}
	return r
}

// Counts returns the account; Run must have ended.
func (r *Reader) Counts() Counts { return r.counts }

// Progress may be called while Run runs.
func (r *Reader) Progress() Progress {
	return Progress{Bytes: r.read.Load(), Lines: r.lines.Load()}
}

// Run reads to the end and hands each reset to the sink. An error of the sink
// ends it.
func (r *Reader) Run(ctx context.Context, sink func(*Found) error) error {
	defer r.close()
	for _, s := range r.series {
		if err := s.resolve(ctx); err != nil {
			return err
		}
	}
	var found Found
	for {
		s, it, err := r.earliest(ctx)
		if err != nil {
			return err
		}
		if it == nil {
			return nil
		}
		if len(r.series) > 1 && r.recent.has(it) {
			r.counts.Copies++
			s.drop()
			continue
		}
		r.counts.Resets++
		found = Found{ID: it.id, Sighting: &it.sighting, BootID: it.boot, File: it.file, Line: it.line}
		if err := sink(&found); err != nil {
			return err
		}
		s.drop()
	}
}

// earliest finds the log whose next reset is the first in time.
func (r *Reader) earliest(ctx context.Context) (from *series, first *item, err error) {
	for _, s := range r.series {
		it, err := s.head(ctx)
		if err != nil {
			return nil, nil, err
		}
		if it != nil && (first == nil || it.order() < first.order()) {
			from, first = s, it
		}
	}
	return from, first, nil
}

func (r *Reader) close() {
	for _, s := range r.series {
		if s.current != nil {
			s.current.close()
			s.current = nil
		}
	}
}

// recent remembers the ids of the last seconds, by which copies of a log are
// known.
type recent struct {
	ids, before map[reset.ID]bool
	from        reset.Time
}

const (
	recentSpan = 2e9
	maxRecent  = 1 << 18
)

// has reports whether a reset was handed on already, and notes it.
func (r *recent) has(it *item) bool {
	at := it.sighting.Time
	if r.ids == nil || at-r.from > recentSpan || len(r.ids) >= maxRecent {
		r.before, r.ids, r.from = r.ids, make(map[reset.ID]bool), at
	}
	if r.ids[it.id] || r.before[it.id] {
		return true
	}
	r.ids[it.id] = true
	return false
}
