package attribute

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestFromCapture holds what a file's own limits must not make of a verdict.
func TestFromCapture(t *testing.T) {
	fromPcap := seenBy(reset.Pcap)
	tests := []struct {
		name  string
		c     *Case
		cause reset.Cause
		harm  reset.Harm
	}{
		{"a scanner's kernel, with another TTL than its SYN", caseOf(reset.Transit, fromPcap, bareForm, withTTL(64), inFile(func(f *reset.FlowFacts) {
			f.Stage, f.Originator, f.Packets, f.TTLMin, f.TTLMax, f.Seq = reset.AfterSYNACK, reset.Some(true), 1, 43, 43, reset.SeqAcked
		})), reset.PeerNoConnection, reset.FailedConnect},
		{"an abort, with the vantage known", caseOf(reset.In, fromPcap, abortingForm, withTTL(64), inFile(func(f *reset.FlowFacts) {
			f.Stage, f.Packets, f.TTLMin, f.TTLMax, f.Seq = reset.AfterFirstData, 3, 64, 64, reset.SeqNext
		})), reset.PeerAbort, reset.HarmUnknown},
		{"after both FINs", caseOf(reset.Transit, fromPcap, bareForm, withTTL(64), inFile(func(f *reset.FlowFacts) {
			f.Stage, f.OtherFIN, f.Packets, f.TTLMin, f.TTLMax, f.Seq = reset.AfterOwnFIN, true, 3, 64, 64, reset.SeqAcked
		})), reset.AfterClose, reset.HarmNone},
	}
	for _, test := range tests {
		Judge(test.c)
		if r := test.c.Reset; r.Cause != test.cause || r.Harm != test.harm {
			t.Errorf("%s: %s by %s, harm %s; want %s, %s", test.name, r.Cause, r.Sender, r.Harm, test.cause, test.harm)
		}
	}
}
