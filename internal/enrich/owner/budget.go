package owner

import (
	"context"
	"sync"
	"time"
)

// budget lets so much work be done a second. What was not used in the second
// before may be used at once.
type budget struct {
	perSecond int
	now       func() time.Time

	mu   sync.Mutex
	left float64 // guarded by mu, as the following
	at   time.Time
}

func newBudget(perSecond int) *budget {
	return &budget{perSecond: perSecond, now: time.Now, left: float64(perSecond)}
}

// take waits until n may be done, or until ctx ends.
func (b *budget) take(ctx context.Context, n int) error {
	wait := b.reserve(n)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reserve takes n now, and returns how long it takes until they are there.
func (b *budget) reserve(n int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if !b.at.IsZero() {
		b.left = min(b.left+now.Sub(b.at).Seconds()*float64(b.perSecond), float64(b.perSecond))
	}
	b.at = now
	b.left -= float64(n)
	if b.left >= 0 {
		return 0
	}
	return time.Duration(-b.left / float64(b.perSecond) * float64(time.Second))
}
