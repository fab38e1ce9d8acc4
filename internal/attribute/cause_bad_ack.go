package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// badAck: tcp_rcv_synsent_state_process, tcp_rcv_state_process (LISTEN and
// SYN_RECV), and a SYN cookie that is none.
var badAck = cause{
	word:  reset.BadAck,
	here:  "a packet acknowledged what was never sent",
	there: "a packet from here acknowledged what the other end never sent",
	next:  "see who sends such packets: a NAT that mixes up connections, a middlebox that changes numbers, or a scanner",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.BadAck, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_INVALID_ACK_SEQUENCE"))}, adds: []sign{why(weak, connecting)}},
		{sender: reset.LocalKernel, cause: reset.BadAck, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_TOO_OLD_ACK"))}},
		{sender: reset.LocalKernel, cause: reset.BadAck, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_ACK_UNSENT_DATA"))}},
		{sender: reset.LocalKernel, cause: reset.BadAck, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_OLD_ACK"))}},
		// A listener: the packet may belong to a connection of before.
		{sender: reset.LocalKernel, cause: reset.BadAck, who: certain, why: likely,
			needs: []sign{both(decisive, reason("TCP_FLAGS"))}},
		// Before Linux 6.10.
		{sender: reset.LocalKernel, cause: reset.BadAck, who: certain, why: likely,
			needs: []sign{given(noReason), who(decisive, sentByTCP), why(strong, connecting), why(weak, toSynAck)}},
		{sender: reset.LocalKernel, cause: reset.BadAck, who: certain, why: possible,
			needs: []sign{given(noReason), who(decisive, sentByTCP), why(weak, inState("LISTEN", "NEW_SYN_RECV")), why(weak, toAckOnly)}},
	},
}
