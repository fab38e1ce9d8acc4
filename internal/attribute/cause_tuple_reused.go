package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// tupleReused: an old connection's packet meets a new one of the same addresses.
// The other end still has the old one and answers our SYN with an ACK that fits
// nothing; RFC 9293, 3.5.1, figure 9 has it resolved by this RST.
var tupleReused = cause{
	word:  reset.TupleReused,
	here:  "the address and port were used again while the other end still had the old connection",
	there: "the other end had used the same address and port for an older connection",
	next:  "see whether NAT or the client picks ports again too soon: compare its port range and rate with the server's TIME_WAIT",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.TupleReused, who: certain, why: likely,
			needs: []sign{who(decisive, reason("TCP_INVALID_ACK_SEQUENCE")), why(strong, connecting), why(strong, toAckOnly)},
			adds:  []sign{why(strong, earlierOnTuple)}},
		{sender: reset.LocalKernel, cause: reset.TupleReused, who: certain, why: likely,
			needs: []sign{who(decisive, reason("TCP_TIMEWAIT_SOCKET")), why(strong, toSyn)}},
		{sender: reset.LocalKernel, cause: reset.TupleReused, who: certain, why: likely,
			needs: []sign{given(noReason), who(decisive, sentByTCP), why(strong, connecting), why(strong, toAckOnly)},
			adds:  []sign{why(strong, earlierOnTuple)}},
	},
}
