package daemon

import (
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestClassicLogLeavesImportedOut: old lines that were read back must not come
// into the log again, where the next import would read them.
func TestClassicLogLeavesImportedOut(t *testing.T) {
	record := func(host string) reset.Entry {
		return reset.Entry{Reset: &reset.Reset{Revision: 1, Time: 1e18, Host: host}}
	}
	control := func(event string) reset.Entry { return reset.Entry{Control: &reset.Control{Event: event}} }
	format := ClassicLines(classic.Options{}, nil)
	var b []byte
	for _, e := range []reset.Entry{
		record("one"), control(ImportBegins), record("old"), control("segment"), record("old"), control(ImportEnds), record("two"),
		control(ImportBegins), record("old"), control(startEvent), record("three"), // the import was killed
	} {
		b = format(b, &e)
	}
	var hosts []string
	for line := range strings.Lines(string(b)) {
		hosts = append(hosts, strings.Fields(line)[3])
	}
	if got := strings.Join(hosts, " "); got != "one two three" {
		t.Errorf("lines of %q, want one two three", got)
	}
}

// TestNoTimeIsMadeUp: a reset without a time has no head.
func TestNoTimeIsMadeUp(t *testing.T) {
	e := reset.Entry{Reset: &reset.Reset{Revision: 1, Interface: reset.Interface{Out: "eth0"}}}
	if got := string(ClassicLines(classic.Options{Prefix: "[drds] "}, nil)(nil, &e)); !strings.HasPrefix(got, "[drds] IN= OUT=eth0 ") {
		t.Errorf("%q", got)
	}
}
