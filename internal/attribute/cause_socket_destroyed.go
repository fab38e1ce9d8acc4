package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// socketDestroyed: tcp_abort, by tcp_diag_destroy or bpf_sock_destroy. Alone of
// the application's aborts it sends while the socket is still in its old state:
// tcp_disconnect moves it to CLOSE first.
var socketDestroyed = cause{
	word:  reset.SocketDestroyed,
	here:  "it ended the socket from outside, as ss -K does",
	there: "the socket at the other end was destroyed from outside",
	next:  "ask who runs ss -K, a network manager or an agent that kills connections",
	sent: []row{
		{sender: reset.LocalApp, cause: reset.SocketDestroyed, who: certain, why: certain,
			needs: []sign{given(unaskedByTCP), both(decisive, under("tcp_abort", "tcp_diag_destroy", "bpf_sock_destroy"))},
			adds:  []sign{both(strong, byOther)}},
		{sender: reset.LocalApp, cause: reset.SocketDestroyed, who: certain, why: certain,
			needs: []sign{given(unaskedByTCP), both(decisive, byOther), why(strong, alive)}},
		{sender: reset.LocalApp, cause: reset.SocketDestroyed, who: likely, why: likely,
			needs: []sign{both(strong, reason("TCP_STATE")), why(strong, alive), given(not(timerRan))}},
	},
}

// destroyer is who destroyed the socket, where that is known: its owner did nothing.
func destroyer(r *reset.Reset) *reset.Process {
	if r.Cause != reset.SocketDestroyed || r.Process == nil {
		return nil
	}
	return r.Process.By
}
