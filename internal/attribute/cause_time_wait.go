package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// timeWait: tcp_timewait_state_process. The mini-socket stands for FIN_WAIT2
// too, once no process waits for it any more.
var timeWait = cause{
	word:  reset.TimeWait,
	here:  "the peer sent on a connection that this end had already closed; only its TIME_WAIT was left",
	there: "the other end had closed the connection; only its TIME_WAIT was left",
	next:  "see why the other end goes on sending after it has seen our FIN",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.TimeWait, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_TIMEWAIT_SOCKET")), why(strong, finSeen)},
			adds:  []sign{why(weak, toData), why(weak, finLongSent)}},
		{sender: reset.LocalKernel, cause: reset.TimeWait, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_TIMEWAIT_SOCKET")), why(strong, finLongSent)},
			adds:  []sign{why(weak, toData)}},
		{sender: reset.LocalKernel, cause: reset.TimeWait, who: certain, why: likely,
			needs: []sign{both(decisive, reason("TCP_TIMEWAIT_SOCKET"))}},
	},
	sentLast: []row{
		// Before Linux 6.10 no event tells of it; the memory of the close may.
		{sender: reset.LocalKernel, cause: reset.TimeWait, who: certain, why: possible,
			needs: []sign{given(not(sentByTCP)), who(decisive, ofTCPControl), why(strong, hadIt), why(strong, wasClosed)}},
	},
}
