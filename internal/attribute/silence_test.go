package attribute

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestSilenceAndOldKernels holds what is said of a received RST where the
// kernel says little: nothing that it did not say.
func TestSilenceAndOldKernels(t *testing.T) {
	var none reset.SourceSet
	wire, drop := none.With(reset.Wire), none.With(reset.Wire).With(reset.KfreeSkb)
	tests := []struct {
		name     string
		sources  reset.SourceSet
		drop     string
		state    string // of the socket in the event; empty: none
		silent   bool   // no event would have told
		verdict  reset.Verdict
		inferred bool
	}{
		{"no event where one would have come", wire, "", "", false, reset.Accepted, true},
		{"no event where none would have come", wire, "", "", true, reset.VerdictNone, false},
		{"accepted, whatever silence means", wire.With(reset.TCPReceiveReset), "", "ESTABLISHED", true, reset.Accepted, false},
		{"in the window, socket known", drop, "TCP_RESET", "ESTABLISHED", false, reset.Challenged, false},
		{"the same while connecting", drop, "TCP_RESET", "SYN_SENT", false, reset.Ignored, false},
		{"the same before 6.11", drop, "TCP_RESET", "", false, reset.Ignored, false},
		{"mini-socket", drop, "NOT_SPECIFIED", "TIME_WAIT", false, reset.Accepted, true},
		{"the same before 6.11", drop, "NOT_SPECIFIED", "", false, reset.VerdictNone, false},
		{"before 5.17", drop, "", "", true, reset.VerdictNone, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &reset.Reset{Direction: reset.In, Sources: test.sources}
			r.Kernel.DropReason, r.Kernel.Inferred = test.drop, test.silent
			if test.state != "" {
				r.Connection = &reset.Connection{State: test.state}
			}
			Judge(&Case{Reset: r, Origin: reset.OriginUnknown})
			if r.Kernel.Verdict != test.verdict || r.Kernel.Inferred != test.inferred {
				t.Errorf("verdict %q, inferred %v, want %q, %v", r.Kernel.Verdict, r.Kernel.Inferred, test.verdict, test.inferred)
			}
		})
	}
	sent := &reset.Reset{Direction: reset.Forward, Sources: wire}
	sent.Kernel.Inferred = true
	Judge(&Case{Reset: sent, Origin: reset.OriginForwarded})
	if sent.Kernel.Inferred {
		t.Error("a forwarded RST keeps the sensor's word on silence")
	}
}
