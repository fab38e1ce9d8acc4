package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// staleTimestamp: tcp_rcv_synsent_state_process: an echo that was never sent
// (RFC 7323, 3.2).
var staleTimestamp = cause{
	word:  reset.StaleTimestamp,
	here:  "a packet bore a timestamp that is too old or was never sent",
	there: "a packet from here bore a timestamp that the other end found too old",
	next:  "see whether clients behind one NAT mix their timestamps, or a middlebox rewrites them",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.StaleTimestamp, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_RFC7323_PAWS"))}},
	},
}
