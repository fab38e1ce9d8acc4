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
