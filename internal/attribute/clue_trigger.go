package attribute

import (
	"github.com/rstwatch/rstwatch/internal/reset"
)

// trig is a test of the packet that the RST answers; it fails where none is known.
func trig(fact, says string, test func(*Case, *reset.Trigger) bool) clue {
	return clue{fact: fact, says: says, holds: func(c *Case) bool { return c.answers() && test(c, c.trigger()) }}
}

func flagged(says string, with, without reset.Flags) clue {
	return trig(factTrigger, says, func(_ *Case, t *reset.Trigger) bool {
		return t.Flags&with == with && t.Flags&without == 0
	})
}

// What the trigger was.
var (
	toSyn       = flagged("a SYN", reset.SYN, reset.ACK)
	toSynAck    = flagged("a SYN with ACK", reset.SYN|reset.ACK, 0)
	toAnySyn    = flagged("a SYN", reset.SYN, 0)
	toMidstream = flagged("no SYN: a packet of a connection under way", 0, reset.SYN)
	toAckOnly   = flagged("an ACK without SYN", reset.ACK, reset.SYN)
)

// toData holds where the trigger carries data: PSH says so, or more bytes than
// headers can have. A small segment without PSH is not told from a bare ACK.
var toData = trig(factBytes, "the packet carries data", func(c *Case, t *reset.Trigger) bool {
	return carriesData(c.packet().Family, t)
})

func carriesData(family reset.Family, t *reset.Trigger) bool {
	if t.Flags&reset.PSH != 0 {
		return true
	}
	head := uint32(20)
	if family == reset.IPv6 {
		head = 40
	}
	return t.Length.OK && t.Length.V > head+60 // TCP's longest header
}

// before compares sequence numbers modulo 2^32 (RFC 9293, 3.4).
func before(a, b uint32) bool { return int32(a-b) < 0 }

// near holds where two numbers are at most reach apart.
func near(a, b, reach uint32) bool { return a-b <= reach || b-a <= reach }

// reach is how far numbers of one connection lie apart within what is in flight.
const reach = 1 << 22

// sndNxt is what this end had sent up to: of its socket, or at its close.
func (c *Case) sndNxt() reset.Opt[uint32] {
	if c.socket().SndNxt.OK {
		return c.socket().SndNxt
	}
	return c.past().SndNxt
}

// The trigger's ACK against what this end sent.
var (
	// finCrossed: the sender of the trigger had not yet seen our FIN.
	finCrossed = trig(factAck, "it does not acknowledge our FIN: the two crossed", func(c *Case, t *reset.Trigger) bool {
		sent := c.sndNxt()
		return sent.OK && t.Ack.OK && t.Flags&reset.ACK != 0 && before(t.Ack.V, sent.V) && near(t.Ack.V, sent.V, reach)
	})
	finSeen = trig(factAck, "it acknowledges our FIN", func(c *Case, t *reset.Trigger) bool {
		sent := c.sndNxt()
		return sent.OK && t.Ack.OK && t.Flags&reset.ACK != 0 && t.Ack.V == sent.V
	})
)

// What conntrack made of the trigger.
var invalid = trig(factConntrack, "INVALID", func(_ *Case, t *reset.Trigger) bool { return t.Conntrack == "INVALID" })

// untranslated holds where this host translates the connection to which the
// answered packet belongs, and the RST bears the addresses of that packet as it
// came: of all others the RST would bear those of before the translation.
var untranslated = clue{
	fact: factTracked, says: "this host translates that connection, and the packet that it answers came by untranslated",
	value: func(c *Case) string {
		o := c.After.Tracked.Original
		return "this host translates that connection, from " + o.Src.String() + " to " + o.Dst.String() +
			", and the packet that it answers came by untranslated"
	},
	holds: func(c *Case) bool { return c.After.Tracked != nil },
}

// The connection beside: of the same local address and port, to another remote.
var (
	hasBeside = clue{
		fact: factBeside, says: "the same local port has a connection to another remote",
		value: func(c *Case) string {
			b := &c.context().Beside
			text := "the same local port has a connection to " + b.Remote.String()
			if b.State != "" {
				text += " (" + b.State + ")"
			}
			return text
		},
		holds: func(c *Case) bool { return c.context().Beside.Known },
	}
	fitsBeside = trig(factNumbers, "the packet acknowledges what that other connection sent", func(c *Case, t *reset.Trigger) bool {
		b := &c.context().Beside
		sent := b.SndNxt.V
		if b.State == "SYN_SENT" { // tcp_connect counts the SYN only after it has sent it
			sent++
		}
		return b.Known && b.SndNxt.OK && t.Ack.OK && t.Flags&reset.ACK != 0 &&
			!before(sent, t.Ack.V) && near(sent, t.Ack.V, 1<<16)
	})
)
