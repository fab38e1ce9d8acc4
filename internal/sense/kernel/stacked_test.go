package kernel_test

import (
	"errors"
	"testing"

	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestBehindStackedDevices makes resets to and from a namespace behind a VLAN,
// macvlan or ipvlan device that stands on another namespace's. The kernel hands
// such a packet on without tracing it a second time, so what the sensor has of
// the RSTs that arrive there is what TCP tells.
func TestBehindStackedDevices(t *testing.T) {
	makers := []string{"closed-port", "unread-data", "inject-raw", "forged-exact", "forged-in-window", "time-wait"}
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
						lab.AwaitCompare(t, expects, correlate.DefaultConfig().Window, rec.observations)
						rec.checkVerdicts(t, expects)
					})
				}
			}
		})
	}
}
