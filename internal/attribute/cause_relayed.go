package attribute

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// relayed: a proxy passes on a reset that it has received. Nothing but the
// closeness in time tells, so it is never certain.
var relayed = cause{
	word:  reset.Relayed,
	here:  "it passed on a reset that it had received on another connection a moment before",
	there: "a proxy passed on a reset that it had received",
	next:  "follow caused_by to the first reset of the chain: the cause is there",
	sent: []row{
		{sender: reset.LocalApp, cause: reset.Relayed, who: certain, why: likely,
			needs: []sign{who(decisive, reason("TCP_ABORT_ON_CLOSE")), why(strong, justReceived)},
			adds:  []sign{why(weak, unread)}},
		{sender: reset.LocalApp, cause: reset.Relayed, who: certain, why: likely,
			needs: []sign{who(decisive, closing), why(strong, justReceived)},
			adds:  []sign{why(weak, lingersZero)}},
		{sender: reset.LocalApp, cause: reset.Relayed, who: likely, why: likely,
			needs: []sign{who(strong, unaskedByTCP), given(ofProcess), why(strong, justReceived)}},
		// The connection that was reset is closed, and nobody can tell who held it.
		{sender: reset.LocalApp, cause: reset.Relayed, who: certain, why: possible,
			needs: []sign{who(decisive, reason("TCP_ABORT_ON_CLOSE")), why(weak, listenerReceived)},
			adds:  []sign{why(weak, unread)}},
		{sender: reset.LocalApp, cause: reset.Relayed, who: certain, why: possible,
			needs: []sign{who(decisive, closing), why(weak, listenerReceived)},
			adds:  []sign{why(weak, lingersZero)}},
		{sender: reset.LocalApp, cause: reset.Relayed, who: likely, why: possible,
			needs: []sign{who(strong, unaskedByTCP), given(ofProcess), why(weak, listenerReceived)}},
	},
}

// justReceived: the same process took a RST on another connection just before.
var justReceived = clue{
	fact: factRelayed, says: "the same process took a RST on another connection within 100ms before",
	value: func(c *Case) string {
		from := c.After.RelayedFrom
		return "the same process took a RST from " + from.Src.String() + " " + span(from.AgoNS) + " before"
	},
	holds: func(c *Case) bool {
		from := c.After.RelayedFrom
		return passedOn(from) && !from.ByListener
	},
}

// listenerReceived: a connection that was accepted at this process's port took a
// RST just before.
var listenerReceived = clue{
	fact: factRelayed, says: "a connection accepted where the same process listens took a RST within 100ms before",
	value: func(c *Case) string {
		from := c.After.RelayedFrom
		return "a connection accepted where the same process listens took a RST from " + from.Src.String() + " " + span(from.AgoNS) + " before"
	},
	holds: func(c *Case) bool {
		from := c.After.RelayedFrom
		return passedOn(from) && from.ByListener
	},
}

func passedOn(from *Link) bool {
	return from != nil && from.AgoNS >= 0 && from.AgoNS <= int64(100*time.Millisecond)
}

var ofProcess = clue{fact: factOwner, says: "a process", holds: func(c *Case) bool { return c.Reset.Process != nil }}
