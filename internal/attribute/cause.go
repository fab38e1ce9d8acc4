package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// cause is one word of the closed list with all that this package knows of it.
type cause struct {
	word reset.Cause

	here  string // why, where this host sent the RST: "REASON", after a colon
	there string // why, where somebody else did
	next  string // what to look at next, an imperative without a full stop

	sent []row // rows for what this host sent
	seen []row // rows for what it received, passed on, or found in a capture
	// Rows that are tried after all of sent and seen: what is left to say where
	// nothing better is known.
	sentLast []row
	seenLast []row
}
