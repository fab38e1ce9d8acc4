package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// disconnected: tcp_disconnect, connect(AF_UNSPEC).
var disconnected = cause{
	word:  reset.Disconnect,
	here:  "it dissolved the connection with connect(AF_UNSPEC)",
	there: "the application at the other end dissolved the connection with connect(AF_UNSPEC)",
	next:  "see where the application reuses a socket with connect(AF_UNSPEC)",
	sent: []row{
		{sender: reset.LocalApp, cause: reset.Disconnect, who: certain, why: certain,
			needs: []sign{given(discarded), both(decisive, byConnect)}},
		{sender: reset.LocalApp, cause: reset.Disconnect, who: likely, why: likely,
			needs: []sign{who(strong, reason("TCP_STATE")), given(inState("CLOSE")), why(strong, held), why(strong, lingersNot)}},
		{sender: reset.LocalApp, cause: reset.Disconnect, who: certain, why: likely,
			needs: []sign{both(decisive, reason("TCP_DISCONNECT_WITH_DATA"))}},
	},
}
