package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// listenerClosed: inet_csk_listen_stop: the queue held connections that nobody
// had accepted.
var listenerClosed = cause{
	word:  reset.ListenerClosed,
	here:  "it closed its listening socket while connections waited to be accepted",
	there: "the service at the other end closed its listening socket before it accepted",
	next:  "see what stopped or reloaded the service; with SO_REUSEPORT another listener may still serve the port",
	sent: []row{
		{sender: reset.LocalApp, cause: reset.ListenerClosed, who: certain, why: certain,
			needs: []sign{given(unaskedByTCP), both(decisive, under("inet_csk_listen_stop", "inet_child_forget"))}, adds: []sign{why(strong, orphaned), why(weak, exited)}},
		{sender: reset.LocalApp, cause: reset.ListenerClosed, who: likely, why: likely,
			needs:  []sign{who(strong, reason("TCP_STATE")), given(inState("CLOSE")), why(strong, orphaned)},
			adds:   []sign{why(weak, exited)},
			doubts: []sign{both(strong, timerRan)}},
		{sender: reset.LocalApp, cause: reset.ListenerClosed, who: likely, why: likely,
			needs:  []sign{given(noReason), who(strong, unaskedByTCP), given(inState("CLOSE")), why(strong, orphaned)},
			doubts: []sign{both(strong, timerRan)}},
	},
}
