package testkit

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestSeenJudges: the truth may be certain, what else is honest may not, and a
// lie is always one.
func TestSeenJudges(t *testing.T) {
	forged := seen(reset.Path, reset.Forged, reset.IdleTimeout).or(reset.Peer)
	tests := []struct {
		name   string
		seen   Seen
		sender reset.Sender
		sure   reset.Level
		cause  reset.Cause
		why    reset.Level
		wrong  bool
	}{
		{name: "the truth, certain", seen: forged, sender: reset.Path, sure: reset.Certain, cause: reset.Forged, why: reset.Certain},
		{name: "honest", seen: forged, sender: reset.Peer, sure: reset.Possible, cause: reset.IdleTimeout, why: reset.Likely},
		{name: "unknown", seen: forged, sender: reset.SenderUnknown, cause: reset.CauseUnknown},
		{name: "unknown, and it can be told", seen: forged.must(), sender: reset.SenderUnknown, cause: reset.CauseUnknown, wrong: true},
		{name: "honest, but certain", seen: forged, sender: reset.Peer, sure: reset.Certain, cause: reset.CauseUnknown, wrong: true},
		{name: "cause honest, but certain", seen: forged, sender: reset.Path, sure: reset.Likely, cause: reset.IdleTimeout, why: reset.Certain, wrong: true},
		{name: "another sender", seen: forged, sender: reset.LocalApp, sure: reset.Possible, cause: reset.CauseUnknown, wrong: true},
		{name: "another cause", seen: forged, sender: reset.Path, sure: reset.Likely, cause: reset.Refused, why: reset.Possible, wrong: true},
		{name: "nothing said", sender: reset.LocalApp, sure: reset.Certain, cause: reset.Refused, why: reset.Certain},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &reset.Reset{Sender: test.sender, Cause: test.cause}
			r.Confidence = reset.Confidence{Sender: test.sure, Cause: test.why}
			if err := test.seen.Judge(r); (err != nil) != test.wrong {
				t.Errorf("judged %v, want wrong %v", err, test.wrong)
			}
		})
	}
}
