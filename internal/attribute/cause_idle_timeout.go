package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// idleTimeout: something that keeps state forgot a silent connection and
// answered the next packet with a RST.
var idleTimeout = cause{
	word:  reset.IdleTimeout,
	there: "something that keeps state had forgotten the connection after a long silence",
	next:  "find the idle time limit of the load balancer, firewall or NAT between, and send keepalives well below it",
	seen:  append(idle(reset.Path, likely, ttlNearer), append(idle(reset.Path, likely, ttlFarther), append(idle(reset.Peer, likely, ttlSame), idleUnplaced...)...)...),
}

func idle(sender reset.Sender, sure reset.Level, place clue) []row {
	rows := []row{
		{sender: sender, cause: reset.IdleTimeout, who: sure, why: likely,
			needs: []sign{given(taken), given(whenOpen), why(strong, quiet), why(weak, roundQuiet), who(strong, place)}, adds: []sign{why(strong, clusteredQuiet)}},
		{sender: sender, cause: reset.IdleTimeout, who: sure, why: likely,
			needs: []sign{given(taken), given(whenOpen), why(strong, quiet), why(strong, clusteredQuiet), who(strong, place)}},
		{sender: sender, cause: reset.IdleTimeout, who: sure, why: possible,
			needs: []sign{given(taken), given(whenOpen), given(not(abortForm)), why(strong, quiet), who(strong, place)}},
	}
	for i := range rows {
		rows[i].adds = append(rows[i].adds, why(weak, bareRST), who(weak, hopsAway), who(weak, neighbour))
		rows[i].doubts = []sign{why(strong, abortForm)}
	}
	return rows
}

// idleUnplaced: nothing tells how far away the sender was.
var idleUnplaced = []row{
	{sender: reset.Path, cause: reset.IdleTimeout, who: possible, why: likely,
		needs: []sign{given(taken), given(whenOpen), why(strong, quiet), why(weak, roundQuiet)}, adds: []sign{why(strong, clusteredQuiet), why(weak, bareRST)}, doubts: []sign{both(strong, abortForm)}},
	{sender: reset.Path, cause: reset.IdleTimeout, who: possible, why: possible,
		needs: []sign{given(taken), given(whenOpen), given(not(abortForm)), why(strong, quiet)}, adds: []sign{why(strong, clusteredQuiet), why(weak, bareRST)}},
}
