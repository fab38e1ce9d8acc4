package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// linger2: __tcp_close or tcp_keepalive_timer in FIN_WAIT2; and, where the FIN
// is acknowledged only after the close, tcp_rcv_state_process in FIN_WAIT1.
var linger2 = cause{
	word:  reset.Linger2,
	here:  "it closed with a negative TCP_LINGER2, which asks not to wait for the other end's FIN",
	there: "the application at the other end closed with a negative TCP_LINGER2",
	next:  "see why the application sets TCP_LINGER2 below zero",
	sent: []row{
		{sender: reset.LocalApp, cause: reset.Linger2, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_LINGER"))}, adds: []sign{why(strong, linger2Negative)}},
		{sender: reset.LocalKernel, cause: reset.Linger2, who: certain, why: likely,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_DATA")), why(strong, linger2Negative), why(weak, finSeen), given(not(toData))}},
		{sender: reset.LocalApp, cause: reset.Linger2, who: likely, why: likely,
			needs: []sign{given(unaskedByTCP), given(noReason), both(strong, linger2Negative), both(weak, inState("CLOSE", "FIN_WAIT2"))}},
	},
}
