package attribute

import (
	"slices"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// reason is TCP's own word for why it sent: enum sk_rst_reason.
func reason(name string) clue {
	return clue{fact: factReason, says: name, reasons: []string{name}, holds: func(c *Case) bool { return c.Reset.Kernel.Reason == name }}
}

const (
	noWord       = ""              // before Linux 6.10, and where TCP did not send it
	notSpecified = "NOT_SPECIFIED" // of an abort before Linux 6.12
)

// noReason holds where the kernel gives none.
var noReason = clue{fact: factReason, says: "none", reasons: []string{noWord, notSpecified}, holds: func(c *Case) bool {
	return c.Reset.Kernel.Reason == noWord || c.Reset.Kernel.Reason == notSpecified
}}

// sentByTCP holds where TCP told that it sent.
var sentByTCP = clue{fact: factSent, says: "TCP of this host sent it", holds: func(c *Case) bool {
	return c.saw(reset.TCPSendReset)
}}

// unasked holds for an abort: the RST answers no packet.
var unasked = clue{fact: factTrigger, says: "none: it answers no packet", holds: func(c *Case) bool {
	return c.saw(reset.TCPSendReset) && c.Reset.Trigger == nil
}}

// answering holds for a reply of the kernel's own accord.
var answering = clue{fact: factTrigger, says: "it answers a packet", holds: func(c *Case) bool {
	return c.Reset.Trigger != nil
}}

// under holds where the RST was sent under one of the kernel's functions.
func under(functions ...string) clue {
	return clue{
		fact: factStack, says: strings.Join(functions, " or "),
		value: func(c *Case) string { return caller(c, functions) },
		holds: func(c *Case) bool { return caller(c, functions) != "" },
	}
}

func caller(c *Case, functions []string) string {
	for _, function := range c.context().Stack {
		if slices.Contains(functions, function) {
			return function
		}
	}
	return ""
}

// drop is why the kernel dropped the packet that the RST answers.
func drop(name string) clue {
	return clue{fact: factDrop, says: name, holds: func(c *Case) bool {
		return c.Reset.Trigger != nil && c.Reset.Kernel.DropReason == name
	}}
}

// owned is what owned the packet when it reached a device.
func owned(origin reset.Origination, says string) clue {
	return clue{fact: factOwner, says: says, holds: func(c *Case) bool { return c.Origin == origin }}
}

var (
	ofRawSocket    = owned(reset.OriginRawSocket, "raw socket")
	ofPacketSocket = owned(reset.OriginPacketSocket, "packet socket")
	ofNoSocket     = owned(reset.OriginNoSocket, "no socket, and TCP did not send it")
	ofTCPControl   = owned(reset.OriginTCPControl, "TCP's own socket for replies")
	ofTCPSocket    = owned(reset.OriginTCPSocket, "a TCP socket, which aborted")
)

// became is what the stack did with a RST that arrived.
func became(verdict reset.Verdict) clue {
	return clue{fact: factOutcome, says: verdict.String(), holds: func(c *Case) bool {
		return c.Reset.Direction == reset.In && c.Reset.Kernel.Verdict == verdict
	}}
}

// keptAlive holds where the stack did not let the RST end anything.
var keptAlive = clue{fact: factOutcome, says: "it ended nothing", holds: func(c *Case) bool {
	switch c.Reset.Kernel.Verdict {
	case reset.Challenged, reset.Ignored, reset.NoSocket, reset.Dropped:
		return c.Reset.Direction == reset.In
	}
	return false
}}
