package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// backscatter: somebody sends packets elsewhere with this host's address as
// their source, and the answers come here.
var backscatter = cause{
	word:  reset.Backscatter,
	there: "it answers a packet that somebody else sent in this host's name; nothing here ever had to do with it",
	next:  "nothing was lost here; many of them mean that an attack elsewhere borrows this address",
	seen: []row{
		{sender: reset.Peer, cause: reset.Backscatter, who: possible, why: likely, harm: reset.HarmNone,
			needs: []sign{given(strayHere), why(strong, unknownHere), both(weak, refusalForm)}, doubts: notThePeer},
		{sender: reset.Peer, cause: reset.Backscatter, who: possible, why: possible, harm: reset.HarmNone,
			needs: []sign{given(strayHere), why(strong, unknownHere), both(weak, bareRST)}, doubts: notThePeer},
	},
}
