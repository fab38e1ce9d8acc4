package kernel_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// recording is the sensor with the joining behind it, in memory.
type recording struct {
	sensor *kernel.Sensor
	stop   func() correlate.Counts

	mu      sync.Mutex
	records []reset.Reset
}

func record(t *testing.T, cfg kernel.Config) *recording {
	t.Helper()
	sensor, err := kernel.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	rec := &recording{sensor: sensor}
	joiner, err := correlate.New(correlate.DefaultConfig(), func(r *reset.Reset, joined correlate.Joined) {
		attribute.Judge(r, joined.Origin)
		kept := *r
		kept.Packet.Raw = append([]byte(nil), r.Packet.Raw...)
		rec.mu.Lock()
		rec.records = append(rec.records, kept)
		rec.mu.Unlock()
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- sensor.Run(ctx, func() { close(ready) }, func(batch []reset.Sighting) {
			joiner.Add(batch)
			joiner.Flush(monotonic())
		})
	}()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	rec.stop = sync.OnceValue(func() correlate.Counts {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		joiner.Drain()
		return joiner.Counts()
	})
	t.Cleanup(func() { rec.stop() })
	return rec
}

func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// take returns the records since the last call.
func (rec *recording) take() []reset.Reset {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	records := rec.records
	rec.records = nil
	return records
}

// TestEveryMaker makes every kind of reset in every scene and holds the
// records against what was made, one by one, and the ledger against both.
func TestEveryMaker(t *testing.T) {
	lab := testkit.NewLab(t, testkit.WithBridge())
	rec := record(t, kernel.DefaultConfig())
	hooks := testkit.Stack | testkit.Device | testkit.Bridged
	for _, maker := range testkit.Makers() {
		if maker.Slow && testing.Short() {
			continue
		}
		for _, scene := range maker.ScenesIn(lab) {
			t.Run(maker.Name+"/"+scene.String(), func(t *testing.T) {
				expects := testkit.Visible(maker.MustMake(t, lab, scene, 3), hooks)
				time.Sleep(2 * correlate.DefaultConfig().Window) // what waits has gone by then, and a double may come late
				lab.Compare(t, expects, rec.take())
			})
		}
	}
	joined := rec.stop()
	seen := rec.sensor.Counts()
	if seen.Lost != 0 || seen.Seen != joined.Added || joined.Added != joined.Primary+joined.Joined || joined.Pending != 0 {
		t.Errorf("the ledger does not balance: sensor %+v, joining %+v", seen, joined)
	}
}
