package testkit

import (
	"math/rand/v2"
	"sync"
	"time"
)

// pace is what makers wait between their steps, so that nothing depends on how
// fast they follow each other.
type pace struct {
	mu     sync.Mutex
	random *rand.Rand
	most   time.Duration
}

// Jitter lets makers pause before each step, for a random time of at most
// most. The same seed gives the same pauses. Without it they do not pause.
func (l *Lab) Jitter(seed uint64, most time.Duration) {
	l.pace.mu.Lock()
	defer l.pace.mu.Unlock()
	l.pace.random, l.pace.most = rand.New(rand.NewPCG(seed, l.id)), most
}

// pause waits as Jitter says.
func (l *Lab) pause() {
	l.pace.mu.Lock()
	wait := time.Duration(0)
	if l.pace.random != nil && l.pace.most > 0 {
		// Most pauses are short; some are as long as it gets.
		part := l.pace.random.Float64()
		wait = time.Duration(part * part * float64(l.pace.most))
	}
	l.pace.mu.Unlock()
	if wait > 0 {
		time.Sleep(wait)
	}
}
