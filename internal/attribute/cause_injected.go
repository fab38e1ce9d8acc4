package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// injected: raw_sendmsg, packet_sendmsg: a process wrote the packet itself.
var injected = cause{
	word:  reset.Injected,
	here:  "it wrote the packet itself, past TCP",
	there: "a process at the other end wrote the packet itself, past TCP",
	next:  "see what that process is for: scanners, test tools and blockers write RSTs of their own",
	sent: []row{
		{sender: reset.LocalInject, cause: reset.Injected, who: certain, why: certain,
			needs: []sign{both(decisive, ofRawSocket)}},
		{sender: reset.LocalInject, cause: reset.Injected, who: certain, why: certain,
			needs: []sign{both(decisive, ofPacketSocket)}},
	},
}
