package daemon

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// naming is an enricher that names a rule.
type naming string

func (n naming) Enrich(r *reset.Reset, _ *reset.Context) { r.Rule += string(n) }

// keeping is a recorder that keeps copies.
type keeping struct{ list []reset.Reset }

func (k *keeping) Append(entries []reset.Entry) error {
	for _, e := range entries {
		r := *e.Reset
		r.Evidence = slices.Clone(r.Evidence)
		k.list = append(k.list, r)
	}
	return nil
}
func (k *keeping) Flush() error { return nil }

// newLine returns a pipeline that records into memory.
func newLine(t testing.TB, place Place, keep func(*reset.Reset) bool) (*Pipeline, *keeping) {
	t.Helper()
	recorder := &keeping{}
	line, err := NewPipeline(correlate.DefaultConfig(), place, recorder, keep, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return line, recorder
}

// TestEnrichersInOrder: each is asked, one after the other, before the filter
// and the recorder see the reset, and once more for its last revision.
func TestEnrichersInOrder(t *testing.T) {
	var seen []string
	keep := func(r *reset.Reset) bool { seen = append(seen, r.Rule); return true }
	line, recorder := newLine(t, Place{Host: "h", Enrichers: []Enricher{naming("a"), naming("b")}}, keep)
	line.Add([]reset.Sighting{arrived(1, 1e9)})
	line.Drain()
	var rules []string
	for _, r := range recorder.list {
		rules = append(rules, r.Rule)
	}
	if diff := cmp.Diff([]string{"ab"}, seen); diff != "" {
		t.Errorf("the filter saw (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ab", "abab"}, rules); diff != "" {
		t.Errorf("the recorder saw (-want +got):\n%s", diff)
	}
}

// TestRevisions: what came in is provisional for two seconds and then written
// once more, and counted once; the refusal of a SYN is final.
func TestRevisions(t *testing.T) {
	line, recorder := newLine(t, Place{Host: "h", Unwatched: &reset.Evidence{Fact: "not-watched"}}, nil)
	now := clock.Now().Mono // by which the timer goes
	line.Add([]reset.Sighting{arrived(1, now), refusal(2, now)})
	line.Add([]reset.Sighting{{MonoNS: now + 19e8}}) // a watermark
	type line1 struct {
		Direction reset.Direction
		Revision  uint32
		Final     bool
		Until     reset.Time
		Facts     int
	}
	look := func() (list []line1) {
		for _, r := range recorder.list {
			facts := 0
			for _, e := range r.Evidence {
				if e.Fact == "not-watched" {
					facts++
				}
			}
			list = append(list, line1{r.Direction, r.Revision, r.Final, r.ProvisionalUntil, facts})
		}
		return list
	}
	want := []line1{{reset.Out, 1, true, 0, 1}, {reset.In, 1, false, reset.Time(now + 2e9), 1}}
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("within two seconds (-want +got):\n%s", diff)
	}
	line.Add([]reset.Sighting{{MonoNS: now + 21e8}})
	want = append(want, line1{reset.In, 2, true, 0, 1})
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("after them (-want +got):\n%s", diff)
	}
	line.Drain()
	if got := line.Counts().Resets; got != 2 || len(recorder.list) != 3 {
		t.Errorf("%d resets counted, %d lines", got, len(recorder.list))
	}
	if recorder.list[1].ID != recorder.list[2].ID {
		t.Error("the revisions of one reset have two ids")
	}
}

// later names what it is told of in the meantime.
type later struct{ name string }

func (l *later) Enrich(r *reset.Reset, _ *reset.Context) { r.Rule = l.name }
func (l *later) Wants(r *reset.Reset) bool               { return r.Rule == "" }

