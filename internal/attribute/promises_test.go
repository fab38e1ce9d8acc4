package attribute

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// failer is what tests and properties have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkPromises holds a judged case against what is promised of every verdict.
func checkPromises(t failer, c *Case) {
	t.Helper()
	r := c.Reset
	if !slices.Contains(allowed[r.Cause], r.Sender) {
		t.Errorf("%s for %s is not allowed", r.Sender, r.Cause)
	}
	if (r.Sender == reset.SenderUnknown) != (r.Confidence.Sender == reset.LevelNone) || (r.Cause == reset.CauseUnknown) != (r.Confidence.Cause == reset.LevelNone) {
		t.Errorf("%s is %q, %s is %q", r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause)
	}
	decided := map[string]bool{}
	for _, e := range r.Evidence {
		if e.For != senderIs[r.Sender] && e.For != causeIs[r.Cause] {
			t.Errorf("evidence for %q, which is not the verdict", e.For)
		}
		if e.Fact == "" || e.Value == "" || e.Weight == reset.WeightNone {
			t.Errorf("evidence without a fact, a value or a weight: %+v", e)
		}
		decided[e.For] = decided[e.For] || e.Weight == reset.Decisive && !e.Against
	}
	if r.Confidence.Sender == reset.Certain && !decided[senderIs[r.Sender]] {
		t.Errorf("%s is certain on %+v", r.Sender, r.Evidence)
	}
	if r.Confidence.Cause == reset.Certain && !decided[causeIs[r.Cause]] {
		t.Errorf("%s is certain on %+v", r.Cause, r.Evidence)
	}
	if _, known := c.usualTTL(); r.Sender == reset.Peer && c.After.Twin == nil && (r.Confidence.Sender > likely || !known && r.Confidence.Sender > possible) {
		t.Errorf("the peer is %s (baseline: %v)", r.Confidence.Sender, known)
	}
	if r.Harm == reset.HarmAbsent {
		t.Errorf("no word on harm")
	}
	if text := Summary(r); !strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n%\x1b") {
		t.Errorf("%q is no sentence", text)
	}
}

// verdict is what Judge fills.
type verdict struct {
	Sender     reset.Sender
	Cause      reset.Cause
	Confidence reset.Confidence
	Evidence   []reset.Evidence
	Harm       reset.Harm
	Role       reset.Role
	Kernel     reset.Kernel
	CausedBy   []reset.ID
}

func verdictOf(c *Case) verdict {
	Judge(c)
	r := c.Reset
	return verdict{r.Sender, r.Cause, r.Confidence, slices.Clone(r.Evidence), r.Harm, r.Role, r.Kernel, slices.Clone(r.CausedBy)}
}

// TestPromisesHoldOfAnyCase draws cases at random, whatever sense they make.
func TestPromisesHoldOfAnyCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		first := verdictOf(c)
		checkPromises(t, c)
		if diff := cmp.Diff(first, verdictOf(c)); diff != "" {
			t.Errorf("judged twice (-first +second):\n%s", diff)
		}
	})
}

// TestPeerIsBlamedWithCare: the words where the peer is all that is known.
func TestPeerIsBlamedWithCare(t *testing.T) {
	c := caseOf(reset.In, accepting("ESTABLISHED"), abortingForm)
	Judge(c)
	text := Summary(c.Reset)
	if !strings.Contains(text, "came from 10.0.0.7's address (port 3306), and nothing here tells it from that host") {
		t.Errorf("summary %q", text)
	}
	if c.Reset.Confidence.Sender != possible {
		t.Errorf("without a baseline the peer is %s", c.Reset.Confidence.Sender)
	}
}

// TestDoubtsAreListed: what speaks against the verdict stands in the record.
func TestDoubtsAreListed(t *testing.T) {
	c := caseOf(reset.In, accepting("ESTABLISHED"), abortingForm, withTTL(59), metAt(60))
	Judge(c)
	for _, e := range c.Reset.Evidence {
		if e.Fact == factTTL && e.Against && e.For == "sender=peer" {
			return
		}
	}
	t.Errorf("another TTL does not speak against the peer: %+v", c.Reset.Evidence)
}

// TestTwinPrevails: the record where the packet was sent describes the packet.
func TestTwinPrevails(t *testing.T) {
	twin := &Twin{ID: reset.ID{1}, Sender: reset.LocalApp, Cause: reset.LingerZero, Confidence: reset.Confidence{Sender: certain, Cause: likely}}
	for _, direction := range []reset.Direction{reset.In, reset.Forward} {
		c := caseOf(direction, accepting("ESTABLISHED"), abortingForm, after(func(a *After) { a.Twin = twin }))
		Judge(c)
		r := c.Reset
		if r.Sender != reset.LocalApp || r.Cause != reset.LingerZero || r.Confidence != twin.Confidence || r.Twin != twin.ID {
			t.Errorf("%s: %s (%s), %s (%s), twin %s", direction, r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause, r.Twin)
		}
		checkPromises(t, c)
	}
	c := caseOf(reset.In, accepting("ESTABLISHED"), abortingForm, after(func(a *After) { a.Twin = &Twin{Sender: reset.SenderUnknown} }))
	if Judge(c); c.Reset.Sender != reset.Peer {
		t.Errorf("a twin that knows nothing prevails: %s", c.Reset.Sender)
	}
}

// TestLinks: what led to a reset is named in it, unless that is done already.
func TestLinks(t *testing.T) {
	link := &Link{ID: reset.ID{7}, AgoNS: 1e6}
	relay := caseOf(reset.Out, saying("TCP_ABORT_ON_CLOSE"), after(func(a *After) { a.RelayedFrom = link }))
	if Judge(relay); len(relay.Reset.CausedBy) != 1 || relay.Reset.CausedBy[0] != link.ID {
		t.Errorf("caused by %v", relay.Reset.CausedBy)
	}
	known := caseOf(reset.Out, saying("TCP_ABORT_ON_CLOSE"), after(func(a *After) { a.Death = link }))
	known.Reset.CausedBy = []reset.ID{{9}}
	if Judge(known); len(known.Reset.CausedBy) != 1 || known.Reset.CausedBy[0] != (reset.ID{9}) {
		t.Errorf("caused by %v", known.Reset.CausedBy)
	}
}
