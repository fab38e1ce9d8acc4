package incident

import (
	"net/netip"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// BenchmarkAdd reads resets of many ports, a thousand a second, one of ten of a
// burst.
func BenchmarkAdd(b *testing.B) {
	g := New(DefaultConfig())
	r := reset.Reset{Revision: 1, Final: true, Host: "db7", Direction: reset.Out, Sender: reset.LocalKernel, Cause: reset.NoListener}
	peer := netip.MustParseAddr("10.0.0.5")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		r.ID = reset.ID{0: byte(n >> 24), 1: byte(n >> 16), 2: byte(n >> 8), 3: byte(n)}
		r.Time = 1e18 + reset.Time(n)*1e6
		port := uint16(n)
		if n%10 == 0 {
			port = 80
		}
		r.Src, r.Dst = reset.EndpointFrom(peer, port), reset.EndpointFrom(peer, uint16(n*7))
		g.Add(&r)
	}
	if len(g.groups) > 1<<18 {
		b.Errorf("%d groups", len(g.groups))
	}
}
