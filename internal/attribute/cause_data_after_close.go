package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// dataAfterClose: tcp_rcv_state_process, RCV_SHUTDOWN or FIN_WAIT after close.
var dataAfterClose = cause{
	word:  reset.DataAfterClose,
	here:  "data came after the application had closed the connection",
	there: "the application at the other end had closed the connection when data reached it",
	next:  "see why the other end goes on sending after it has seen our FIN: a pooled connection used too late, mostly",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.DataAfterClose, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_DATA")), why(strong, finSeen)},
			adds:  []sign{why(weak, toData), why(weak, finLongSent)}},
		{sender: reset.LocalKernel, cause: reset.DataAfterClose, who: certain, why: likely,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_DATA"))},
			adds:  []sign{why(weak, toData)}},
		// The FIN_WAIT2 socket is gone after tcp_fin_timeout.
		{sender: reset.LocalKernel, cause: reset.DataAfterClose, who: certain, why: likely,
			needs: []sign{who(decisive, reason("NO_SOCKET")), why(weak, toMidstream), why(weak, toData), why(strong, hadIt), why(strong, wasClosed)},
			adds:  []sign{why(weak, isGone)}},
		// Before Linux 6.10.
		{sender: reset.LocalKernel, cause: reset.DataAfterClose, who: certain, why: likely,
			needs: []sign{given(noReason), who(decisive, sentByTCP), given(answering), why(weak, inState("CLOSE")), why(weak, toMidstream)},
			adds:  []sign{why(strong, finSeen), why(weak, toData)}},
	},
}
