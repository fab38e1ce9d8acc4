package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// peerNoConnection: the other end answered a packet of ours as one that belongs
// to no connection.
var peerNoConnection = cause{
	word:  reset.PeerNoConnection,
	there: "the other end does not know this connection (any more)",
	next:  "see at the other end whether it restarted or ended the connection before, and between whether something forgot it",
	seen: []row{
		{sender: reset.Peer, cause: reset.PeerNoConnection, who: likely, why: likely, harm: reset.FailedConnect,
			needs: []sign{given(taken), why(weak, inHandshake), both(strong, bareRST)}, adds: asThePeer, doubts: notThePeer},
		{sender: reset.Peer, cause: reset.PeerNoConnection, who: likely, why: likely,
			needs: []sign{given(taken), why(weak, whenOpen), both(strong, bareRST)}, adds: asThePeer, doubts: notThePeer},
	},
	seenLast: []row{
		{sender: reset.Peer, cause: reset.PeerNoConnection, who: possible, why: possible,
			needs: []sign{given(taken), given(stageUnknown), both(weak, bareRST)}, adds: asThePeer, doubts: notThePeer},
	},
}
