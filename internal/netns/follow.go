package netns

import (
	"context"
	"fmt"
	"time"
)

// Kind is what happened to a namespace.
type Kind uint8

// The kinds of events.
const (
	Added   Kind = iota + 1 // it is there: watch it
	Renamed                 // it has another name, or none any more
	Gone                    // nobody else refers to it: let go at once
)

// String returns added, renamed or gone.
func (k Kind) String() string {
	switch k {
	case Added:
		return "added"
	case Renamed:
		return "renamed"
	case Gone:
		return "gone"
	default:
		return fmt.Sprintf("invalid-%d", uint8(k))
	}
}

// Event is one change of the set of namespaces.
type Event struct {
	Kind      Kind
	Namespace Namespace
	At        time.Time // when the tracker knew
}

// follower is one Follow that is running. Its queue is guarded by Tracker.mu.
type follower struct {
	queue   []Event
	initial int           // how many events at the head of the first queue are of the beginning
	wake    chan struct{} // holds one token while the queue is not empty
}

func (f *follower) push(events ...Event) {
	if len(events) == 0 {
		return
	}
	f.queue = append(f.queue, events...)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Follow calls fn with an Added for every namespace that is known now and then
// with every change, in order, until ctx ends (its error is then returned) or
// fn returns an error. fn is called from the caller's goroutine only. A slow fn
// delays nobody else.
func (t *Tracker) Follow(ctx context.Context, fn func(Event) error) error {
	f := t.join()
	defer t.leave(f)
	return t.follow(ctx, f, fn)
}

// join makes a follower whose queue begins with what is known.
func (t *Tracker) join() *follower {
	f := &follower{wake: make(chan struct{}, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.known {
		f.push(Event{Kind: Added, Namespace: e.namespace, At: e.namespace.Discovered})
	}
	f.initial = len(f.queue)
	t.followers[f] = struct{}{}
	return f
}

func (t *Tracker) leave(f *follower) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.followers, f)
}

func (t *Tracker) follow(ctx context.Context, f *follower, fn func(Event) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.wake:
		}
		t.mu.Lock()
		events := f.queue
		f.queue = nil
		t.mu.Unlock()
		for _, event := range events {
			if err := fn(event); err != nil {
				return err
			}
		}
	}
}
