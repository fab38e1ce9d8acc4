package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// refusedRule is one row of the table of received RSTs that the stack threw
// away: enum skb_drop_reason to the contract's word.
type refusedRule struct {
	drop    string
	state   string // of the socket; empty: any, or no socket at all
	verdict reset.Verdict
}

// anyState is the state of a rule that wants a socket, whatever its state.
const anyState = "*"

var refusedRules = []refusedRule{
	// A request or TIME_WAIT socket took it: tcp_v4_rcv frees the packet without
	// a reason, and no other event tells.
	{drop: "NOT_SPECIFIED", state: "TIME_WAIT", verdict: reset.Accepted},
	{drop: "NOT_SPECIFIED", state: "NEW_SYN_RECV", verdict: reset.Accepted},
	{drop: "NOT_SPECIFIED", state: "LISTEN", verdict: reset.Accepted},
	{drop: "NOT_SPECIFIED", verdict: reset.VerdictNone},
	// Filters.
	{drop: "NETFILTER_DROP", verdict: reset.Dropped},
	{drop: "NETFILTER_INGRESS", verdict: reset.Dropped},
	{drop: "TC_INGRESS", verdict: reset.Dropped},
	{drop: "TC_DROP", verdict: reset.Dropped},
	{drop: "XDP", verdict: reset.Dropped},
	{drop: "SOCKET_FILTER", verdict: reset.Dropped},
	{drop: "XFRM_POLICY", verdict: reset.Dropped},
	{drop: "IP_RPFILTER", verdict: reset.Dropped},
	{drop: "NO_SOCKET", verdict: reset.NoSocket},
	// tcp_validate_incoming (RFC 5961, 3.2): in the window, not exact. Before 6.11
	// the event has no socket, so that the state is not known.
	{drop: "TCP_RESET", state: "LISTEN", verdict: reset.Ignored},
	{drop: "TCP_RESET", state: "SYN_SENT", verdict: reset.Ignored},
	{drop: "TCP_RESET", state: anyState, verdict: reset.Challenged},
	{drop: "TCP_RESET", verdict: reset.Ignored},
	// Everything else: out of the window, a bad checksum, a TTL that is too low.
}

// outcome says what the kernel did with a RST that came in. That one was
// dropped on its way out is known from the joining and stays.
func (c *Case) outcome() {
	k := &c.Reset.Kernel
	if !c.silent.OK {
		c.silent = reset.Some(k.Inferred)
	}
	k.Inferred = false
	if c.Reset.Direction != reset.In {
		return
	}
	switch {
	case c.saw(reset.TCPReceiveReset):
		k.Verdict = reset.Accepted
	case c.saw(reset.KfreeSkb):
		k.Verdict = c.refused()
		k.Inferred = k.Verdict == reset.Accepted
	case c.saw(reset.Wire) && !c.silent.V:
		// No event: a request or TIME_WAIT socket took it, which no tracepoint
		// tells, or it went to a place that none covers.
		k.Verdict, k.Inferred = reset.Accepted, true
	}
}

func (c *Case) refused() reset.Verdict {
	state, drop := c.state(), c.Reset.Kernel.DropReason
	for i := range refusedRules {
		rule := &refusedRules[i]
		if rule.drop == drop && (rule.state == "" || rule.state == state || rule.state == anyState && state != "") {
			return rule.verdict
		}
	}
	if drop == "" {
		return reset.VerdictNone // a kernel before 5.17 does not say why
	}
	return reset.Ignored
}
