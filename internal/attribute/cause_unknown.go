package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// undecided are the verdicts that name a sender and no cause, or neither.
var undecided = cause{
	word: reset.CauseUnknown,
	next: "see rstwatch doctor for what this host cannot see",
	sentLast: []row{
		// A reason of a kernel to come, or none: that TCP sent it is sure.
		{sender: reset.LocalKernel, cause: reset.CauseUnknown, who: certain, needs: []sign{who(decisive, sentByTCP), who(strong, answering)}},
		{sender: reset.LocalKernel, cause: reset.CauseUnknown, who: likely, needs: []sign{who(strong, unaskedByTCP), who(strong, timerRan)}},
		// Nearly always a process's doing, but a timer and the kernel's own sockets
		// (NFS, SMC) abort too.
		{sender: reset.LocalApp, cause: reset.CauseUnknown, who: certain, needs: []sign{given(unaskedByTCP), who(decisive, closing), given(ofProcess)}},
		{sender: reset.LocalApp, cause: reset.CauseUnknown, who: likely, needs: []sign{who(strong, unaskedByTCP)}, doubts: []sign{who(strong, alive)}},
		{sender: reset.LocalKernel, cause: reset.CauseUnknown, who: certain, needs: []sign{who(decisive, ofTCPControl)}},
		{sender: reset.LocalApp, cause: reset.CauseUnknown, who: likely, needs: []sign{who(strong, ofTCPSocket)}},
		// The form of the packet alone (any sensor, any kernel).
		{sender: reset.LocalApp, cause: reset.CauseUnknown, who: likely, needs: []sign{given(leftHere), who(strong, abortForm)}},
		{sender: reset.LocalKernel, cause: reset.CauseUnknown, who: possible, needs: []sign{given(leftHere), who(weak, replyForm)}, doubts: []sign{who(weak, orReject)}},
		{sender: reset.SenderUnknown, cause: reset.CauseUnknown},
	},
	seenLast: []row{
		// The connection knows that address: it came from its distance.
		{sender: reset.Peer, cause: reset.CauseUnknown, who: possible, needs: []sign{who(strong, ttlSame), given(not(strayHere))}, doubts: notThePeer},
		{sender: reset.SenderUnknown, cause: reset.CauseUnknown},
	},
}

// undecidedHere is what the loopback device brought.
var undecidedHere = cause{
	word: reset.CauseUnknown,
	seen: []row{
		// What comes by the loopback device was sent here: neither a peer nor a path
		// can have done it, and the record of its sending would say who.
		{sender: reset.SenderUnknown, cause: reset.Refused, why: likely, harm: reset.FailedConnect,
			needs: []sign{who(weak, onLoopback), given(taken), why(strong, whileConnecting), why(weak, refusalForm)}},
		{sender: reset.SenderUnknown, cause: reset.CauseUnknown, needs: []sign{who(weak, onLoopback)}},
	},
}
