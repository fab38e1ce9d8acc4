package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// refused: our SYN was answered with a RST: a closed port, or a firewall's
// REJECT, which looks the same from the same distance.
var refused = cause{
	word:  reset.Refused,
	there: "the connection was refused: nobody listens there, or a firewall there rejects it",
	next:  "see at the other end whether the service runs (ss -lntp) and whether a firewall rejects (nft list ruleset)",
	seen: []row{
		{sender: reset.Peer, cause: reset.FirewallReject, who: possible, why: possible, harm: reset.FailedConnect,
			needs: []sign{given(taken), given(whileConnecting), both(weak, refusalForm), why(strong, labelZero)}, adds: asThePeer, doubts: notThePeer},
		{sender: reset.Peer, cause: reset.Refused, who: likely, why: likely, harm: reset.FailedConnect,
			needs: []sign{given(taken), why(strong, whileConnecting), both(weak, refusalForm)}, adds: asThePeer, doubts: notThePeer},
		{sender: reset.Peer, cause: reset.Refused, who: possible, why: likely, harm: reset.FailedConnect,
			needs: []sign{given(taken), given(not(abortForm)), why(strong, whileConnecting)}, adds: asThePeer, doubts: notThePeer},
	},
	seenLast: []row{
		// Passing through, or without a word of the stack: the form alone.
		{sender: reset.Peer, cause: reset.Refused, who: possible, why: possible,
			needs: []sign{given(taken), given(stageUnknown), both(weak, refusalForm)}, adds: asThePeer, doubts: notThePeer},
	},
}

var stageUnknown = staged(atUnknown)
