package daemon

import "github.com/rstwatch/rstwatch/internal/reset"

// tracked says how this host translates the connection of a RST; nil where the
// settings do not want it.
func (e *enrichment) tracked() func(*reset.Reset) *reset.NAT {
	if e.nat == nil {
		return nil
	}
	return e.nat.Of
}

// addressCame says since when this host has had the source's address of a RST;
// nil where the settings want nothing to be looked up of owners.
func (e *enrichment) addressCame() func(*reset.Reset) (agoNS int64, ok bool) {
	if e.addresses == nil {
		return nil
	}
	return e.addresses.Came
}
