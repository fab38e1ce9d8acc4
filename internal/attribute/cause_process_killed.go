package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// processKilled: do_exit closes what the process held, whatever that means for
// each socket.
var processKilled = cause{
	word:  reset.ProcessKilled,
	here:  "it was killed, and the kernel ended its connections",
	there: "the process at the other end was killed",
	next:  "ask who killed it: journalctl -k for the OOM killer, the service manager and its time limits for the rest",
	sent: []row{
		{sender: reset.LocalApp, cause: reset.ProcessKilled, who: certain, why: certain,
			needs: []sign{who(decisive, unaskedByTCP), both(decisive, killed)},
			adds:  []sign{why(weak, exits), why(weak, unread), why(weak, manyDied)}},
	},
}
