package daemon

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestAccountContinues carries the ledger over a clean end and over a kill.
func TestAccountContinues(t *testing.T) {
	last := reset.Ledger{
		Sensors: []reset.SensorLedger{{Sensor: "bpf", Sightings: 30, Primary: 10, Joined: 15, Filtered: 2, Lost: 1, Pending: 2}},
		Host:    reset.HostLedger{Resets: 10, Written: 7, Lost: 1, Pending: 2},
	}
	if !last.Balanced() {
		t.Fatal("the ledger of the story does not balance")
	}
	a := newAccount(journal.Checkpoint{Ledger: &last, After: 5})
	want := reset.Ledger{
		Sensors: []reset.SensorLedger{{Sensor: "bpf", Sightings: 28, Primary: 10, Joined: 15, Filtered: 2, Lost: 1}},
		Host:    reset.HostLedger{Resets: 13, Written: 12, Lost: 1},
	}
	if diff := cmp.Diff(want, a.base); diff != "" {
		t.Errorf("ledger after a kill (-want +got):\n%s", diff)
	}
	if !a.base.Balanced() {
		t.Error("it does not balance")
	}
}

// discard is a recorder that counts resets, as the journal does: by their first
// revisions.
type discard struct{ resets, revisions int }

func (d *discard) Append(entries []reset.Entry) error {
	for _, e := range entries {
		if e.Reset.Revision == 1 {
			d.resets++
		} else {
			d.revisions++
		}
	}
	return nil
}
func (d *discard) Flush() error { return nil }

// TestAccountBalances lets sightings wait, join, be filtered and be lost, and
// wants the equations to hold at every moment, from counts made independently.
func TestAccountBalances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recorder := &discard{}
		line, err := NewPipeline(correlate.DefaultConfig(), Place{Host: "h"}, recorder,
			func(r *reset.Reset) bool { return r.Src.Port()%2 == 0 }, func(err error) { t.Fatal(err) })
		if err != nil {
			t.Fatal(err)
		}
		var counts SensorCounts
		a := newAccount(journal.Checkpoint{})
		a.line, a.capture = line, &Capture{Name: "bpf", Counts: func() SensorCounts { return counts }}
		a.written = func() journal.Stats { return journal.Stats{Resets: uint64(recorder.resets)} }
		mono := int64(1e9)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			mono += int64(rapid.IntRange(0, 30e6).Draw(t, "later"))
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				counts.Seen++
				counts.Lost++
			case 1:
				counts.Seen++
				counts.Filtered++
			case 2:
				counts.Seen++ // still in the ring
			default:
				counts.Seen++
				s := drawSighting(t, mono)
				line.Add([]reset.Sighting{s})
			}
			if l := a.ledger(); !l.Balanced() {
				t.Fatalf("does not balance: %+v", l)
			}
		}
		line.Drain()
		l := a.ledger()
		waiting := counts.Seen - counts.Lost - counts.Filtered - line.Counts().Added
		if !l.Balanced() || l.Sensors[0].Pending != waiting || l.Host.Pending != 0 || l.Sensors[0].Sightings != counts.Seen {
			t.Fatalf("at the end, with %d left in the ring: %+v", waiting, l)
		}
	})
}

var loopback = netip.MustParseAddr("127.0.0.1")

func drawSighting(t *rapid.T, mono int64) reset.Sighting {
	port := uint16(rapid.IntRange(1, 6).Draw(t, "port"))
	s := reset.Sighting{
		Source: reset.Wire, Hook: reset.HookWireIn, MonoNS: mono, Time: reset.Time(mono), SKB: uint64(port), Netns: reset.Netns{ID: 1},
		Interface: reset.Interface{In: "eth0"},
		Src:       reset.EndpointFrom(loopback, port), Dst: reset.EndpointFrom(loopback, 80),
	}
	s.Packet.Seq, s.Packet.Flags = reset.Some(uint32(1)), reset.RST
	if rapid.Bool().Draw(t, "refused") {
		s.Source, s.Hook = reset.KfreeSkb, reset.HookRefused
	}
	return s
}
