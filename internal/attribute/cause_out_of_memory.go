package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// outOfMemory: tcp_check_oom and tcp_out_of_resources: no memory left for TCP,
// or more orphans than tcp_max_orphans.
var outOfMemory = cause{
	word:  reset.OutOfMemory,
	here:  "TCP had no memory left for the connection, or too many that no process holds",
	there: "TCP at the other end had no memory left for the connection",
	next:  "see /proc/net/sockstat against tcp_mem and tcp_max_orphans, and nstat -az TcpExtTCPAbortOnMemory",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.OutOfMemory, who: certain, why: certain,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_MEMORY"))}},
		{sender: reset.LocalKernel, cause: reset.OutOfMemory, who: certain, why: certain,
			needs: []sign{given(unaskedByTCP), given(noReason), both(decisive, under("tcp_check_oom", "tcp_out_of_resources"))}},
	},
}
