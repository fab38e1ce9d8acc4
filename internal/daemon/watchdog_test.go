package daemon

import (
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/correlate"
)

// TestWatchdogStarves: nothing says that we live while the pipeline does not
// let go of its lock, and something does as soon as it has.
func TestWatchdogStarves(t *testing.T) {
	w := newSource(t).Writer
	line, err := NewPipeline(correlate.DefaultConfig(), Place{Host: "h"}, w, nil, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	fed := make(chan bool, 1)
	d := &Daemon{line: line, journal: w, opts: Options{Alive: func() { fed <- true }}}
	line.mu.Lock()
	done := make(chan bool)
	go func() { d.feedWatchdog(); close(done) }()
	select {
	case <-fed:
		t.Error("fed while the pipeline stood still")
	case <-done:
		t.Error("nobody waited for the pipeline")
	case <-time.After(50 * time.Millisecond): // long enough for one that does not wait
	}
	line.mu.Unlock()
	<-done
	select {
	case <-fed:
	default:
		t.Error("not fed although all moves")
	}
}
