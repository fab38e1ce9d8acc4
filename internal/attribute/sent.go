package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// sentRule is one row of the table of RSTs that this host's TCP sent.
type sentRule struct {
	reason  string      // enum sk_rst_reason, without its prefix
	drop    string      // enum skb_drop_reason of the trigger; empty: any
	trigger reset.Flags // flags that the trigger must have; 0: any
	without reset.Flags // flags that it must not have
	state   string      // of the socket; empty: any

	sender reset.Sender
	cause  reset.Cause
	sure   reset.Level // of the cause
	who    reset.Level // of the sender; LevelNone: certain
}

// senderLevel is how sure the sender is.
func (rule *sentRule) senderLevel() reset.Level {
	if rule.who == reset.LevelNone {
		return reset.Certain
	}
	return rule.who
}

// sentRules: the first row that fits is the verdict. The kernel function that
// gives the reason stands before each. A cause is certain only where nothing
// that the kernel's word does not tell could make it another: a close with
// unread data may be the end of a killed process, a stray packet may belong to
// a connection that this end once had.
var sentRules = []sentRule{
	// tcp_v4_rcv, tcp_v6_rcv: no socket for this packet.
	{reason: "NO_SOCKET", trigger: reset.SYN, without: reset.ACK, sender: reset.LocalKernel, cause: reset.NoListener, sure: reset.Certain},
	{reason: "NO_SOCKET", sender: reset.LocalKernel, cause: reset.NoConnection, sure: reset.Likely},
	// tcp_check_req: the same reason for a full accept queue with
	// tcp_abort_on_overflow; the drop event of the trigger tells them apart.
	{reason: "INVALID_SYN", drop: "TCP_LISTEN_OVERFLOW", sender: reset.LocalKernel, cause: reset.BacklogOverflow, sure: reset.Certain},
	{reason: "INVALID_SYN", sender: reset.LocalKernel, cause: reset.BadSyn, sure: reset.Likely},
	// tcp_timewait_state_process.
	{reason: "TCP_TIMEWAIT_SOCKET", sender: reset.LocalKernel, cause: reset.TimeWait, sure: reset.Likely},
	// tcp_rcv_state_process: data after the application had closed.
	{reason: "TCP_ABORT_ON_DATA", sender: reset.LocalKernel, cause: reset.DataAfterClose, sure: reset.Likely},
	// __tcp_close.
	{reason: "TCP_ABORT_ON_CLOSE", sender: reset.LocalApp, cause: reset.UnreadData, sure: reset.Likely},
	{reason: "TCP_ABORT_ON_LINGER", sender: reset.LocalApp, cause: reset.Linger2, sure: reset.Certain},
	// tcp_check_oom: no memory left for TCP, or more orphans than tcp_max_orphans.
	{reason: "TCP_ABORT_ON_MEMORY", sender: reset.LocalKernel, cause: reset.OutOfMemory, sure: reset.Likely},
	// tcp_keepalive_timer.
	{reason: "TCP_KEEPALIVE_TIMEOUT", sender: reset.LocalKernel, cause: reset.KeepaliveTimeout, sure: reset.Likely},
	// tcp_disconnect: also close() with SO_LINGER 0 and a listener that closed.
	{reason: "TCP_DISCONNECT_WITH_DATA", sender: reset.LocalApp, cause: reset.Disconnect, sure: reset.Likely},
	// The sender is nearly always a process; sockets of the kernel's own (NFS,
	// SMC) and a timer of an orphan give the same reason.
	{reason: "TCP_STATE", state: "ESTABLISHED", sender: reset.LocalApp, cause: reset.SocketDestroyed, sure: reset.Likely, who: reset.Likely},
	{reason: "TCP_STATE", sender: reset.LocalApp, cause: reset.CauseUnknown, who: reset.Likely},
	// tcp_rcv_synsent_state_process, tcp_rcv_state_process.
	{reason: "TCP_INVALID_ACK_SEQUENCE", sender: reset.LocalKernel, cause: reset.BadAck, sure: reset.Certain},
	{reason: "TCP_TOO_OLD_ACK", sender: reset.LocalKernel, cause: reset.BadAck, sure: reset.Certain},
	{reason: "TCP_ACK_UNSENT_DATA", sender: reset.LocalKernel, cause: reset.BadAck, sure: reset.Certain},
	{reason: "TCP_OLD_ACK", sender: reset.LocalKernel, cause: reset.BadAck, sure: reset.Certain},
	{reason: "TCP_FLAGS", sender: reset.LocalKernel, cause: reset.BadAck, sure: reset.Likely},
	{reason: "TCP_RFC7323_PAWS", sender: reset.LocalKernel, cause: reset.StaleTimestamp, sure: reset.Certain},
	// enum sk_rst_reason, the block of RFC 8684, 3.6.
	{reason: "MPTCP_RST_EUNSPEC", sender: reset.LocalKernel, cause: reset.MPTCP, sure: reset.Certain},
	{reason: "MPTCP_RST_EMPTCP", sender: reset.LocalKernel, cause: reset.MPTCP, sure: reset.Certain},
	{reason: "MPTCP_RST_ERESOURCE", sender: reset.LocalKernel, cause: reset.MPTCP, sure: reset.Certain},
	{reason: "MPTCP_RST_EPROHIBIT", sender: reset.LocalKernel, cause: reset.MPTCP, sure: reset.Certain},
	{reason: "MPTCP_RST_EWQ2BIG", sender: reset.LocalKernel, cause: reset.MPTCP, sure: reset.Certain},
	{reason: "MPTCP_RST_EBADPERF", sender: reset.LocalKernel, cause: reset.MPTCP, sure: reset.Certain},
	{reason: "MPTCP_RST_EMIDDLEBOX", sender: reset.LocalKernel, cause: reset.MPTCP, sure: reset.Certain},
}

func (rule *sentRule) fits(r *reset.Reset) bool {
	if rule.reason != r.Kernel.Reason {
		return false
	}
	if rule.drop != "" && rule.drop != r.Kernel.DropReason {
		return false
	}
	if rule.state != "" && (r.Connection == nil || r.Connection.State != rule.state) {
		return false
	}
	var flags reset.Flags
	if r.Trigger != nil {
		flags = r.Trigger.Flags
	}
	return flags&rule.trigger == rule.trigger && flags&rule.without == 0
}

// ownerRule is one row of the table of RSTs that left and that TCP did not
// send: what owned the packet decides.
type ownerRule struct {
	origin reset.Origination
	drop   string // enum skb_drop_reason of the packet that was answered; empty: any
	sender reset.Sender
	cause  reset.Cause
	sure   reset.Level // of both
}

var ownerRules = []ownerRule{
	{reset.OriginRawSocket, "", reset.LocalInject, reset.Injected, reset.Certain},
	{reset.OriginPacketSocket, "", reset.LocalInject, reset.Injected, reset.Certain},
	// nf_send_reset gives its packet no socket, and the rule then drops the
	// packet that it answered.
	{reset.OriginNoSocket, "NETFILTER_DROP", reset.LocalFirewall, reset.FirewallReject, reset.Certain},
	// A BPF program's packet has no socket either.
	{reset.OriginNoSocket, "", reset.LocalFirewall, reset.FirewallReject, reset.Likely},
}

func (rule *ownerRule) fits(r *reset.Reset, origin reset.Origination) bool {
	return rule.origin == origin && (rule.drop == "" || r.Trigger != nil && rule.drop == r.Kernel.DropReason)
}
