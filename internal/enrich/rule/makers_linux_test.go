package rule

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// watcher reads the rules of a lab's namespaces over and over, and keeps of each
// what it saw when there were most: the makers take their rules away again.
type watcher struct {
	mu   sync.Mutex
	most map[uint64]*ruleset // guarded by mu
}

func (w *watcher) watch(ctx context.Context, n *testkit.Node) {
	for ctx.Err() == nil {
		var rules *ruleset
		err := n.Do(func() (err error) {
			rules, err = read(ctx, true)
			return err
		})
		if err != nil {
			continue // the time is up, or the rules change all the time
		}
		w.mu.Lock()
		if old := w.most[n.Inode]; old == nil || len(rules.bases) >= len(old.bases) {
			w.most[n.Inode] = rules
		}
		w.mu.Unlock()
	}
}

// TestMakers lets the lab's makers reject for real, and wants the one rule that
// they wrote to be found for each RST, at the hook where they put it.
func TestMakers(t *testing.T) {
	testkit.RequireRoot(t)
	lab := testkit.NewLab(t, testkit.WithBridge())
	for _, m := range testkit.Makers() {
		if !strings.HasPrefix(m.Name, "reject-") {
			continue
		}
		for _, scene := range m.ScenesIn(lab) {
			t.Run(m.Name+"/"+scene.String(), func(t *testing.T) { checkMaker(t, lab, m, scene) })
		}
	}
}

func checkMaker(t *testing.T, lab *testkit.Lab, m testkit.Maker, scene testkit.Scene) {
	for try := 0; ; try++ {
		w, expects, err := watched(t, lab, m, scene, 20<<min(try, 5))
		var unsupported *testkit.UnsupportedError
		if errors.As(err, &unsupported) {
			t.Logf("left out: %v", err)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		found, missed := 0, 0
		for _, e := range expects {
			if e.Direction != reset.Out || e.Sender != reset.LocalFirewall {
				continue
			}
			rules := w.most[e.Node.Inode]
			if rules == nil {
				rules = newRuleset()
			}
			list, _ := rules.find(Packet{Src: e.Dst.AddrPort, Dst: e.Src.AddrPort})
			switch {
			case len(list) == 0: // the rule was there for too short a time
				missed++
				continue
			case len(list) != 1 || !fits(m.Name, list[0].where):
				t.Errorf("%v: %q", e, describe(list))
			}
			found++
		}
		if found > missed { // a rule for each connection: the last one hardly stands
			return
		}
		if try == 10 {
			t.Fatalf("the rules were never seen: %d found, %d missed", found, missed)
		}
	}
}

// watched makes n resets while the rules are read: the more, the longer the
// rules stand.
func watched(t *testing.T, lab *testkit.Lab, m testkit.Maker, scene testkit.Scene, n int) (*watcher, []testkit.Expect, error) {
	w := &watcher{most: make(map[uint64]*ruleset)}
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	for _, n := range lab.Nodes() {
		reading.Go(func() { w.watch(ctx, n) })
	}
	expects, err := m.Make(lab, scene, n)
	stop()
	reading.Wait()
	return w, expects, err
}

// fits tells whether the chain is where a maker of that name puts its rule.
func fits(maker string, c *chain) bool {
	switch {
	case strings.Contains(maker, "netdev"):
		return c.family == familyNetdev
	case maker == "reject-bridge-nftables":
		return c.family == familyBridge
	case strings.Contains(maker, "forward") || maker == "reject-bridge":
		return c.hook == hookForward
	case strings.Contains(maker, "output"):
		return c.hook == hookOutput
	}
	return c.hook == hookInput
}
