package attribute

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestStormCostsNoAllocation: a storm is many SYNs to a closed port; each of
// their verdicts is made of what was made before.
func TestStormCostsNoAllocation(t *testing.T) {
	r := endpoints(&reset.Reset{Direction: reset.Out})
	r.Sources = r.Sources.With(reset.TCPSendReset).With(reset.Wire).With(reset.KfreeSkb)
	r.Kernel = reset.Kernel{Reason: "NO_SOCKET", DropReason: "NO_SOCKET"}
	r.Trigger = &reset.Trigger{Flags: reset.SYN}
	c := &Case{Reset: r, Origin: reset.OriginTCPControl, Context: &reset.Context{}}
	if n := testing.AllocsPerRun(100, func() { Judge(c) }); n != 0 {
		t.Errorf("a verdict allocates %v times", n)
	}
	if r.Cause != reset.NoListener || r.Confidence.Cause != reset.Certain || len(r.Evidence) == 0 {
		t.Errorf("verdict %s (%s) on %d pieces of evidence", r.Cause, r.Confidence.Cause, len(r.Evidence))
	}
}

func BenchmarkJudgeStorm(b *testing.B) {
	r := endpoints(&reset.Reset{Direction: reset.Out})
	r.Sources = r.Sources.With(reset.TCPSendReset).With(reset.Wire).With(reset.KfreeSkb)
	r.Kernel = reset.Kernel{Reason: "NO_SOCKET", DropReason: "NO_SOCKET"}
	r.Trigger = &reset.Trigger{Flags: reset.SYN}
	c := &Case{Reset: r, Origin: reset.OriginTCPControl}
	b.ReportAllocs()
	for b.Loop() {
		Judge(c)
	}
}
