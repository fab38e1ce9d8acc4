package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// unreadData: __tcp_close, data_was_unread (RFC 2525, 2.17). A process that is
// killed ends its connections in the same way: only its end tells them apart.
var unreadData = cause{
	word:  reset.UnreadData,
	here:  "it closed the connection with received data unread",
	there: "the application at the other end closed with data from here unread",
	next:  "see why the application closes before it has read all: an error path, a size limit, a request that it refused early",
	sent: []row{
		{sender: reset.LocalApp, cause: reset.UnreadData, who: certain, why: certain, harm: reset.LostData,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_CLOSE")), why(strong, runsOn)}, adds: []sign{why(strong, unread)}},
		{sender: reset.LocalApp, cause: reset.UnreadData, who: certain, why: certain, harm: reset.LostData,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_CLOSE")), why(strong, exited)}, adds: []sign{why(strong, unread)}},
		{sender: reset.LocalApp, cause: reset.UnreadData, who: certain, why: likely, harm: reset.LostData,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_CLOSE"))}, adds: []sign{why(strong, unread)}, doubts: []sign{why(weak, exits)}},
		// Before Linux 6.12: close with bytes unread cannot but reset.
		{sender: reset.LocalApp, cause: reset.UnreadData, who: certain, why: likely, harm: reset.LostData,
			needs: []sign{given(unaskedByTCP), given(noReason), who(decisive, closing), why(strong, unread)}, adds: []sign{why(weak, exited)}},
		{sender: reset.LocalApp, cause: reset.UnreadData, who: likely, why: likely, harm: reset.LostData,
			needs: []sign{given(unaskedByTCP), given(noReason), given(not(orphaned)), who(weak, inState("CLOSE")), both(strong, unread)}},
	},
}

// closing holds where a process closed, or left, and no listener's child is meant.
var closing = under("__tcp_close", "tcp_close")

// unaskedByTCP: TCP sent it of its own accord. Nearly always an application's
// doing, but timers abort too.
var unaskedByTCP = clue{fact: factSent, says: "TCP of this host sent it, and it answers no packet", holds: unasked.holds}
