package attribute

import (
	"net/netip"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func endpoints(r *reset.Reset) *reset.Reset {
	r.Src = reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 3306)
	r.Dst = reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), 51334)
	return r
}

// fitting is a record that has what the row asks for, and nothing else.
func (rule *sentRule) fitting() *reset.Reset {
	r := &reset.Reset{Direction: reset.Out}
	r.Sources = r.Sources.With(reset.TCPSendReset)
	r.Kernel.Reason, r.Kernel.DropReason = rule.reason, rule.drop
	if rule.trigger != 0 {
		r.Trigger = &reset.Trigger{Flags: rule.trigger}
	}
	if rule.state != "" {
		r.Connection = &reset.Connection{State: rule.state}
	}
	return endpoints(r)
}

func checkVerdict(t *testing.T, r *reset.Reset, sender reset.Sender, cause reset.Cause, sure reset.Level) {
	t.Helper()
	if r.Sender != sender || r.Cause != cause || r.Confidence.Cause != sure {
		t.Errorf("verdict %s, %s (%s); want %s, %s (%s)", r.Sender, r.Cause, r.Confidence.Cause, sender, cause, sure)
	}
	if len(r.Evidence) == 0 {
		t.Error("no evidence")
	}
	for _, e := range r.Evidence {
		if e.For != "sender="+sender.String() && e.For != "cause="+cause.String() {
			t.Errorf("evidence for %q, which is not the verdict", e.For)
		}
		if e.Fact == "" || e.Value == "" {
			t.Errorf("evidence without a fact or a value: %+v", e)
		}
	}
}

// TestEveryRowOfSentWins: a row that another one hides would be dead.
func TestEveryRowOfSentWins(t *testing.T) {
	for i := range sentRules {
		rule := &sentRules[i]
		name := strings.Join([]string{rule.reason, rule.drop, rule.trigger.String(), rule.state}, "/")
		t.Run(name, func(t *testing.T) {
			r := rule.fitting()
			Judge(&Case{Reset: r, Origin: reset.Origination(0)})
			checkVerdict(t, r, rule.sender, rule.cause, rule.sure)
			// One reason stands for a process and, rarely, for the kernel's own sockets.
			if want := reset.Certain; rule.reason != "TCP_STATE" && r.Confidence.Sender != want {
				t.Errorf("TCP's own word, and the sender is only %s", r.Confidence.Sender)
			}
			if rule.reason == "TCP_STATE" && r.Confidence.Sender != reset.Likely {
				t.Errorf("TCP_STATE does not say who, and the sender is %s", r.Confidence.Sender)
			}
			if (rule.cause == reset.CauseUnknown) != (rule.sure == reset.LevelNone) {
				t.Errorf("cause %s is %s", rule.cause, rule.sure)
			}
		})
	}
}

// TestSentRulesAreTold: each cause that is found has a sentence that says so.
func TestSentRulesAreTold(t *testing.T) {
	told := func(r *reset.Reset) {
		text := Summary(r)
		if r.Cause != reset.CauseUnknown && (sentences[r.Cause] == "" || !strings.Contains(text, sentences[r.Cause])) {
			t.Errorf("%s: the summary %q does not say why", r.Cause, text)
		}
		if !strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n%") || unicode.IsLower([]rune(text)[0]) {
			t.Errorf("%s: %q is no sentence", r.Cause, text)
		}
	}
	for i := range sentRules {
		r := sentRules[i].fitting()
		Judge(&Case{Reset: r, Origin: reset.Origination(0)})
		told(r)
	}
	for i := range ownerRules {
		r := ownerRules[i].fitting()
		Judge(&Case{Reset: r, Origin: ownerRules[i].origin})
		told(r)
	}
	for cause, text := range sentences {
		if strings.HasSuffix(text, ".") || strings.Contains(text, "%") {
			t.Errorf("%s: %q: the full stop comes behind it, and nothing is formatted", cause, text)
		}
	}
}

func (rule *ownerRule) fitting() *reset.Reset {
	r := &reset.Reset{Direction: reset.Out}
	r.Sources = r.Sources.With(reset.Wire)
	if rule.drop != "" {
		r.Trigger = &reset.Trigger{Flags: reset.SYN}
		r.Kernel.DropReason = rule.drop
	}
	return endpoints(r)
}

