package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// scan: the address tries one port after the other.
var scan = cause{
	word:  reset.Scan,
	here:  "it belongs to a scan of many ports",
	there: "it belongs to a scan of many ports",
	next:  "nothing was lost; block the address if it troubles you",
	seen: []row{
		{sender: reset.Peer, cause: reset.Scan, who: possible, why: likely, harm: reset.HarmNone,
			needs: []sign{given(strayHere), why(strong, scanning)}},
		// Half-open scanning: the scanner's kernel resets what our SYN+ACK begins.
		{sender: reset.Peer, cause: reset.Scan, who: likely, why: likely, harm: reset.HarmNone,
			needs: []sign{why(weak, inHandshake), why(strong, scanning)}, adds: asThePeer, doubts: notThePeer},
	},
}
