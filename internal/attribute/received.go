package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// refusedRule is one row of the table of received RSTs that the stack threw
// away: enum skb_drop_reason to the contract's word.
type refusedRule struct {
	drop    string
	state   string // of the socket; empty: any
	verdict reset.Verdict
}

var refusedRules = []refusedRule{
	// tcp_validate_incoming (RFC 5961, 3.2): in the window, not exact.
	{drop: "TCP_RESET", state: "LISTEN", verdict: reset.Ignored},
	{drop: "TCP_RESET", state: "SYN_SENT", verdict: reset.Ignored},
	{drop: "TCP_RESET", verdict: reset.Challenged},
	{drop: "TCP_OLD_SEQUENCE", verdict: reset.Ignored},
	{drop: "TCP_INVALID_SEQUENCE", verdict: reset.Ignored},
	{drop: "TCP_OVERWINDOW", verdict: reset.Ignored},
	{drop: "TCP_INVALID_ACK_SEQUENCE", verdict: reset.Ignored},
	{drop: "TCP_INVALID_END_SEQUENCE", verdict: reset.Ignored},
	{drop: "TCP_RFC7323_PAWS", verdict: reset.Ignored},
	{drop: "TCP_FLAGS", verdict: reset.Ignored},
	{drop: "NO_SOCKET", verdict: reset.NoSocket},
}

// received says what the kernel did with a RST that came in.
func received(r *reset.Reset) {
	k := &r.Kernel
	switch {
	case r.Sources.Has(reset.TCPReceiveReset):
		k.Verdict = reset.Accepted
	case r.Sources.Has(reset.KfreeSkb):
		k.Verdict = refused(r)
	case r.Sources.Has(reset.Wire):
		// No event: a request or TIME_WAIT socket took it, which no tracepoint
		// tells, or it went to a place that none covers.
		k.Verdict, k.Inferred = reset.Accepted, true
	}
}

func refused(r *reset.Reset) reset.Verdict {
	state := ""
	if r.Connection != nil {
		state = r.Connection.State
	}
	for i := range refusedRules {
		rule := &refusedRules[i]
		if rule.drop == r.Kernel.DropReason && (rule.state == "" || rule.state == state) {
			return rule.verdict
		}
	}
	return reset.Dropped
}
