package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// multipath: enum sk_rst_reason has a block of RFC 8684, 3.6; and a RST may
// carry MP_TCPRST. A subflow that is ended with its connection is sent as if by
// close, while it is still established (mptcp_do_fastclose).
var multipath = cause{
	word:  reset.MPTCP,
	here:  "Multipath TCP refused or ended the subflow",
	there: "Multipath TCP at the other end refused or ended the subflow",
	next:  "see nstat -az 'MPTcp*' and ip mptcp limits; a subflow that ends need not end the connection",
	sent: append(multipathReasons(
		"MPTCP_RST_EUNSPEC", "MPTCP_RST_EMPTCP", "MPTCP_RST_ERESOURCE", "MPTCP_RST_EPROHIBIT",
		"MPTCP_RST_EWQ2BIG", "MPTCP_RST_EBADPERF", "MPTCP_RST_EMIDDLEBOX"),
		row{sender: reset.LocalApp, cause: reset.MPTCP, who: likely, why: certain,
			needs: []sign{who(strong, unaskedByTCP), why(decisive, under("mptcp_do_fastclose", "mptcp_subflow_reset"))}},
		row{sender: reset.LocalApp, cause: reset.MPTCP, who: likely, why: likely,
			needs: []sign{who(strong, reason("TCP_ABORT_ON_CLOSE")), why(strong, alive), given(not(unread))},
			adds:  []sign{why(strong, subflow)}},
		row{sender: reset.LocalApp, cause: reset.MPTCP, who: likely, why: likely,
			needs: []sign{who(strong, unaskedByTCP), why(strong, subflow), why(weak, alive)}},
	),
	seen: []row{
		{sender: reset.Peer, cause: reset.MPTCP, who: likely, why: likely,
			needs: []sign{given(taken), given(not(stageUnknown)), both(strong, multipathOption)}, adds: asThePeer, doubts: notThePeer},
	},
	sentLast: []row{
		{sender: reset.LocalKernel, cause: reset.MPTCP, who: likely, why: likely,
			needs: []sign{given(leftHere), both(strong, multipathOption)}},
	},
}

func multipathReasons(names ...string) []row {
	var rows []row
	for _, name := range names {
		rows = append(rows, row{sender: reset.LocalKernel, cause: reset.MPTCP, who: certain, why: certain,
			needs: []sign{both(decisive, reason(name))}})
	}
	return rows
}

// multipathOption: MP_TCPRST, kind 30 with subtype 8 (RFC 8684, 3.6).
var multipathOption = clue{fact: factForm, says: "it bears Multipath TCP's reset option", holds: func(c *Case) bool {
	value := c.option(30)
	return len(value) > 0 && value[0]>>4 == 8
}}
