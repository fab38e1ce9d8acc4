package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// afterClose: one end or both had closed before. An abort of a connection that is
// closed on one side only is the application's doing and stands with peerAbort.
var afterClose = cause{
	word:  reset.AfterClose,
	here:  "the connection was already closed",
	there: "the connection was being closed, or closed, when it came",
	next:  "nothing needs doing where no data was lost; else see who writes after the other end has closed",
	seen: []row{
		{sender: reset.Peer, cause: reset.AfterClose, who: likely, why: likely,
			needs: []sign{given(taken), why(strong, afterBothFins)}, adds: asThePeer, doubts: notThePeer},
		{sender: reset.Peer, cause: reset.AfterClose, who: likely, why: likely,
			needs: []sign{given(taken), given(not(abortForm)), why(strong, afterSourceFin)}, adds: asThePeer, doubts: notThePeer},
		{sender: reset.Peer, cause: reset.AfterClose, who: likely, why: likely,
			needs: []sign{given(taken), given(not(abortForm)), why(strong, afterOurFin)}, adds: asThePeer, doubts: notThePeer},
		{sender: reset.Peer, cause: reset.AfterClose, who: likely, why: likely, harm: reset.HarmNone,
			needs: []sign{why(weak, became(reset.NoSocket)), why(strong, isGone)}, adds: append([]sign{why(weak, wasClosed)}, asThePeer...), doubts: notThePeer},
	},
}
