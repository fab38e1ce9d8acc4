package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// closeRace: new data crossed our FIN. The peer wrote before it could know that
// this end had closed: somebody's request died.
var closeRace = cause{
	word:  reset.CloseRace,
	here:  "new data crossed our FIN on the way: the peer had written before it could know of the close",
	there: "data from here crossed the other end's FIN on the way",
	next:  "let the side that sends requests close idle connections first: its time limit must be shorter than the other side's",
	sent: []row{
		{sender: reset.LocalKernel, cause: reset.CloseRace, who: certain, why: certain, harm: reset.LostData,
			needs: []sign{both(decisive, reason("TCP_ABORT_ON_DATA")), given(not(linger2Negative)), why(decisive, finCrossed)},
			adds:  []sign{why(weak, toData), why(strong, finJustSent)}},
		{sender: reset.LocalKernel, cause: reset.CloseRace, who: certain, why: certain, harm: reset.LostData,
			needs: []sign{both(decisive, reason("TCP_TIMEWAIT_SOCKET")), given(not(toAnySyn)), why(strong, toData), why(decisive, finCrossed)},
			adds:  []sign{why(strong, finJustSent)}},
		{sender: reset.LocalKernel, cause: reset.CloseRace, who: certain, why: likely, harm: reset.LostData,
			needs: []sign{who(decisive, reason("TCP_ABORT_ON_DATA")), given(not(finSeen)), why(weak, toData), why(strong, finJustSent)}},
		{sender: reset.LocalKernel, cause: reset.CloseRace, who: certain, why: likely, harm: reset.LostData,
			needs: []sign{who(decisive, reason("TCP_TIMEWAIT_SOCKET")), given(not(toAnySyn)), given(not(finSeen)), why(weak, toData), why(strong, finJustSent)}},
		{sender: reset.LocalKernel, cause: reset.CloseRace, who: certain, why: likely, harm: reset.LostData,
			needs: []sign{who(decisive, reason("NO_SOCKET")), why(weak, toData), why(strong, finCrossed), why(strong, wasClosed)}},
		// Before Linux 6.10.
		{sender: reset.LocalKernel, cause: reset.CloseRace, who: certain, why: likely, harm: reset.LostData,
			needs: []sign{given(noReason), who(decisive, sentByTCP), given(answering), why(weak, inState("CLOSE")), given(not(linger2Negative)), why(strong, finCrossed)},
			adds:  []sign{why(weak, toData), why(strong, finJustSent)}},
	},
	sentLast: []row{
		{sender: reset.LocalKernel, cause: reset.CloseRace, who: certain, why: possible, harm: reset.LostData,
			needs: []sign{given(not(sentByTCP)), who(decisive, ofTCPControl), why(strong, wasClosed), why(strong, finCrossed)}},
	},
}
