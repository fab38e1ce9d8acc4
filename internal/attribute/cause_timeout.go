package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// keepaliveTimeout and userTimeoutRan: tcp_keepalive_timer. Where
// TCP_USER_TIMEOUT is set it takes the place of the number of probes.
var keepaliveTimeout = cause{
	word:  reset.KeepaliveTimeout,
	here:  "the peer answered no keepalive probe",
	there: "the other end had no answer to its keepalive probes",
	next:  "see whether the peer is still there, and whether something between forgets silent connections sooner than probes are sent",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.KeepaliveTimeout, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_KEEPALIVE_TIMEOUT")), why(strong, noUserTimeout)}, adds: []sign{why(weak, probesFailed)}},
		{sender: reset.LocalKernel, cause: reset.KeepaliveTimeout, who: certain, why: likely,
			needs: []sign{both(decisive, reason("TCP_KEEPALIVE_TIMEOUT"))}},
		// Before Linux 6.12.
		{sender: reset.LocalKernel, cause: reset.KeepaliveTimeout, who: certain, why: certain,
			needs: []sign{given(unaskedByTCP), given(noReason), given(not(inState("FIN_WAIT2"))), both(decisive, under("tcp_keepalive_timer")), why(strong, noUserTimeout)}},
		{sender: reset.LocalKernel, cause: reset.KeepaliveTimeout, who: likely, why: likely,
			needs: []sign{given(unaskedByTCP), given(noReason), given(alive), both(strong, keepsAlive), both(strong, probesFailed)},
			adds:  []sign{both(weak, timerRan)}},
	},
}

var userTimeoutRan = cause{
	word:  reset.UserTimeout,
	here:  "nothing came from the peer within TCP_USER_TIMEOUT",
	there: "the other end heard nothing within its TCP_USER_TIMEOUT",
	next:  "see whether the peer is still there, and whether the application's time limit is meant to be so short",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.UserTimeout, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_KEEPALIVE_TIMEOUT")), why(strong, userTimeout)}, adds: []sign{why(weak, probesFailed)}},
		// Before Linux 6.12.
		{sender: reset.LocalKernel, cause: reset.UserTimeout, who: certain, why: certain,
			needs: []sign{given(unaskedByTCP), given(noReason), given(not(inState("FIN_WAIT2"))), both(decisive, under("tcp_keepalive_timer")), why(strong, userTimeout)}},
		{sender: reset.LocalKernel, cause: reset.UserTimeout, who: likely, why: likely,
			needs: []sign{given(unaskedByTCP), given(noReason), given(alive), both(strong, userTimeout), both(strong, probesFailed)}},
	},
}
