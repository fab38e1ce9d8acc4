package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// untranslatedReply: conntrack found the peer's answer INVALID and passed it on
// as it was, so that it reached the socket's host under an address that the
// socket does not know. The connection that it belongs to is beside: of the same
// local address and port, to the address before translation.
var untranslatedReply = cause{
	word:  reset.UntranslatedReply,
	here:  "an answer came under an address that the connection does not know: translation (NAT) was left out on the way back",
	there: "an answer reached the other end without being translated back",
	next:  "see conntrack -S for invalid and drop counts, and set nf_conntrack_tcp_be_liberal=1 or drop INVALID packets in FORWARD",
	sent: append(
		untranslated(reason("NO_SOCKET")),
		// A listener of that port takes it in the end (TCP_FLAGS of LISTEN).
		untranslated(reason("TCP_FLAGS"))...,
	),
	sentLast: untranslated(ofTCPControl),
}

func untranslated(said clue) []row {
	return []row{
		{sender: reset.LocalKernel, cause: reset.UntranslatedReply, who: certain, why: likely,
			needs: []sign{who(decisive, said), given(not(toSyn)), why(weak, hasBeside), why(strong, fitsBeside)},
			adds:  []sign{why(strong, invalid)}},
		{sender: reset.LocalKernel, cause: reset.UntranslatedReply, who: certain, why: likely,
			needs: []sign{who(decisive, said), given(not(toSyn)), why(weak, hasBeside), why(strong, invalid)}},
	}
}
