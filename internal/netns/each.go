package netns

import (
	"context"
	"errors"
	"sync"
)

// Job is what to do in every namespace.
type Job struct {
	// Run does it in one namespace, in a goroutine of its own. Its context ends
	// when the namespace is Gone, and Run must then close what it has there and
	// return. It calls watching once it is set up.
	Run func(ctx context.Context, n Namespace, watching func()) error
	// Failed hears of an error that Run returned before its context ended, and
	// says whether it shall end everything.
	Failed func(n Namespace, err error) (fatal bool)
	// Ready is called once: when every namespace that was there at the start is
	// set up, has failed or is gone. It may be nil.
	Ready func()
}

// Each does a job in every namespace, present and to come. It returns nil when
// ctx has ended, or the first error that was fatal, and in both cases only
// when every Run is back. It waits for the Tracker's first scan.
func (t *Tracker) Each(ctx context.Context, job Job) error {
	select {
	case <-ctx.Done():
		return nil
	case <-t.Started():
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	defer running.Wait()
	cancels := make(map[uint64]context.CancelFunc)

	f := t.join()
	defer t.leave(f)
	start := &start{ready: job.Ready, left: make(map[uint64]bool)}
	for _, e := range t.beginning(f) {
		start.left[e.Namespace.ID] = true
	}
	if len(start.left) == 0 {
		start.done(0)
	}
	err := t.follow(ctx, f, func(e Event) error {
		n := e.Namespace
		switch e.Kind {
		case Added:
			own, cancelOwn := context.WithCancel(ctx)
			cancels[n.ID] = cancelOwn
			running.Go(func() {
				defer cancelOwn()
				set := func() { start.done(n.ID) }
				defer set()
				if err := job.Run(own, n, set); err != nil && own.Err() == nil && job.Failed(n, err) {
					cancel(err)
				}
			})
		case Gone:
			if cancelOwn := cancels[n.ID]; cancelOwn != nil {
				cancelOwn()
				delete(cancels, n.ID)
			}
		}
		return nil
	})
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return cause
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// beginning returns the events of a follower that has not been read yet and
// that speak of what was there when it joined.
func (t *Tracker) beginning(f *follower) []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return f.queue[:f.initial:f.initial]
}

// start calls ready once every namespace of the beginning has been dealt with.
type start struct {
	mu    sync.Mutex
	left  map[uint64]bool // guarded by mu
	ready func()          // nil once called; guarded by mu
}

func (s *start) done(key uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.left, key)
	if len(s.left) == 0 && s.ready != nil {
		s.ready()
		s.ready = nil
	}
}
