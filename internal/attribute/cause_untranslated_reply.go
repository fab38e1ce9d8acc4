package attribute

import (
	"slices"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// untranslatedReply: conntrack found the peer's answer INVALID and passed it on
// as it was, so that it reached the socket's host under an address that the
// socket does not know. The connection that it belongs to is beside: of the same
// local address and port, to the address before translation. Who translates sees
// the RST pass, or is itself who knows no such connection.
var untranslatedReply = cause{
	word:  reset.UntranslatedReply,
	here:  "an answer came under an address that the connection does not know: translation (NAT) was left out on the way back",
	there: "an answer reached the other end without being translated back",
	next:  "see conntrack -S for invalid and drop counts, and set nf_conntrack_tcp_be_liberal=1 or drop INVALID packets in FORWARD",
	sent: slices.Concat(
		// Who asked is behind this host, or is this host under another address.
		[]row{{sender: reset.LocalKernel, cause: reset.UntranslatedReply, who: certain, why: likely,
			needs: []sign{who(decisive, reason("NO_SOCKET")), given(not(toSyn)), why(strong, invalid), why(strong, untranslated)},
			adds:  []sign{why(weak, hasBeside), why(strong, fitsBeside)}}},
		notBack(reason("NO_SOCKET"), why(strong, invalid)),
		// A listener of that port takes it in the end (TCP_FLAGS of LISTEN); what
		// conntrack made of it is forgotten by then.
		notBack(reason("TCP_FLAGS")),
	),
	seen: []row{
		{sender: reset.Peer, cause: reset.UntranslatedReply, who: likely, why: likely,
			needs: []sign{given(onItsWay), both(weak, bareRST), why(strong, untranslated)}, adds: asThePeer, doubts: notThePeer},
	},
	sentLast: notBack(ofTCPControl),
}

// notBack are the rows of what TCP said, with what else would tell.
func notBack(said clue, further ...sign) []row {
	needs := []sign{who(decisive, said), given(not(toSyn)), why(weak, hasBeside)}
	rows := []row{{
		sender: reset.LocalKernel, cause: reset.UntranslatedReply, who: certain, why: likely,
		needs: slices.Concat(needs, []sign{why(strong, fitsBeside)}), adds: further,
	}}
	for _, s := range further {
		rows = append(rows, row{
			sender: reset.LocalKernel, cause: reset.UntranslatedReply, who: certain, why: likely,
			needs: slices.Concat(needs, []sign{s}),
		})
	}
	return rows
}

// onItsWay holds where this host passed it on.
var onItsWay = clue{fact: factStage, says: passing.says, holds: func(c *Case) bool { return c.Reset.Direction == reset.Forward }}
