package present

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestAppendBetter: the line says what the verdict was, as far as it changed.
func TestAppendBetter(t *testing.T) {
	r := &reset.Reset{
		ID: reset.ID{15: 9}, Time: 1e18, Direction: reset.In, Sender: reset.Path, Cause: reset.Forged,
		Confidence: reset.Confidence{Sender: reset.Certain, Cause: reset.Likely},
		Src:        reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), 443), Dst: reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 40112),
	}
	tests := []struct {
		name   string
		before Verdict
		want   string // behind the line of the record as it is
	}{
		{"another sender", Verdict{reset.Peer, reset.Forged, reset.Confidence{Sender: reset.Possible, Cause: reset.Likely}}, " was ?peer"},
		{"another cause", Verdict{reset.Path, reset.PeerAbort, reset.Confidence{Sender: reset.Certain, Cause: reset.Likely}}, " was ~peer-abort"},
		{"surer", Verdict{reset.Path, reset.Forged, reset.Confidence{Sender: reset.Likely, Cause: reset.Possible}}, " was ~path ?forged"},
		{"nothing known before", Verdict{Cause: reset.CauseUnknown}, " was - unknown"},
		{"no change", VerdictOf(r), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, width := range []int{0, 160, 100, 80} {
				text := &Text{Zone: time.UTC, Width: width}
				line := string(text.AppendBetter(nil, r, test.before))
				if !strings.HasSuffix(line, test.want) || test.want == "" && line != string(text.Append(nil, r)) {
					t.Errorf("width %d: %q, want %q at the end", width, line, test.want)
				}
				if width >= 160 && len(line) > width {
					t.Errorf("width %d: %d columns", width, len(line))
				}
			}
		})
	}
}
