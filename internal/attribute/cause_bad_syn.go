package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// badSyn: tcp_check_req, embryonic_reset.
var badSyn = cause{
	word:  reset.BadSyn,
	here:  "a SYN did not fit the handshake under way",
	there: "a SYN from here did not fit the handshake under way at the other end",
	next:  "see whether two hosts or a NAT share this address and port, or a scanner plays with handshakes",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.BadSyn, who: certain, why: certain, harm: reset.FailedConnect,
			needs: []sign{both(decisive, reason("INVALID_SYN")), why(decisive, toAnySyn)}},
		{sender: reset.LocalKernel, cause: reset.BadSyn, who: certain, why: likely, harm: reset.FailedConnect,
			needs: []sign{both(decisive, reason("INVALID_SYN"))}},
		{sender: reset.LocalKernel, cause: reset.BadSyn, who: certain, why: possible, harm: reset.FailedConnect,
			needs: []sign{given(noReason), who(decisive, sentByTCP), why(weak, inState("LISTEN", "NEW_SYN_RECV")), why(weak, toSyn)}},
	},
}