// TestLateEnricher: who may know more by then is asked again of what would be
// final, and only while it knows nothing.
func TestLateEnricher(t *testing.T) {
	rule := &later{}
	line, recorder := newLine(t, Place{Host: "h", Enrichers: []Enricher{naming(""), rule}, Unwatched: &reset.Evidence{Fact: "not-watched"}}, nil)
	line.Add([]reset.Sighting{refusal(1, 1e9), {MonoNS: 2e9}})
	rule.name = "rule 7"
	line.Add([]reset.Sighting{{MonoNS: 4e9}})
	line.Add([]reset.Sighting{refusal(2, 4e9), {MonoNS: 5e9}})
	line.Drain()
	type line1 struct {
		Revision uint32
		Final    bool
		Rule     string
		Facts    int
	}
	var got []line1
	for _, r := range recorder.list {
		got = append(got, line1{r.Revision, r.Final, r.Rule, len(r.Evidence)})
	}
	facts := got[0].Facts
	want := []line1{{1, false, "", facts}, {2, true, "rule 7", facts}, {1, true, "rule 7", facts}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRevisionsWithoutWatermarks: the timer brings them, where no sensor does.
func TestRevisionsWithoutWatermarks(t *testing.T) {
	recorder := make(chan reset.Reset, 8)
	line, err := NewPipeline(correlate.DefaultConfig(), Place{Host: "h"}, channel(recorder), nil, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	line.Add([]reset.Sighting{arrived(1, clock.Now().Mono-int64(1900*time.Millisecond))})
	for _, want := range []uint32{1, 2} {
		if r := <-recorder; r.Revision != want {
			t.Fatalf("revision %d, want %d", r.Revision, want)
		}
	}
	line.Drain()
}

// channel is a recorder that sends resets on.
type channel chan reset.Reset

func (c channel) Append(entries []reset.Entry) error { c <- *entries[0].Reset; return nil }
func (c channel) Flush() error                       { return nil }

// TestFilteredStays: what the filter leaves out is written in no revision and
// linked by nobody.
func TestFilteredStays(t *testing.T) {
	line, recorder := newLine(t, Place{Host: "h"}, func(r *reset.Reset) bool { return false })
	line.Add([]reset.Sighting{arrived(1, 1e9)})
	line.Drain()
	if len(recorder.list) != 0 {
		t.Errorf("recorded: %+v", recorder.list)
	}
}

// arrived is a RST that came to a port of ours, and that the stack freed.
func arrived(port uint16, mono int64) reset.Sighting {
	s := reset.Sighting{
		Source: reset.KfreeSkb, Hook: reset.HookRefused, MonoNS: mono, Time: reset.Time(mono), SKB: uint64(port), Netns: reset.Netns{ID: 1},
		Src: reset.EndpointFrom(loopback, 80), Dst: reset.EndpointFrom(loopback, port),
	}
	s.Packet.Seq, s.Packet.Flags = reset.Some(uint32(1)), reset.RST
	return s
}

// refusal is our kernel's answer to a SYN to a port on which nobody listens.
func refusal(port uint16, mono int64) reset.Sighting {
	s := reset.Sighting{
		Source: reset.TCPSendReset, Hook: reset.HookSent, Origin: reset.OriginTCPControl, Complete: true,
		MonoNS: mono, Time: reset.Time(mono), Netns: reset.Netns{ID: 1}, Kernel: reset.Kernel{Reason: "NO_SOCKET", DropReason: "NO_SOCKET"},
		Src: reset.EndpointFrom(loopback, port), Dst: reset.EndpointFrom(loopback, 4711),
		Trigger: &reset.Trigger{Flags: reset.SYN},
	}
	s.Extra = s.Extra.With(reset.Wire)
	s.Packet.Seq, s.Packet.Ack, s.Packet.Flags = reset.Some(uint32(0)), reset.Some(uint32(7)), reset.RST|reset.ACK
	return s
}

// BenchmarkPipeline is the cost of a reset from its sighting to the recorder:
// of a storm's, which is final at once, and of one that is kept as well.
func BenchmarkPipeline(b *testing.B) {
	for _, bb := range []struct {
		name string
		make func(port uint16, mono int64) reset.Sighting
	}{{"refused SYN", refusal}, {"received", arrived}} {
		b.Run(bb.name, func(b *testing.B) {
			line, err := NewPipeline(correlate.DefaultConfig(), Place{Host: "h"}, &discard{}, nil, func(err error) { b.Error(err) })
			if err != nil {
				b.Fatal(err)
			}
			batch := make([]reset.Sighting, fullBatch)
			for i := range batch {
				batch[i] = bb.make(uint16(i+1), 0)
				batch[i].Packet.Raw = make([]byte, 40)
			}
			mono := clock.Now().Mono // by which the timer goes
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += len(batch) {
				for i := range batch {
					mono += 1000 // a million a second
					batch[i].MonoNS, batch[i].Time = mono, reset.Time(mono)
					batch[i].SKB = uint64(mono)
					if batch[i].Hook == reset.HookRefused { // one of each connection
						batch[i].Src, batch[i].Packet.Seq = reset.EndpointFrom(loopback, uint16(n+i)), reset.Some(uint32(mono))
					}
				}
				line.Add(batch)
			}
		})
	}
}
