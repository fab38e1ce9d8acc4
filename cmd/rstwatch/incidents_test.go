package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/incident"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestIncidents reads a journal in which a process died: one incident, from the
// last revisions.
func TestIncidents(t *testing.T) {
	dir := t.TempDir()
	c := journal.DefaultConfig()
	c.Dir, c.AppendOnly = dir, false
	w, err := journal.Open(c, journal.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	now := reset.TimeOf(time.Now())
	for i := range byte(6) {
		r := reset.Reset{
			ID: reset.ID{15: i + 1}, Revision: 1, Time: now + reset.Time(i), ProvisionalUntil: now + reset.Time(2e9), Direction: reset.Out,
			Src: reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 3306), Dst: reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), 50000+uint16(i)),
			Sender: reset.LocalApp, Cause: reset.ProcessKilled, Process: &reset.Process{Comm: "mysqld", PID: reset.Some[uint32](7)},
		}
		last := r
		last.Revision, last.Final, last.ProvisionalUntil = 2, true, 0
		if i > 0 {
			last.CausedBy = []reset.ID{{15: 1}}
		}
		if err := w.Append([]reset.Entry{{Reset: &r}, {Reset: &last}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (stdout, stderr string, status int) {
		var out, problems bytes.Buffer
		all := append([]string{"incidents", "--config", "/dev/null", "--dir", dir}, args...)
		status = execute(context.Background(), all, strings.NewReader(""), &out, &problems)
		return out.String(), problems.String(), status
	}

	text, said, status := run()
	if status != 0 || !strings.Contains(text, "6 resets") || !strings.Contains(text, "mysqld/7 sent 6: local-app, process-killed") {
		t.Errorf("status %d: %s%s", status, text, said)
	}
	if !strings.Contains(said, "incidents: 1; resets read: 6") {
		t.Errorf("it said %q", said)
	}
	lines, _, status := run("-o", "json", "host 10.0.0.5")
	var got incident.Incident
	if err := json.Unmarshal([]byte(lines), &got); err != nil || status != 0 || got.Resets != 6 || got.First.ID != (reset.ID{15: 1}) {
		t.Errorf("status %d, %v: %s", status, err, lines)
	}
	if text, _, status := run("port 1"); status != 0 || text != "" {
		t.Errorf("status %d, nothing matches: %s", status, text)
	}
	for _, wrong := range [][]string{{"-o", "xml"}, {"--least", "1"}, {"prot 80"}, {"--since", "never"}} {
		if _, _, status := run(wrong...); status != 2 {
			t.Errorf("%v: status %d, want 2", wrong, status)
		}
	}
}
