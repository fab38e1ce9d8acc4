package incidents

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestNoReset is moby/moby#37466: something between drops a connection without
// a word. The right answer is that there was no RST, that somebody watched, and
// where else to look; asked about a connection of another time it is that
// nobody watched.
func TestNoReset(t *testing.T) {
	lab := testkit.NewLab(t)
	w := watchOver(t, lab.Client, lab.Server)
	begun := time.Now()
	client, server, err := lab.DropSilently(testkit.Scene{Family: reset.IPv4, Route: testkit.Routed})
	if err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	w.stop()
	if got := w.resets(); len(got) != 0 {
		t.Errorf("%d resets are recorded, and there was none", len(got))
	}
	explain := func(args ...string) (string, error) {
		all := append([]string{"explain", client.String(), server.String(), "--config", "/dev/null", "--dir", w.journal()}, args...)
		out, err := exec.Command(program, all...).Output()
		return string(out), err
	}
	text, err := explain("--since", begun.Format(time.RFC3339Nano), "--until", ended.Format(time.RFC3339Nano))
	if !strings.Contains(text, "No RST between") || strings.Contains(text, "gap,") {
		t.Errorf("the answer does not say that there was no RST, or knows of a gap: %v\n%s", err, text)
	}
	if text, err := explain("--around", "2001-02-03 04:05"); err == nil {
		t.Errorf("nobody watched then, and the answer was %q", text)
	}
}
