package verdicts

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// background makes unrelated resets in a lab of its own, beside those that are
// held against the truth, until it has made enough and is told to stop.
type background struct {
	lab  *testkit.Lab
	made atomic.Int64
	stop chan struct{}
	done chan error
}

// ordinary are the kinds that a host has all day.
var ordinary = []string{"closed-port", "linger-zero", "unread-data", "time-wait", "half-open", "stray-data", "listener-closed"}

func newBackground(t *testing.T) *background {
	return &background{lab: testkit.NewLab(t), stop: make(chan struct{}), done: make(chan error, 1)}
}

// start makes at least so many RSTs.
func (b *background) start(t *testing.T, seed uint64, least int) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	var makers []testkit.Maker
	for _, kind := range ordinary {
		makers = append(makers, testkit.Lookup(t, kind))
	}
	go func() {
		for {
			select {
			case <-b.stop:
				if b.made.Load() >= int64(least) {
					b.done <- nil
					return
				}
			default:
				time.Sleep(b.between(random))
			}
			scenes := b.lab.Scenes()
			n := 1 + random.IntN(10)
			_, err := makers[random.IntN(len(makers))].Make(b.lab, scenes[random.IntN(len(scenes))], n)
			if err != nil {
				b.done <- err
				return
			}
			b.made.Add(int64(n))
		}
	}()
}

// between is the pause after a few resets: some hundred a second, and fewer
// before the lab runs out of ports.
func (b *background) between(random *rand.Rand) time.Duration {
	most := 40
	if b.made.Load() > 4000 {
		most = 1000
	}
	return time.Duration(random.IntN(most)) * time.Millisecond
}

// end waits until enough were made, and returns how many.
func (b *background) end(t *testing.T) int {
	t.Helper()
	close(b.stop)
	if err := <-b.done; err != nil {
		t.Errorf("making resets beside: %v", err)
	}
	return int(b.made.Load())
}
