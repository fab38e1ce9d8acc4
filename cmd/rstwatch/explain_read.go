package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rstwatch/rstwatch/internal/explain"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// afterwards is how long behind the end of a search a journal is read: the line
// that says what was watched comes once a minute.
const afterwards = reset.Time(2 * time.Minute)

// before is how long before its begin: a gap there has its reason earlier.
const before = reset.Time(10 * time.Minute)

// read opens the journal for the entries of a stretch of time.
func (t *teller) read(ctx context.Context, since, until reset.Time) (*journal.Reader, error) {
	dir := t.cfg.Journal.Dir
	if err := journal.Check(nil, dir); err != nil {
		return nil, err
	}
	options := journal.ReadOptions{From: t.mark.from(since), Since: since, Until: until}
	options.OnDamage = func(d journal.Damage) {
		if !journal.Noted(ctx, dir, &d) {
			fmt.Fprintf(t.app.stderr, "rstwatch: %s\n", cleanLines(d.Error()))
			t.damaged++
		}
	}
	return journal.NewReader(dir, options)
}

// find runs a search over the part of the journal that it needs.
func (t *teller) find(ctx context.Context, search *explain.Search) (*explain.Found, error) {
	since, until := search.From, search.Until
	if search.Target.ByTuple() { // the answer may be that nobody watched
		since = max(since-before, 0)
		if until != 0 {
			until += afterwards
		}
	}
	reader, err := t.read(ctx, since, until)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return search.Run(ctx, reader)
}

// surroundings reads what the journal holds around a reset. A record from a
// pipe may have none.
func (t *teller) surroundings(ctx context.Context, r *reset.Reset) (*reset.Reset, *explain.Around, error) {
	if r.Time.IsZero() {
		return r, nil, nil
	}
	since, until := explain.Window(r)
	reader, err := t.read(ctx, since, until)
	if err != nil {
		return nil, nil, err
	}
	defer reader.Close()
	if !t.streams {
		return explain.CollectAround(ctx, reader, r)
	}
	return explain.CollectAround(ctx, &marking{reader, &t.mark, since}, r)
}

// mark remembers where in the journal entries of a time begin: all that lies
// before at is older than since. What a pipe asks about next is seldom older.
type mark struct {
	since reset.Time
	at    journal.Position
}

func (m *mark) from(since reset.Time) journal.Position {
	if m.since == 0 || since < m.since {
		return journal.Position{}
	}
	return m.at
}

// marking sets the mark at the first entry that a reader gives.
type marking struct {
	*journal.Reader
	mark  *mark
	since reset.Time
}

// Next returns the next entry.
func (m *marking) Next(ctx context.Context) (reset.Entry, error) {
	entry, err := m.Reader.Next(ctx)
	if err == nil && m.since != 0 {
		at := m.Position()
		at.Index--
		*m.mark, m.since = mark{m.since, at}, 0
	}
	return entry, err
}
