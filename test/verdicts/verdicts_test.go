package verdicts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// best is the sensor that the bars are for.
const best = "bpf"

// The bars. A wrong answer given as certain is never allowed.
const (
	leastSenders    = 100.0 // per cent of the records
	leastCauses     = 95.0
	leastMechanisms = 60
	leastUnknown    = 15 // mechanisms of which some observer can say no cause
	leastBeside     = 1000
)

// TestVerdicts plays every scenario beside unrelated resets, watched by the
// real program in both views, and holds the verdicts against the truth.
func TestVerdicts(t *testing.T) {
	lab := testkit.NewLab(t, testkit.WithSpare())
	s := seed()
	t.Logf("seed %d", s)
	random := rand.New(rand.NewPCG(s, 0))
	lab.Jitter(s, 2*time.Millisecond)

	least := leastBeside
	switch {
	case *anyHere:
		least /= 20
	case !*whole:
		least /= 4
	}
	beside := prepareBackground(t, s, least)
	watchers := watch(t, lab, beside)
	beside.begin(t)
	expects, missing := play(t, lab, random)
	made := beside.end(t)
	r := result{seed: s, beside: made, missing: missing}
	for _, w := range watchers {
		r.judged = append(r.judged, w.judge(t, lab, expects)...)
	}
	r.check(t)
	t.Logf("\n%s", r.tables())
	if *update {
		if err := r.writePage("../../docs/explanation/verdicts.md"); err != nil {
			t.Error(err)
		}
	}
}

// watch starts the watchers of the run: each sensor over all namespaces, and
// over each of the lab's alone.
func watch(t *testing.T, lab *testkit.Lab, beside *background) []*watcher {
	t.Helper()
	list := watchersOf(best, lab, beside)
	if *anyHere { // together, and one end alone
		list = slices.DeleteFunc(list, func(w *watcher) bool { return w.view == testkit.Alone && w.of != "server" })
	}
	if *whole {
		list = append(list, watchersOf("bpf-light", lab, beside)...)
		list = append(list, watchersOf("packet", lab, beside)...)
		// Only one can have the rules of a namespace: those that see it alone.
		list = append(list, watchersOf("nflog", lab, beside)[1:]...)
		ends := []*testkit.Node{lab.Client, lab.Router, lab.Server}
		classicRules(t, ends)
		list = append(list, &watcher{sensor: fromLog, view: testkit.Together, nodes: ends})
		for _, n := range []*testkit.Node{lab.Client, lab.Server} {
			list = append(list, &watcher{sensor: fromFile, view: testkit.Alone, of: n.Role, nodes: []*testkit.Node{n}})
		}
	}
	// One by one: the kernel takes a second of a processor to verify the programs.
	for _, w := range list {
		w.launch(t)
		w.await(t)
	}
	return list
}

// watchersOf are those of one sensor, the one that sees all first.
func watchersOf(sensor string, lab *testkit.Lab, beside *background) []*watcher {
	list := []*watcher{{sensor: sensor, view: testkit.Together, nodes: lab.Nodes(), beside: beside.all()}}
	for _, n := range lab.Nodes() {
		if n.Role != "spare" {
			list = append(list, &watcher{
				sensor: sensor, view: testkit.Alone, of: n.Role, nodes: []*testkit.Node{n}, beside: beside.of(n.Role),
			})
		}
	}
	return list
}

