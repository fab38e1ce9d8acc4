// Package lookup keeps the answers to questions that take long, so that the
// capture can ask without waiting: what is not known is asked in the
// background, and known a moment later.
package lookup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Config bounds a Table.
type Config struct {
	Entries int           // kept: at least this many, at most twice as many
	Queue   int           // questions that wait
	Workers int           // questions that are asked at the same time
	Timeout time.Duration // for one question
	// Stale is how long an answer that is no longer believed is given all the
	// same, while the question is asked again. 0: not at all.
	Stale time.Duration
}

// Validate says what is wrong with the bounds.
func (c Config) Validate() error {
	var errs []error
	for _, bound := range []struct {
		name string
		n    int
	}{{"entries", c.Entries}, {"queue", c.Queue}, {"workers", c.Workers}, {"timeout", int(c.Timeout)}} {
		if bound.n < 1 {
			errs = append(errs, fmt.Errorf("%s is %d, not positive", bound.name, bound.n))
		}
	}
	return errors.Join(errs...)
}

// Answer is what came of a question.
type Answer[V any] struct {
	Value V
	Found bool          // there is such a value
	Keep  time.Duration // how long this is believed
}

// Counts is what became of the questions.
type Counts struct {
	Asked   uint64 // in the background
	Found   uint64 // of those
	Crowded uint64 // not asked: too many waited
	Kept    int    // entries, now
}

// Table answers from memory. Its methods may be called by several goroutines.
type Table[K comparable, V any] struct {
	cfg Config
	ask func(context.Context, K) Answer[V]
	now func() time.Time

	queue chan K

	mu     sync.Mutex
	young  map[K]entry[V] // guarded by mu, as the following
	old    map[K]entry[V] // those that were kept before young was begun
	counts Counts
}

type entry[V any] struct {
	value   V
	found   bool
	waiting bool // it has been asked, and is not believed any more
	until   time.Time
}

// New returns a table that asks with the given function once Run runs.
func New[K comparable, V any](cfg Config, ask func(context.Context, K) Answer[V]) (*Table[K, V], error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("look-up table: %w", err)
	}
	return &Table[K, V]{
		cfg: cfg, ask: ask, now: time.Now, queue: make(chan K, cfg.Queue),
		young: make(map[K]entry[V]), old: make(map[K]entry[V]),
	}, nil
}

// Get returns what is known of k, without waiting. If nothing is, or no longer,
// it is asked in the background.
func (t *Table[K, V]) Get(k K) (V, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.young[k]
	if !ok {
		if e, ok = t.old[k]; ok {
			t.put(k, e)
		}
	}
	if ok && !e.waiting && t.now().Before(e.until) {
		return e.value, e.found
	}
	if !ok || !t.now().Before(e.until.Add(t.cfg.Stale)) {
		var none V
		e.value, e.found = none, false
	}
	if e.waiting {
		return e.value, e.found
	}
	select {
	case t.queue <- k:
		e.waiting = true
		t.put(k, e)
	default:
		t.counts.Crowded++
	}
	return e.value, e.found
}

// put keeps an entry; the caller holds mu.
func (t *Table[K, V]) put(k K, e entry[V]) {
	if _, ok := t.young[k]; !ok && len(t.young) >= t.cfg.Entries {
		t.old, t.young = t.young, make(map[K]entry[V])
	}
	t.young[k] = e
}

// Set keeps an answer that came from elsewhere.
func (t *Table[K, V]) Set(k K, a Answer[V]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.put(k, entry[V]{value: a.Value, found: a.Found, until: t.now().Add(a.Keep)})
}

// Run asks until ctx ends.
func (t *Table[K, V]) Run(ctx context.Context) {
	var workers sync.WaitGroup
	for range t.cfg.Workers {
		workers.Go(func() { t.work(ctx) })
	}
	workers.Wait()
}

func (t *Table[K, V]) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case k := <-t.queue:
			t.answer(ctx, k)
		}
	}
}

func (t *Table[K, V]) answer(ctx context.Context, k K) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Timeout)
	defer cancel()
	a := t.ask(ctx, k)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Asked++
	if a.Found {
		t.counts.Found++
	}
	t.put(k, entry[V]{value: a.Value, found: a.Found, until: t.now().Add(a.Keep)})
}

// Counts returns the account so far.
func (t *Table[K, V]) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	c.Kept = len(t.young) + len(t.old)
	return c
}
