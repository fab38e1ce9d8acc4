package attribute

import (
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestSummaryNamesTheSenderAlone: the process of a record that came in is who
// received it, wherever its verdict was taken from.
func TestSummaryNamesTheSenderAlone(t *testing.T) {
	for _, sender := range []reset.Sender{reset.LocalApp, reset.LocalInject} {
		r := &reset.Reset{Direction: reset.Out, Sender: sender, Cause: reset.LingerZero, Process: &reset.Process{Comm: "mysqld"}}
		r.Confidence.Sender = reset.Certain
		if text := Summary(r); !strings.HasPrefix(text, "mysqld/") {
			t.Errorf("sent: %q", text)
		}
		r.Direction = reset.In
		if text := Summary(r); strings.Contains(text, "mysqld") {
			t.Errorf("received: %q", text)
		}
	}
}
