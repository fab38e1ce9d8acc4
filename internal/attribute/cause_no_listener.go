package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// noListener: tcp_v4_rcv, tcp_v6_rcv: no socket for a SYN.
var noListener = cause{
	word:  reset.NoListener,
	here:  "nobody listens on that port here",
	there: "nobody listens on that port there",
	next:  "see whether the service runs and on which address: ss -lntp",
	sent: []row{
		// A row of its own for what makes a storm: what is in the needs is constant.
		{sender: reset.LocalKernel, cause: reset.NoListener, who: certain, why: certain,
			needs: []sign{both(decisive, reason("NO_SOCKET")), why(decisive, toSyn), why(weak, scanning)}},
		{sender: reset.LocalKernel, cause: reset.NoListener, who: certain, why: certain,
			needs: []sign{both(decisive, reason("NO_SOCKET")), why(decisive, toSyn)}},
		// Linux 5.17 to 6.9: the reason of the drop is the only word.
		{sender: reset.LocalKernel, cause: reset.NoListener, who: certain, why: certain,
			needs: []sign{given(noReason), both(decisive, drop("NO_SOCKET")), why(decisive, toSyn)},
			adds:  []sign{why(weak, scanning)}},
	},
	sentLast: []row{
		{sender: reset.LocalKernel, cause: reset.NoListener, who: certain, why: likely,
			needs: []sign{given(not(sentByTCP)), who(decisive, ofTCPControl), why(strong, refusalForm)}},
		{sender: reset.LocalKernel, cause: reset.NoListener, who: possible, why: possible,
			needs:  []sign{given(leftHere), both(weak, refusalForm), who(weak, replyForm)},
			doubts: []sign{who(weak, orReject)}},
	},
}
