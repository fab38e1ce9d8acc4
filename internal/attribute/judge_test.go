package attribute

import (
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// endpoints gives a reset addresses.
func endpoints(r *reset.Reset) *reset.Reset {
	r.Src = reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 3306)
	r.Dst = reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), 51334)
	return r
}
