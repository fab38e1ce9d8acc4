package kernel_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// losses is everything that an older kernel is known not to tell, and until
// when. The lab's expectations are those of the newest kernel; on an older one
// they are changed by these rows, top to bottom, and by nothing else: a test
// fails where a kernel loses something that is not written here, and where it
// tells something that is.
var losses = []struct {
	before testkit.Release
	what   string
	take   func(*testkit.Expect)
}{
	{testkit.Release{Major: 6, Minor: 12}, "the reason of a socket's own abort", func(e *testkit.Expect) {
		if slices.Contains(abortReasons, e.Reason) {
			e.Reason = "NOT_SPECIFIED"
		}
	}},
	{testkit.Release{Major: 6, Minor: 11}, "which socket refused a RST, so whether a challenge went out, and that a request or TIME_WAIT socket took one", func(e *testkit.Expect) {
		switch {
		case e.Verdict == reset.Challenged:
			e.Verdict = reset.Ignored
		case e.Drop == "NOT_SPECIFIED":
			e.Verdict = reset.VerdictNone
		}
	}},
	{testkit.Release{Major: 6, Minor: 10}, "why TCP sent a RST", func(e *testkit.Expect) { e.Reason = "" }},
	{testkit.Release{Major: 6, Minor: 9}, "that a connecting socket ignored a RST for its wrong ACK", func(e *testkit.Expect) {
		if e.Drop == "TCP_INVALID_ACK_SEQUENCE" {
			e.Verdict = reset.VerdictNone
		}
	}},
	{socketsAreTold, "what became of a received RST that was not accepted, and behind a VLAN, macvlan or ipvlan that it came at all", func(e *testkit.Expect) {
		if e.Direction == reset.In && (e.Verdict != reset.Accepted || e.Drop != "") {
			e.Verdict = reset.VerdictNone
		}
	}},
}

// socketsAreTold is the release since which TCP's sockets say what they refuse.
var socketsAreTold = testkit.Release{Major: 5, Minor: 18}

// abortReasons came with 6.12, when tcp_send_active_reset learned to be told.
var abortReasons = []string{
	"TCP_ABORT_ON_CLOSE", "TCP_ABORT_ON_LINGER", "TCP_ABORT_ON_MEMORY", "TCP_STATE", "TCP_KEEPALIVE_TIMEOUT",
	"TCP_DISCONNECT_WITH_DATA",
}

// toldBy is what a kernel tells of what is expected.
func toldBy(running testkit.Release, e testkit.Expect) testkit.Expect {
	for _, loss := range losses {
		if running.Before(loss.before) {
			loss.take(&e)
		}
	}
	return e
}

// TestLosses names what is lost on this kernel, for the matrix of kernels.
func TestLosses(t *testing.T) {
	running := testkit.Running(t)
	for _, loss := range losses {
		if running.Before(loss.before) {
			t.Logf("lost here: %s (before %s)", loss.what, loss.before)
		}
	}
	whole := testkit.Expect{Direction: reset.In, Reason: "TCP_STATE", Verdict: reset.Challenged}
	if got := toldBy(testkit.Release{Major: 6, Minor: 18}, whole); !reflect.DeepEqual(got, whole) {
		t.Errorf("on the newest kernel %+v is lost, want nothing", got)
	}
	if got := toldBy(testkit.Release{Major: 5, Minor: 10}, whole); got.Reason != "" || got.Verdict != reset.VerdictNone {
		t.Errorf("before all of them %+v is told, want nothing", got)
	}
}
