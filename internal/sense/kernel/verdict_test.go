package kernel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestVerdictOfEveryMaker makes every kind of reset and holds its first verdict
// against what was truly done, each namespace judged alone, as a host would be:
// the sender must be right, the cause right or unknown, and nothing certain may
// be wrong; before Linux 6.12, which gives no reason for an abort, only the last.
// What later records say is not there yet. One scene a maker: test/verdicts
// plays them all.
func TestVerdictOfEveryMaker(t *testing.T) {
	lab := testkit.NewLab(t, testkit.WithBridge())
	rec := record(t, kernel.DefaultConfig())
	hooks := testkit.Stack | testkit.Device | testkit.Bridged
	table := tally{}
	told := !testkit.Running(t).Before(testkit.Release{Major: 6, Minor: 12})
	for _, maker := range testkit.Makers() {
		if maker.Slow && testing.Short() {
			continue
		}
		for _, scene := range maker.ScenesIn(lab)[:1] {
			t.Run(maker.Name+"/"+scene.String(), func(t *testing.T) {
				rec.clear()
				expects := testkit.Visible(maker.MustMake(t, lab, scene, 2), hooks)
				lab.AwaitCompare(t, expects, correlate.DefaultConfig().Window, rec.observations)
				table.add(t, rec, expects, told)
			})
		}
	}
	t.Log(table.String())
}

// tally counts verdicts by what was made and what was said of it.
type tally map[string]int

func (y tally) add(t *testing.T, rec *recording, expects []testkit.Expect, told bool) {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for i := range rec.records {
		r := &rec.records[i]
		e := expected(r, expects)
		if e == nil {
			continue
		}
		if e.Direction == reset.In && (r.Interface.In == "lo" || e.Node == e.From) {
			continue // the record at the other end says who: it is on this host
		}
		right, mark := e.Answer(testkit.Alone), " "
		said := fmt.Sprintf("%s (%s), %s (%s)", r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause)
		if !right.SenderRight(r) && (told || r.Confidence.Sender == reset.Certain) {
			mark = "!"
			t.Errorf("%s: sender of %s, want one of %v; evidence %+v", e, said, right.Senders, r.Evidence)
		}
		if r.Cause != reset.CauseUnknown && !right.CauseRight(r) && !alike(e, r) && (told || r.Confidence.Cause == reset.Certain) {
			mark = "!"
			t.Errorf("%s: cause of %s, want one of %v; evidence %+v", e, said, right.Causes, r.Evidence)
		}
		y[fmt.Sprintf("%s %-26s %-7s %s, %s: %s; harm %s", mark, e.Kind, e.Direction, right.Sender(), right.Cause(), said, r.Harm)]++
	}
}

func (y tally) String() string {
	var lines []string
	for line, n := range y {
		lines = append(lines, fmt.Sprintf("%s x%d", line, n))
	}
	slices.Sort(lines)
	return "verdicts:\n" + strings.Join(lines, "\n")
}

// alike reports whether the verdict is what everybody would say who has not
// more than this namespace: it must not be certain then.
func alike(e *testkit.Expect, r *reset.Reset) bool {
	if r.Confidence.Cause == reset.Certain {
		return false
	}
	if e.Direction == reset.Forward && r.Confidence.Cause == reset.Possible {
		return true // the packet's form is all there is
	}
	if e.Cause == reset.Forged && r.Cause == reset.WrongHost {
		return true // until the peer speaks on
	}
	// A process of the peer's host wrote what its kernel could have written.
	return e.Cause == reset.Injected && (r.Cause == reset.Refused || r.Cause == reset.AfterClose)
}
