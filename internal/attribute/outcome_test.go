package attribute

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestEveryRowOfRefusedWins(t *testing.T) {
	for _, rule := range refusedRules {
		t.Run(rule.drop+"/"+rule.state, func(t *testing.T) {
			r := endpoints(&reset.Reset{Direction: reset.In})
			r.Sources = r.Sources.With(reset.KfreeSkb)
			r.Kernel.DropReason = rule.drop
			switch rule.state {
			case "":
			case anyState:
				r.Connection = &reset.Connection{State: "ESTABLISHED"}
			default:
				r.Connection = &reset.Connection{State: rule.state}
			}
			Judge(&Case{Reset: r})
			if r.Kernel.Verdict != rule.verdict {
				t.Errorf("verdict %s, want %s", r.Kernel.Verdict, rule.verdict)
			}
		})
	}
}

// TestDroppedOnItsWayOutStays: the joining knows it, and the verdict keeps it.
func TestDroppedOnItsWayOutStays(t *testing.T) {
	r := endpoints(&reset.Reset{Direction: reset.Out})
	r.Sources = r.Sources.With(reset.TCPSendReset).With(reset.KfreeSkb)
	r.Kernel = reset.Kernel{Reason: "TCP_ABORT_ON_CLOSE", DropReason: "NETFILTER_DROP", Verdict: reset.Dropped}
	Judge(&Case{Reset: r})
	if r.Kernel.Verdict != reset.Dropped || r.Sender != reset.LocalApp || r.Confidence.Sender != reset.Certain {
		t.Errorf("verdict %s, sender %s (%s)", r.Kernel.Verdict, r.Sender, r.Confidence.Sender)
	}
}
