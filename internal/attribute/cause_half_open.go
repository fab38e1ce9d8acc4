package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// halfOpen: this end had the connection and has it no more, without a FIN that
// told the other end; RFC 9293, 3.5.1. Only memory of it proves that.
var halfOpen = cause{
	word:  reset.HalfOpen,
	here:  "a packet came for a connection that this end once had and lost without telling the other end",
	there: "the other end had lost the connection without telling this one",
	next:  "see what ended it here: the earlier record of the same connection, a time-out, a restart",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.HalfOpen, who: certain, why: certain,
			needs: lost(reason("NO_SOCKET"), why(decisive, goesOn)), adds: howItEnded},
		{sender: reset.LocalKernel, cause: reset.HalfOpen, who: certain, why: likely,
			needs: lost(reason("NO_SOCKET")), adds: howItEnded},
		// With a listener on the port it is the listener that refuses it.
		{sender: reset.LocalKernel, cause: reset.HalfOpen, who: certain, why: likely,
			needs: lost(reason("TCP_FLAGS")), adds: howItEnded},
		// It was still being opened when it ended; the answer to its SYN came later.
		{sender: reset.LocalKernel, cause: reset.HalfOpen, who: certain, why: likely,
			needs: []sign{who(decisive, reason("NO_SOCKET")), why(weak, toSynAck), why(strong, isGone), why(strong, answersOurs)}, adds: howItEnded},
	},
	sentLast: []row{
		{sender: reset.LocalKernel, cause: reset.HalfOpen, who: certain, why: likely,
			needs: lost(ofTCPControl), adds: howItEnded},
	},
}

func lost(said clue, further ...sign) []sign {
	return append([]sign{
		who(decisive, said), why(weak, toMidstream), why(strong, hadIt), why(strong, isGone), given(not(wasClosed)),
	}, further...)
}

var howItEnded = []sign{why(strong, tookReset), why(weak, errorAtClose)}
