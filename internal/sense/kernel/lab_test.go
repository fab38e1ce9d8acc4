package kernel_test

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"

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

	mu       sync.Mutex
	records  []reset.Reset
	contexts []reset.Context // one a record
}

// joining is how sightings are joined: as ever, but with more patience in an
// emulated machine, whose processors may stand still for longer than the window.
func joining() correlate.Config {
	cfg := correlate.DefaultConfig()
	if os.Getenv("RSTWATCH_TEST_SLOW") != "" {
		cfg.Window *= 5
	}
	return cfg
}

func record(t *testing.T, cfg kernel.Config) *recording {
	t.Helper()
	sensor, err := kernel.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	rec := &recording{sensor: sensor}
	joiner, err := correlate.New(joining(), func(r *reset.Reset, joined correlate.Joined) {
		attribute.Judge(&attribute.Case{Reset: r, Origin: joined.Origin, Context: joined.Context})
		kept := *r
		kept.Packet.Raw = append([]byte(nil), r.Packet.Raw...)
		if r.Connection != nil {
			connection := *r.Connection
			kept.Connection = &connection
		}
		var around reset.Context
		if joined.Context != nil {
			around = *joined.Context
		}
		rec.mu.Lock()
		rec.records = append(rec.records, kept)
		rec.contexts = append(rec.contexts, around)
		rec.mu.Unlock()
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- sensor.Run(ctx, func() { close(ready) }, joiner.Add)
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

// clear forgets the records so far.
func (rec *recording) clear() {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.records, rec.contexts = nil, nil
}

// observations returns what the records since clear say.
func (rec *recording) observations() []testkit.Observation {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	list := make([]testkit.Observation, len(rec.records))
	for i := range rec.records {
		list[i] = testkit.Observe(&rec.records[i])
	}
	return list
}

// checkVerdicts holds what the records say against what was made: the kernel's
// reason and what it did, as far as this kernel tells, and that nothing is
// certain that is not true.
func (rec *recording) checkVerdicts(t *testing.T, expects []testkit.Expect) {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	running := testkit.Running(t)
	for i := range rec.records {
		r := &rec.records[i]
		e := expected(r, expects)
		if e == nil {
			continue
		}
		told := toldBy(running, *e)
		if r.Kernel.Reason != told.Reason {
			t.Errorf("%s: the kernel's reason is %q, want %q", e, r.Kernel.Reason, told.Reason)
		}
		if e.Verdict != reset.VerdictNone && r.Kernel.Verdict != told.Verdict {
			t.Errorf("%s: the kernel's verdict is %q (drop reason %q), want %q", e, r.Kernel.Verdict, r.Kernel.DropReason, told.Verdict)
		}
		if r.Confidence.Sender == reset.Certain && r.Sender != e.Sender {
			t.Errorf("%s: certainly sent by %s, want %s", e, r.Sender, e.Sender)
		}
		if r.Direction == reset.Out && r.Sender == reset.LocalFirewall && e.Sender != reset.LocalFirewall {
			t.Errorf("%s: blamed on the firewall (%s)", e, r.Confidence.Sender)
		}
		if r.Confidence.Cause == reset.Certain && r.Cause != e.Cause {
			t.Errorf("%s: certainly for %s, want %s", e, r.Cause, e.Cause)
		}
	}
}

// expected finds what a record was expected to be; nil where that is not clear.
func expected(r *reset.Reset, expects []testkit.Expect) *testkit.Expect {
	var found *testkit.Expect
	for i := range expects {
		e := &expects[i]
		if e.Node.Inode != r.Netns.ID || e.Direction != r.Direction || e.Src != r.Src || e.Dst != r.Dst ||
			e.Seq.OK && e.Seq != r.Packet.Seq {
			continue
		}
		if found != nil {
			return nil
		}
		found = e
	}
	return found
}

// TestEveryMaker makes every kind of reset in every scene and holds the
// records against what was made, one by one, and the ledger against both.
func TestEveryMaker(t *testing.T) {
	lab := testkit.NewLab(t, testkit.WithSpare())
	rec := record(t, kernel.DefaultConfig())
	hooks := testkit.Stack | testkit.Device | testkit.Bridged
	for _, maker := range testkit.Makers() {
		if maker.Slow && testing.Short() {
			continue
		}
		for _, scene := range maker.ScenesIn(lab) {
			t.Run(maker.Name+"/"+scene.String(), func(t *testing.T) {
				rec.clear()
				expects := testkit.Visible(maker.MustMake(t, lab, scene, 3), hooks)
				lab.AwaitCompare(t, expects, correlate.DefaultConfig().Window, rec.observations)
				rec.checkVerdicts(t, expects)
			})
		}
	}
	joined := rec.stop()
	seen := rec.sensor.Counts()
	if seen.Lost != 0 || seen.Seen != joined.Added || joined.Added != joined.Primary+joined.Joined || joined.Pending != 0 {
		t.Errorf("the ledger does not balance: sensor %+v, joining %+v", seen, joined)
	}
}