func TestEveryRowOfOwnerWins(t *testing.T) {
	for i := range ownerRules {
		rule := &ownerRules[i]
		t.Run(ownerNames[rule.origin]+"/"+rule.drop, func(t *testing.T) {
			r := rule.fitting()
			Judge(&Case{Reset: r, Origin: rule.origin})
			checkVerdict(t, r, rule.sender, rule.cause, rule.sure)
			if r.Confidence.Sender != rule.sure {
				t.Errorf("the sender is %s, want %s", r.Confidence.Sender, rule.sure)
			}
		})
	}
}

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
			Judge(&Case{Reset: r, Origin: reset.Origination(0)})
			if r.Kernel.Verdict != rule.verdict {
				t.Errorf("verdict %s, want %s", r.Kernel.Verdict, rule.verdict)
			}
		})
	}
}

// TestVerdicts is what stands outside the tables.
func TestVerdicts(t *testing.T) {
	with := func(direction reset.Direction, sources ...reset.Source) *reset.Reset {
		r := endpoints(&reset.Reset{Direction: direction})
		for _, s := range sources {
			r.Sources = r.Sources.With(s)
		}
		return r
	}
	tests := []struct {
		name    string
		reset   *reset.Reset
		change  func(*reset.Reset)
		origin  reset.Origination
		sender  reset.Sender
		level   reset.Level // of the sender
		verdict reset.Verdict
		guessed bool
	}{
		{name: "old kernel, abort", reset: with(reset.Out, reset.TCPSendReset), sender: reset.LocalApp, level: reset.Likely},
		{name: "old kernel, answer", reset: with(reset.Out, reset.TCPSendReset),
			change: func(r *reset.Reset) { r.Trigger = &reset.Trigger{Flags: reset.ACK} },
			sender: reset.LocalKernel, level: reset.Certain},
		{name: "a reason of a kernel to come", reset: with(reset.Out, reset.TCPSendReset),
			change: func(r *reset.Reset) { r.Kernel.Reason, r.Trigger = "NEW_IN_7_0", &reset.Trigger{} },
			sender: reset.LocalKernel, level: reset.Certain},
		{name: "sent, and nobody knows by whom", reset: with(reset.Out, reset.Wire), sender: reset.SenderUnknown},
		{name: "taken", reset: with(reset.In, reset.TCPReceiveReset, reset.Wire), sender: reset.SenderUnknown, verdict: reset.Accepted},
		{name: "no event at all", reset: with(reset.In, reset.Wire), sender: reset.SenderUnknown, verdict: reset.Accepted, guessed: true},
		{name: "no event, and none would tell", reset: with(reset.In, reset.Wire),
			change: func(r *reset.Reset) { r.Kernel.Inferred = true }, sender: reset.SenderUnknown},
		{name: "dropped on the way out", reset: with(reset.Out, reset.TCPSendReset, reset.KfreeSkb),
			change: func(r *reset.Reset) {
				r.Kernel = reset.Kernel{Reason: "TCP_ABORT_ON_CLOSE", DropReason: "NETFILTER_DROP", Verdict: reset.Dropped}
			},
			sender:  reset.LocalApp,
			level:   reset.Certain,
			verdict: reset.Dropped},
		{name: "the packet that it answers was dropped, and no device is watched", reset: with(reset.Out, reset.TCPSendReset, reset.KfreeSkb),
			change: func(r *reset.Reset) {
				r.Kernel = reset.Kernel{Reason: "NO_SOCKET", DropReason: "NO_SOCKET"}
				r.Trigger = &reset.Trigger{Flags: reset.SYN}
			},
			sender: reset.LocalKernel,
			level:  reset.Certain},
		{name: "forwarded", reset: with(reset.Forward, reset.Wire), sender: reset.SenderUnknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := test.reset
			if test.change != nil {
				test.change(r)
			}
			Judge(&Case{Reset: r, Origin: test.origin})
			if r.Sender != test.sender || r.Confidence.Sender != test.level {
				t.Errorf("sender %s (%s), want %s (%s)", r.Sender, r.Confidence.Sender, test.sender, test.level)
			}
			if r.Kernel.Verdict != test.verdict || r.Kernel.Inferred != test.guessed {
				t.Errorf("verdict %s (inferred: %v), want %s (%v)", r.Kernel.Verdict, r.Kernel.Inferred, test.verdict, test.guessed)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	tests := []struct {
		name string
		make func(*reset.Reset)
		want string
	}{
		{"application", func(r *reset.Reset) {
			r.Direction, r.Sender, r.Cause = reset.Out, reset.LocalApp, reset.UnreadData
			r.Process = &reset.Process{PID: reset.Some[uint32](2211), Comm: "mysqld"}
		}, "mysqld/2211 reset the connection to 10.0.0.5:51334: it closed the connection with received data unread."},
		{"application that is gone", func(r *reset.Reset) {
			r.Direction, r.Sender, r.Cause = reset.Out, reset.LocalApp, reset.UnreadData
		}, "A process here reset the connection to 10.0.0.5:51334: it closed the connection with received data unread."},
		{"application, not quite sure", func(r *reset.Reset) {
			r.Direction, r.Sender, r.Confidence.Sender = reset.Out, reset.LocalApp, reset.Likely
			r.Process = &reset.Process{PID: reset.Some[uint32](7), Comm: "Xorg"}
		}, "Probably Xorg/7 reset the connection to 10.0.0.5:51334."},
		{"firewall, not quite sure", func(r *reset.Reset) {
			r.Direction, r.Sender, r.Confidence.Sender = reset.Out, reset.LocalFirewall, reset.Likely
		}, "Probably the firewall here reset the connection to 10.0.0.5:51334."},
		{"hostile name", func(r *reset.Reset) {
			r.Direction, r.Sender, r.Cause = reset.Out, reset.LocalApp, reset.CauseUnknown
			r.Process = &reset.Process{PID: reset.Some[uint32](7), Comm: "a\x1b[2J\u202eb"}
		}, "a?[2J?b/7 reset the connection to 10.0.0.5:51334."},
		{"kernel", func(r *reset.Reset) {
			r.Direction, r.Sender, r.Cause = reset.Out, reset.LocalKernel, reset.NoListener
		}, "The kernel here reset the connection to 10.0.0.5:51334: nobody listens on that port here."},
		{"dropped", func(r *reset.Reset) {
			r.Direction, r.Sender, r.Cause, r.Kernel.Verdict = reset.Out, reset.LocalKernel, reset.NoListener, reset.Dropped
		}, "The kernel here reset the connection to 10.0.0.5:51334: nobody listens on that port here; the RST was dropped and did not leave."},
		{"unknown sender", func(r *reset.Reset) { r.Direction, r.Sender = reset.Out, reset.SenderUnknown }, "This host reset the connection to 10.0.0.5:51334."},
		{"taken", func(r *reset.Reset) { r.Direction, r.Kernel.Verdict = reset.In, reset.Accepted }, "A RST came from the address of 10.0.0.7:3306: the kernel took it and the connection is gone."},
		{"asked back", func(r *reset.Reset) { r.Direction, r.Kernel.Verdict = reset.In, reset.Challenged }, "A RST came from the address of 10.0.0.7:3306: the kernel asked back (challenge ACK) and the connection lives."},
		{"no verdict", func(r *reset.Reset) { r.Direction = reset.In }, "A RST came from the address of 10.0.0.7:3306."},
		{"forwarded", func(r *reset.Reset) { r.Direction = reset.Forward }, "A RST from 10.0.0.7:3306 to 10.0.0.5:51334 passed through this host."},
		{"from a file", func(r *reset.Reset) { r.Direction = reset.Transit }, "A RST from 10.0.0.7:3306 to 10.0.0.5:51334 was seen."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := endpoints(&reset.Reset{})
			r.Confidence.Sender = reset.Certain
			test.make(r)
			if diff := cmp.Diff(test.want, Summary(r)); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCompleteKeepsWhatIsThere: what a record bears already is not computed
// again, and completing twice changes nothing.
func TestCompleteKeepsWhatIsThere(t *testing.T) {
	r := sentRules[0].fitting()
	r.Packet.Seq = reset.Some[uint32](7)
	Judge(&Case{Reset: r, Origin: reset.Origination(0)})
	Complete(r)
	if r.Flow == 0 || r.Pkt == 0 || r.Summary == "" {
		t.Errorf("not complete: %+v", r)
	}
	again := *r
	Complete(&again)
	if diff := cmp.Diff(r.Summary, again.Summary); diff != "" || r.Flow != again.Flow || r.PacketID != again.PacketID {
		t.Errorf("completing twice changes a record: %s", diff)
	}
	kept := reset.Reset{Summary: "as it was", Flow: 1, Pkt: 2, PacketID: 3}
	Complete(&kept)
	if kept.Summary != "as it was" || kept.Flow != 1 || kept.Pkt != 2 || kept.PacketID != 3 {
		t.Errorf("overwritten: %+v", kept)
	}
}
