package kernel_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestBehindStackedDevices makes resets between two namespaces behind VLAN,
// macvlan or ipvlan devices that stand on other namespaces' devices. The kernel hands
// such a packet on without tracing it a second time: there is a record where TCP
// takes or refuses the RST, with the packet as the lower device had it.
func TestBehindStackedDevices(t *testing.T) {
	makers := []string{"closed-port", "unread-data", "inject-raw", "forged-exact", "forged-in-window", "forged-time-wait", "time-wait"}
	for _, route := range testkit.StackedRoutes() {
		t.Run(route.String(), func(t *testing.T) {
			lab := testkit.NewLab(t)
			err := lab.Stack(route)
			var unsupported *testkit.UnsupportedError
			if errors.As(err, &unsupported) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			rec := record(t, kernel.DefaultConfig())
			for _, name := range makers {
				for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
					scene := testkit.Scene{Family: family, Route: route}
					t.Run(name+"/"+scene.String(), func(t *testing.T) {
						rec.clear()
						expects := testkit.Lookup(t, name).MustMake(t, lab, scene, 3)
						if testkit.Running(t).Before(socketsAreTold) {
							expects = withoutRefused(expects)
						}
						lab.AwaitCompare(t, expects, correlate.DefaultConfig().Window, rec.observations)
						rec.checkVerdicts(t, expects)
						rec.checkHeaders(t, lab, lab.Stacked(route))
					})
				}
			}
		})
	}
}

// withoutRefused leaves out the records of what a socket refuses: behind such a
// device nothing but TCP tells of them, and on this kernel it does not.
func withoutRefused(expects []testkit.Expect) []testkit.Expect {
	return slices.DeleteFunc(expects, func(e testkit.Expect) bool {
		return e.Direction == reset.In && e.Verdict == reset.Challenged && !e.Optional
	})
}

// checkHeaders holds that a RST that came to one of the ends has its packet, and
// that nothing is said of what a namespace did that only passed it on.
func (rec *recording) checkHeaders(t *testing.T, lab *testkit.Lab, ends [2]*testkit.Node) {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	known, missing := 0, 0
	for i := range rec.records {
		r := &rec.records[i]
		isEnd := r.Netns.ID == ends[0].Inode || r.Netns.ID == ends[1].Inode
		inLab := slices.ContainsFunc(lab.Nodes(), func(n *testkit.Node) bool { return n.Inode == r.Netns.ID })
		switch {
		case r.Direction != reset.In || !inLab:
		case isEnd && len(r.Packet.Raw) == 0:
			// A socket that is in use takes the RST later, maybe on another processor.
			missing++
		case isEnd:
			known++
		case !isEnd && r.Kernel.Inferred:
			t.Errorf("%s: inferred to be %s in a namespace that passes it on", testkit.Observe(r), r.Kernel.Verdict)
		}
	}
	if missing > 0 && (known == 0 || os.Getenv("RSTWATCH_TEST_SLOW") == "") {
		t.Errorf("%d of %d RSTs that came have no packet", missing, missing+known)
	}
}
