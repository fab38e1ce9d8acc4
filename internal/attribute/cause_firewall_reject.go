package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// firewallReject: nf_send_reset, nf_send_reset6, nf_reject_skb_v4_tcp_reset.
// The packet has no socket, and the rule then drops the packet that it answered.
var firewallReject = cause{
	word:  reset.FirewallReject,
	here:  "a REJECT rule refused the packet that it answers",
	there: "a firewall, there or on the way, refused the packet that it answers",
	next:  "find the REJECT rule for this port, here or on that router: nft list ruleset, iptables-save",
	sent: []row{
		{sender: reset.LocalFirewall, cause: reset.FirewallReject, who: certain, why: certain,
			needs: []sign{both(strong, ofNoSocket), both(decisive, drop("NETFILTER_DROP"))}},
		// A BPF program's packet has no socket either.
		{sender: reset.LocalFirewall, cause: reset.FirewallReject, who: likely, why: likely,
			needs:  []sign{both(strong, ofNoSocket)},
			adds:   []sign{both(weak, replyForm), both(weak, labelZero)},
			doubts: []sign{both(strong, abortForm), both(strong, oddForm)}},
	},
	seen: []row{
		// REJECT in FORWARD answers with the TTL of the box that rejects.
		{sender: reset.Path, cause: reset.FirewallReject, who: likely, why: likely, harm: reset.FailedConnect,
			needs:  []sign{given(taken), given(whileConnecting), both(weak, refusalForm), both(strong, ttlNearer), given(not(labelled))},
			adds:   []sign{both(weak, labelZero), who(weak, hopsAway), who(weak, neighbour)},
			doubts: []sign{why(weak, resetsDiffer)}},
		// In the middle of a connection it answers as Linux does, from nearer.
		{sender: reset.Path, cause: reset.FirewallReject, who: possible, why: possible,
			needs: []sign{given(taken), given(underWay), both(weak, replyForm), both(strong, ttlNearer), given(not(labelled)), given(not(quiet))},
			adds:  []sign{both(weak, labelZero), who(weak, hopsAway), who(weak, neighbour)}},
	},
	sentLast: []row{
		// Netfilter leaves IPv6's flow label zero, TCP does not.
		{sender: reset.LocalFirewall, cause: reset.FirewallReject, who: possible, why: possible,
			needs: []sign{given(leftHere), both(weak, replyForm), both(weak, labelZero)}},
	},
}
