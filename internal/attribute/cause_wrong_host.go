package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// wrongHost: the packet reached another host with the same address, which does
// not know the connection: anycast, ECMP, a duplicate or moved address. The
// answer is that of an ordinary stack, from another distance; from further away than that address no box on the way
// can have read the packet, and one hop off only the middle of a connection
// counts, since a forger that looks for something mostly strikes at its beginning.
var wrongHost = cause{
	word:  reset.WrongHost,
	here:  "the packet was meant for another host with this address",
	there: "a packet reached another host with that address, which does not know the connection",
	next:  "see whether the address is anycast, balanced by ECMP, moved or used twice: arping -D, traceroute with the flow's ports",
	seen: []row{
		{sender: reset.Peer, cause: reset.WrongHost, who: possible, why: likely,
			needs: []sign{given(taken), given(whenOpen), both(weak, bareRST), why(weak, replyForm), why(strong, ttlFarther), given(not(labelZero))}, adds: append([]sign{why(weak, openForLong)}, wrongHostAdds...)},
		{sender: reset.Peer, cause: reset.WrongHost, who: possible, why: likely,
			needs: []sign{given(taken), given(whenOpen), both(weak, bareRST), why(weak, replyForm), why(weak, openForLong), why(strong, ttlShifted), given(not(labelZero))}, adds: wrongHostAdds},
		// On the same link, under another link-layer address: moved, or used twice.
		{sender: reset.Peer, cause: reset.WrongHost, who: possible, why: likely,
			needs: []sign{given(taken), given(whenOpen), both(weak, bareRST), why(weak, replyForm), why(strong, otherNeighbour), given(ttlSame)}, adds: []sign{why(weak, openForLong)}},
	},
}

// movedAddress is the same at the other host: the address is there for less long
// than the connection, whose begin nobody here has seen.
var movedAddress = cause{
	word: reset.WrongHost,
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.WrongHost, who: certain, why: possible,
			needs: []sign{who(decisive, reason("NO_SOCKET")), why(weak, toMidstream), why(weak, unknownHere), why(strong, addressCame)}},
		// With a listener on the port it is the listener that refuses it.
		{sender: reset.LocalKernel, cause: reset.WrongHost, who: certain, why: possible,
			needs: []sign{who(decisive, reason("TCP_FLAGS")), why(weak, toMidstream), given(not(hadIt)), why(strong, addressCame)}},
	},
}

var wrongHostAdds = []sign{why(weak, otherRouter), why(strong, otherNeighbour), why(weak, hopsAway)}
