package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// noConnection: tcp_v4_rcv, tcp_v6_rcv: no socket for a packet that is no SYN.
// Why such a packet came is another matter, so the cause is only likely: without
// memory of the connection it may also be half open.
var noConnection = cause{
	word:  reset.NoConnection,
	here:  "a packet came for a connection that this host does not know",
	there: "the other end does not know this connection",
	next:  "see what became of the connection here: a restart, a moved address, a load balancer that changed its mind",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.NoConnection, who: certain, why: likely,
			needs: []sign{both(decisive, reason("NO_SOCKET")), why(weak, toMidstream)},
			adds:  []sign{why(weak, hasBeside)}},
		{sender: reset.LocalKernel, cause: reset.NoConnection, who: certain, why: likely,
			needs: []sign{both(decisive, reason("NO_SOCKET"))}},
		{sender: reset.LocalKernel, cause: reset.NoConnection, who: certain, why: likely,
			needs: []sign{given(noReason), both(decisive, drop("NO_SOCKET"))}},
	},
	sentLast: []row{
		{sender: reset.LocalKernel, cause: reset.NoConnection, who: certain, why: possible,
			needs: []sign{given(not(sentByTCP)), who(decisive, ofTCPControl), why(weak, bareRST)}},
		{sender: reset.LocalKernel, cause: reset.NoConnection, who: possible, why: possible,
			needs:  []sign{given(leftHere), both(weak, bareRST), who(weak, replyForm)},
			doubts: []sign{who(weak, orReject)}},
	},
}
