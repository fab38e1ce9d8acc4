package attribute

import (
	"regexp"
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

// oneOfMany is a number of one in front of a plural.
var oneOfMany = regexp.MustCompile(`\b1 (more )?(bytes|probes|hops|RSTs|connections|resets|packets|ports)\b`)

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
		if oneOfMany.MatchString(e.Value) {
			t.Errorf("one is not many: %q", e.Value)
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
	checkDestroyer(t, r)
	if text := Summary(r); !strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n%\x1b") {
		t.Errorf("%q is no sentence", text)
	}
}

// checkDestroyer: whose socket somebody else destroyed is not said to have done it.
func checkDestroyer(t failer, r *reset.Reset) {
	t.Helper()
	if r.Cause != reset.SocketDestroyed || r.Process == nil {
		return
	}
	text := Summary(r)
	if owner := processName(r); owner != "" && r.Direction == reset.Out && !strings.Contains(text, "destroyed the connection of "+owner+" to ") {
		t.Errorf("%q does not say whose socket it was", text)
	}
	if hand := nameOf(r.Process.By); hand != "" && r.Direction == reset.Out && !strings.HasPrefix(strings.TrimPrefix(text, "Probably "), hand+" ") {
		t.Errorf("%q does not say who did it", text)
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

// TestSummary holds sentences whole: who, how sure, why, what came of it, what next.
func TestSummary(t *testing.T) {
	pid := reset.Some[uint32](2211)
	tests := []struct {
		name string
		c    *Case
		want string
	}{
		{"application", caseOf(reset.Out, saying("TCP_ABORT_ON_CLOSE"), calledBy("__tcp_close"), ownedBy(reset.Process{Comm: "mysqld", PID: pid})),
			"mysqld/2211 reset the connection to 10.0.0.5:51334: it closed the connection with received data unread; "},
		{"hostile name", caseOf(reset.Out, saying("TCP_ABORT_ON_CLOSE"), ownedBy(reset.Process{Comm: "a\x1b[2J\u202eb", PID: pid})),
			"a?[2J?b/2211 reset the connection to 10.0.0.5:51334, probably because it closed the connection with received data unread; "},
		{"destroyed", caseOf(reset.Out, saying("TCP_STATE"), socketIn("ESTABLISHED"), calledBy("tcp_abort"), ownedBy(reset.Process{Comm: "python3", PID: pid, By: &reset.Process{Comm: "ss", PID: reset.Some[uint32](27166)}})),
			"ss/27166 destroyed the connection of python3/2211 to 10.0.0.5:51334: it ended the socket from outside, as ss -K does; ask who runs ss/27166, and why it ends connections."},
		{"destroyed, owner not known", caseOf(reset.Out, saying("TCP_STATE"), socketIn("ESTABLISHED"), calledBy("tcp_abort"), ownedBy(reset.Process{By: &reset.Process{Comm: "ss", PID: pid}})),
			"ss/2211 destroyed the connection to 10.0.0.5:51334: it ended the socket from outside, as ss -K does; ask who runs ss/2211"},
		{"destroyed by nobody knows whom", caseOf(reset.Out, saying("TCP_STATE"), socketIn("ESTABLISHED"), ownedBy(reset.Process{Comm: "python3", PID: pid})),
			"Probably a process here destroyed the connection of python3/2211 to 10.0.0.5:51334, probably because it ended the socket from outside, as ss -K does; ask who runs ss -K"},
		{"destroyed, at the other end", caseOf(reset.In, accepting("ESTABLISHED"), ownedBy(reset.Process{Comm: "curl", PID: pid}), after(func(a *After) {
			a.Twin = &Twin{Sender: reset.LocalApp, Cause: reset.SocketDestroyed, Confidence: reset.Confidence{Sender: certain, Cause: certain}}
		})), "A process here, at 10.0.0.7:3306, destroyed the connection with 10.0.0.5:51334: it ended the socket from outside, as ss -K does; ask who runs ss -K"},
		{"killed", caseOf(reset.Out, saying("TCP_ABORT_ON_CLOSE"), ownedBy(reset.Process{Comm: "mysqld", PID: pid, Exit: &reset.Exit{Signal: "SIGKILL"}})),
			"mysqld/2211 reset the connection to 10.0.0.5:51334: it was killed, and the kernel ended its connections (killed by SIGKILL); "},
		{"dropped", caseOf(reset.Out, saying("NO_SOCKET"), to(reset.SYN), func(c *Case) { c.Reset.Kernel.Verdict = reset.Dropped }),
			"The kernel here reset the connection to 10.0.0.5:51334: nobody listens on that port here; the RST was dropped and did not leave; "},
		{"nothing known", caseOf(reset.Out), "This host reset the connection to 10.0.0.5:51334."},
		{"forged", caseOf(reset.In, accepting("ESTABLISHED"), oddlyFormed, withTTL(63), metAt(50), spokeAfter(toDataFlags, 5000)),
			"A RST to 10.0.0.5:51334 bears the address of 10.0.0.7:3306, and probably something on the way sent it (1 hop away; the host of that address 14): somebody else sent it in the name of that address; the kernel took it and the connection is gone; "},
		{"challenged", caseOf(reset.In, refusing("TCP_RESET", "ESTABLISHED"), bareForm),
			"A RST to 10.0.0.5:51334 bears the address of 10.0.0.7:3306; the kernel asked back (challenge ACK) and the connection lives."},
		{"twin", caseOf(reset.In, accepting("ESTABLISHED"), after(func(a *After) {
			a.Twin = &Twin{Sender: reset.LocalKernel, Cause: reset.TimeWait, Confidence: reset.Confidence{Sender: certain, Cause: certain}}
		})), "The kernel here, at 10.0.0.7:3306, reset the connection with 10.0.0.5:51334: the peer sent on a connection that this end had already closed; only its TIME_WAIT was left; "},
	}
	for _, test := range tests {
		Judge(test.c)
		if got := Summary(test.c.Reset); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s:\n%s\nwant at the beginning\n%s", test.name, got, test.want)
		}
	}
}

// TestCompleteKeepsWhatIsThere: what a record bears already is not computed
// again, and completing twice changes nothing.
func TestCompleteKeepsWhatIsThere(t *testing.T) {
	c := caseOf(reset.Out, saying("NO_SOCKET"), to(reset.SYN), bareForm)
	Judge(c)
	Complete(c.Reset)
	if r := c.Reset; r.Flow == 0 || r.Pkt == 0 || r.PacketID == 0 || r.Summary == "" {
		t.Errorf("not complete: %+v", r)
	}
	again := *c.Reset
	Complete(&again)
	if again.Summary != c.Reset.Summary || again.Flow != c.Reset.Flow || again.PacketID != c.Reset.PacketID {
		t.Error("completing twice changes a record")
	}
	kept := reset.Reset{Summary: "as it was", Flow: 1, Pkt: 2, PacketID: 3}
	Complete(&kept)
	if kept.Summary != "as it was" || kept.Flow != 1 || kept.Pkt != 2 || kept.PacketID != 3 {
		t.Errorf("overwritten: %+v", kept)
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

// TestNumbersOfOne: what is told of one thing is told of many in the plural.
func TestNumbersOfOne(t *testing.T) {
	for _, test := range []struct {
		name      string
		clue      clue
		of        func(n int) *Case
		one, many string
	}{
		{"unread", unread, func(n int) *Case {
			return caseOf(reset.Out, withConnection(func(k *reset.Connection) { k.Unread = reset.Some(uint32(n)) }))
		}, "1 byte received and not read", "2 bytes received and not read"},
		{"probes", probesFailed, func(n int) *Case {
			return caseOf(reset.Out, withSocket(func(s *reset.SocketFacts) { s.Probes = reset.Some(uint8(n)) }))
		}, "1 probe went unanswered", "2 probes went unanswered"},
		{"resets", resetsDiffer, func(n int) *Case {
			return caseOf(reset.In, after(func(a *After) { a.Others = n }))
		}, "1 more RST of these addresses, with other numbers", "2 more RSTs of these addresses, with other numbers"},
		{"siblings", manyDied, func(n int) *Case {
			return caseOf(reset.Out, after(func(a *After) { a.Siblings = n }))
		}, "1 more connection of the same process", "2 more connections of the same process"},
		{"hops", hopsAway, func(n int) *Case { return caseOf(reset.In, withTTL(uint8(64-n))) }, "1 hop away", "2 hops away"},
	} {
		if one, many := test.clue.text(test.of(1)), test.clue.text(test.of(2)); one != test.one || many != test.many {
			t.Errorf("%s: %q and %q, want %q and %q", test.name, one, many, test.one, test.many)
		}
	}
}

// TestTwinTellsTheRest: what the packet cost and what led to it are the same at
// both ends.
func TestTwinTellsTheRest(t *testing.T) {
	tests := []struct {
		name             string
		there, own, want reset.Harm
	}{
		{"known there alone", reset.LostData, reset.HarmUnknown, reset.LostData},
		{"known here alone", reset.HarmUnknown, reset.LostData, reset.LostData},
		{"worse there", reset.LostData, reset.HarmNone, reset.LostData},
		{"worse here", reset.HarmNone, reset.LostData, reset.LostData},
		{"not known", reset.HarmUnknown, reset.HarmUnknown, reset.HarmUnknown},
		{"of an older record", reset.HarmAbsent, reset.HarmUnknown, reset.HarmUnknown},
	}
	for _, test := range tests {
		twin := &Twin{ID: reset.ID{1}, Sender: reset.LocalApp, Cause: reset.Relayed, Harm: test.there, CausedBy: []reset.ID{{2}, {3}}}
		c := caseOf(reset.In, accepting("ESTABLISHED"), after(func(a *After) { a.Twin = twin }))
		c.Reset.ID = reset.ID{3}
		switch test.own {
		case reset.LostData:
			withConnection(func(k *reset.Connection) { k.Unsent = reset.Some[uint32](1) })(c)
		case reset.HarmNone:
			refusing("TCP_RESET", "ESTABLISHED")(c)
			c.Reset.Sources = c.Reset.Sources &^ reset.SourceSet(0).With(reset.TCPReceiveReset)
		}
		Judge(c)
		if c.Reset.Harm != test.want {
			t.Errorf("%s: %s, want %s", test.name, c.Reset.Harm, test.want)
		}
		twin.CausedBy[0] = reset.ID{9}
		if diff := cmp.Diff([]reset.ID{{2}}, c.Reset.CausedBy); diff != "" {
			t.Errorf("%s: caused by (-want +got):\n%s", test.name, diff)
		}
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