// judge waits until the watcher's records are final, stops it and pairs each
// record with what was made.
func (w *watcher) judge(t *testing.T, lab *testkit.Lab, expects []testkit.Expect) []judged {
	t.Helper()
	visible := slices.DeleteFunc(testkit.Visible(expects, w.hooks), func(e testkit.Expect) bool {
		return !slices.Contains(w.nodes, e.Node) || w.sensor == fromFile && !w.passed(e.Src, e.Dst)
	})
	if w.sensor != fromFile && len(visible) > 0 {
		until(t, "the records of "+w.String()+" to be final", func() bool {
			records := w.records(t)
			return len(records) > 0 && !slices.ContainsFunc(records, func(r reset.Reset) bool { return !r.Final })
		})
	}
	w.stop(t)
	records := slices.DeleteFunc(w.records(t), func(r reset.Reset) bool {
		return !slices.ContainsFunc(lab.Nodes(), func(n *testkit.Node) bool { return n.Inode == r.Netns.ID })
	})
	observations := make([]testkit.Observation, len(records))
	for i := range records {
		observations[i] = testkit.Observe(&records[i])
	}
	report := lab.Match(visible, observations)
	if w.sensor == best && !*anyHere && !report.OK() {
		t.Errorf("%s: records do not fit the resets that were made: %s", w, report)
	}
	// The record of the sending end is known by its addresses: not if they were
	// translated on the way, nor if a maker's own namespace, later than the
	// watcher, sent it.
	left := map[[2]reset.Endpoint]bool{}
	for _, e := range visible {
		if e.Direction == reset.Out {
			left[[2]reset.Endpoint{e.Src, e.Dst}] = true
		}
	}
	var list []judged
	for i, of := range report.Of {
		if of < 0 {
			continue
		}
		e, view := visible[of], w.view
		if !left[[2]reset.Endpoint{e.Src, e.Dst}] {
			view = testkit.Alone
		}
		list = append(list, judged{e, e.Answer(view), records[i], w})
	}
	return list
}

// check holds the numbers of the best sensor against the bars; nobody may lie.
func (r *result) check(t *testing.T) {
	t.Helper()
	for _, j := range r.judged {
		if j.lies() {
			t.Errorf("certain and wrong: %s", j)
		}
	}
	all := tallyOf(r.of(best))
	if *anyHere {
		t.Logf("verdicts: of %d records the sender is right in %.1f %% and the cause in %.1f %%; certain are %.1f %% and %.1f %%",
			all.records, share(all.sender, all.records), share(all.cause, all.records),
			share(all.senderCertain, all.records), share(all.causeCertain, all.records))
		return
	}
	if got := share(all.cause, all.records); got < leastCauses {
		t.Errorf("the cause is right in %.1f %% of the records, want %.1f %%", got, leastCauses)
	}
	if got := share(all.sender, all.records); got < leastSenders {
		t.Errorf("the sender is right in %.1f %% of the records, want %.1f %%", got, leastSenders)
	}
	if *onlyKind == "" {
		if got := len(r.mechanisms()); got < leastMechanisms {
			t.Errorf("%d mechanisms, want %d", got, leastMechanisms)
		}
		if got := len(r.unknowable()); got < leastUnknown {
			t.Errorf("%d mechanisms of which nobody can know the cause, want %d", got, leastUnknown)
		}
	}
	r.tell(t)
}

// tell lists what was wrong, and writes it with the records where asked.
func (r *result) tell(t *testing.T) {
	t.Helper()
	wrong := split(where(r.judged, func(j judged) bool { return !j.senderRight() || !j.causeRight() }), judged.String)
	lines := slices.SortedFunc(maps.Keys(wrong), func(a, b string) int {
		return cmp.Or(len(wrong[b])-len(wrong[a]), strings.Compare(a, b))
	})
	var list, records strings.Builder
	for _, line := range lines {
		j := wrong[line][0]
		if j.by.sensor == best {
			t.Logf("wrong, %d times: %s", len(wrong[line]), line)
		}
		text, err := json.Marshal(j.record)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%d  %s\n", len(wrong[line]), line)
		fmt.Fprintf(&records, "\n%s\n    %s\n", line, text)
	}
	if *findings != "" {
		text := fmt.Sprintf("seed %d: %d kinds of wrong verdicts, then one record of each\n\n%s%s", r.seed, len(lines), &list, &records)
		if err := os.WriteFile(*findings, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// String is one line for people; a letter before it says what is wrong.
func (j judged) String() string {
	r, wrong := j.record, ""
	if !j.senderRight() {
		wrong += "S"
	}
	if !j.causeRight() {
		wrong += "C"
	}
	return fmt.Sprintf("%-2s %s: %s at the %s, %s: said %s (%s), %s (%s); true is %v, %v",
		wrong, j.by, j.expect.Kind, j.expect.Node.Role, j.expect.Direction,
		r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause, j.truth.Senders, j.truth.Causes)
}
