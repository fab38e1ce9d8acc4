package capture_test

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// factsOf is what the client's capture shows of a kind of reset, whatever the
// family and the way.
var factsOf = map[string]struct {
	stage           reset.Stage
	seq             reset.SeqFit
	answers         bool
	ackNever, spoke bool
}{
	"closed-port":             {reset.AfterSYN, reset.SeqZero, true, false, false},
	"linger-zero":             {reset.AfterHandshake, reset.SeqNext, false, false, false},
	"unread-data":             {reset.AfterFirstData, reset.SeqNext, false, false, false},
	"half-open":               {reset.AfterFirstData, reset.SeqNext, true, false, false},
	"unread-after-fin":        {reset.AfterFIN, reset.SeqNext, false, false, false},
	"time-wait":               {reset.AfterOwnFIN, reset.SeqNext, true, false, false},
	"close-race":              {reset.AfterOwnFIN, reset.SeqAcked, true, false, false},
	"syn-recv-bad-ack":        {reset.AfterHandshake, reset.SeqAcked, true, false, false},
	"forged-syn-recv":         {reset.AfterSYNACK, reset.SeqNext, true, false, false},
	"forged-syn-sent-bad-ack": {reset.AfterSYN, reset.SeqZero, false, true, false},
	"forged-above-window":     {reset.AfterHandshake, reset.SeqNowhere, false, false, false},
	"forged-below-window":     {reset.AfterHandshake, reset.SeqNowhere, false, false, false},
	"forged-peer-alive":       {reset.AfterHandshake, reset.SeqNext, true, false, true},
	"forged-listen":           {reset.StageNone, reset.SeqUnknown, false, false, false},
}

// holdFacts holds what was read at the client against the table.
func holdFacts(t *testing.T, lab *testkit.Lab, made []testkit.Expect, got []record) {
	t.Helper()
	held := map[string]bool{}
	for i := range got {
		k := &got[i]
		for _, e := range made {
			want, known := factsOf[e.Kind]
			if !known || e.Node != lab.Client || e.Direction != reset.In || e.Src != k.reset.Src || e.Dst != k.reset.Dst {
				continue
			}
			held[e.Kind] = true
			f := &k.facts
			if f.Stage != want.stage || f.Seq != want.seq || (f.Answers != nil) != want.answers || f.AckNever != want.ackNever || k.found.Later.Spoke != want.spoke {
				t.Errorf("%s: stage %v, SEQ fit %d, answers %v, ACK of nothing %v, spoke on %v; want %+v",
					e, f.Stage, f.Seq, f.Answers != nil, f.AckNever, k.found.Later.Spoke, want)
			}
			if e.TTL.OK && e.TTL != k.reset.Packet.TTL {
				t.Errorf("%s: TTL %d, want %d", e, k.reset.Packet.TTL.V, e.TTL.V)
			}
			break
		}
	}
	for kind := range factsOf {
		if !held[kind] {
			t.Errorf("%s: no record was held against the table", kind)
		}
	}
}
