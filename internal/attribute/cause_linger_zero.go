package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// lingerZero: __tcp_close, SOCK_LINGER without time: tcp_disconnect. A child
// of a listener inherits the option, so the listener's end is asked first.
var lingerZero = cause{
	word:  reset.LingerZero,
	here:  "it closed with SO_LINGER set to zero, which asks for a RST",
	there: "the application at the other end closed with SO_LINGER set to zero",
	next:  "see why the application sets SO_LINGER to zero: health checks and load generators do it on purpose",
	sent: []row{
		{sender: reset.LocalApp, cause: reset.LingerZero, who: certain, why: certain,
			needs: []sign{given(discarded), both(decisive, closing), why(decisive, lingersZero)}},
		{sender: reset.LocalApp, cause: reset.LingerZero, who: likely, why: likely,
			needs:  []sign{given(discarded), who(strong, unaskedByTCP), given(inState("CLOSE")), given(not(orphaned)), why(strong, lingersZero)},
			adds:   []sign{why(weak, held)},
			doubts: []sign{why(strong, byConnect)}},
	},
}

// discarded holds for what tcp_disconnect says, and where the kernel gives no reason.
var discarded = clue{fact: factReason, says: "TCP_STATE, or none", reasons: []string{"TCP_STATE", "TCP_DISCONNECT_WITH_DATA", noWord, notSpecified}, holds: func(c *Case) bool {
	switch c.Reset.Kernel.Reason {
	case "TCP_STATE", "TCP_DISCONNECT_WITH_DATA":
		return c.Reset.Trigger == nil
	case noWord, notSpecified:
		return unasked.holds(c)
	}
	return false
}}

// byConnect holds where connect(AF_UNSPEC) dissolved the connection.
var byConnect = under("__inet_stream_connect", "inet_stream_connect", "__sys_connect")
