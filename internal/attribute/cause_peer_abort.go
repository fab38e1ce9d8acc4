package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// peerAbort: a segment of the connection itself: the other end's socket was
// aborted by its owner, whatever the reason.
var peerAbort = cause{
	word:  reset.PeerAbort,
	there: "the application at the other end ended the connection",
	next:  "see at the other end what its application did at that time: unread data, SO_LINGER, a crash or a kill all look alike from here",
	seen: []row{
		{sender: reset.Peer, cause: reset.PeerAbort, who: likely, why: likely,
			needs: []sign{given(taken), given(not(stageUnknown)), given(not(alone)), both(strong, abortForm)}, adds: asThePeer, doubts: notThePeer},
		{sender: reset.Peer, cause: reset.PeerAbort, who: likely, why: possible,
			needs: []sign{given(taken), given(whenOpen), both(weak, emptyAbort)}, adds: asThePeer, doubts: notThePeer},
		{sender: reset.Peer, cause: reset.PeerAbort, who: likely, why: possible,
			needs: []sign{given(taken), why(weak, beforeAnswer)}, adds: asThePeer, doubts: notThePeer},
	},
	seenLast: []row{
		{sender: reset.Peer, cause: reset.PeerAbort, who: possible, why: possible,
			needs: []sign{given(taken), given(stageUnknown), both(weak, abortForm)}, adds: asThePeer, doubts: notThePeer},
	},
}
