package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// backlogOverflow: tcp_check_req, listen_overflow. The reason is that of a bad
// SYN; the drop event of the packet tells them apart, and so does the packet: a
// handshake is completed by an ACK, never by a SYN.
var backlogOverflow = cause{
	word:  reset.BacklogOverflow,
	here:  "the accept queue was full and tcp_abort_on_overflow is set",
	there: "the accept queue of the service at the other end was full",
	next:  "see ss -lnt (Recv-Q against Send-Q) and nstat -az TcpExtListenOverflows; the service accepts too slowly or its backlog is too short",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.BacklogOverflow, who: certain, why: certain, harm: reset.FailedConnect,
			needs: []sign{both(strong, reason("INVALID_SYN")), both(decisive, drop("TCP_LISTEN_OVERFLOW"))}},
		{sender: reset.LocalKernel, cause: reset.BacklogOverflow, who: certain, why: likely, harm: reset.FailedConnect,
			needs: []sign{both(decisive, reason("INVALID_SYN")), why(strong, toAckOnly)}},
		{sender: reset.LocalKernel, cause: reset.BacklogOverflow, who: certain, why: certain, harm: reset.FailedConnect,
			needs: []sign{given(noReason), both(decisive, drop("TCP_LISTEN_OVERFLOW"))}},
	},
}
