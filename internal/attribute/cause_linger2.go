package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// linger2: __tcp_close or tcp_keepalive_timer in FIN_WAIT2; and, where the FIN
// is acknowledged only after the close, tcp_rcv_state_process in FIN_WAIT1.
var linger2 = cause{
	word:  reset.Linger2,
	here:  "this end had closed and did not wait (any longer) for the other end's FIN",
	there: "the other end had closed and did not wait for a FIN from here",
	next:  "see TCP_LINGER2 of the application and net.ipv4.tcp_fin_timeout, and why the other end keeps its side open",
	sent: []row{
		{sender: reset.LocalApp, cause: reset.Linger2, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_LINGER"))}, adds: []sign{why(strong, linger2Negative)}},
		// FIN_WAIT2 without a process, for as long as tcp_fin_timeout says.
		{sender: reset.LocalKernel, cause: reset.Linger2, who: certain, why: certain,
			needs: []sign{given(unaskedByTCP), both(decisive, under("tcp_keepalive_timer")), why(strong, inState("FIN_WAIT2")), given(not(held))}},
		{sender: reset.LocalKernel, cause: reset.Linger2, who: certain, why: likely,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_DATA")), why(strong, linger2Negative), why(weak, finSeen), given(not(toData))}},
		{sender: reset.LocalApp, cause: reset.Linger2, who: likely, why: likely,
			needs: []sign{given(unaskedByTCP), given(noReason), both(strong, linger2Negative), both(weak, inState("CLOSE", "FIN_WAIT2"))}},
	},
}
