package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// option is the value of the RST's first TCP option of a kind; nil without one.
func (c *Case) option(kind byte) []byte {
	options := c.packet().TCPOptions
	for len(options) > 0 {
		switch {
		case options[0] == 0: // end of the list
			return nil
		case options[0] == 1: // no operation
			options = options[1:]
			continue
		case len(options) < 2 || options[1] < 2 || int(options[1]) > len(options):
			return nil
		case options[0] == kind:
			return options[2:options[1]]
		}
		options = options[options[1]:]
	}
	return nil
}

// bare is the length of a RST without options and payload.
func (c *Case) bare() uint32 {
	if c.packet().Family == reset.IPv6 {
		return 60
	}
	return 40
}

// form is a test of the RST's own headers.
func form(says string, test func(*Case, *reset.Packet) bool) clue {
	return clue{fact: factForm, says: says, holds: func(c *Case) bool { return test(c, c.packet()) }}
}

const resetFlags = reset.RST | reset.ACK

// The forms of a RST, as the wire shows them (any kernel, any sensor).
var (
	// refusalForm: the answer to a packet without ACK, a SYN nearly always
	// (RFC 9293, 3.5.2): SEQ 0 and an ACK.
	refusalForm = form("RST,ACK with SEQ 0 and window 0: as a closed port answers a SYN", func(_ *Case, p *reset.Packet) bool {
		return p.Flags&resetFlags == resetFlags && p.Seq == reset.Some[uint32](0) && (!p.Window.OK || p.Window.V == 0)
	})
	// replyForm: tcp_v4_send_reset and nf_send_reset: a header of their own with
	// nothing in it.
	replyForm = form("window 0, no options, no IP ID: as Linux answers a packet", isReply)
	// bareRST: the answer to a packet that had an ACK.
	bareRST = form("RST without ACK, window 0: as TCP answers a packet of no connection", func(_ *Case, p *reset.Packet) bool {
		return p.Flags&resetFlags == reset.RST && p.Window == reset.Some[uint16](0)
	})
	// abortForm: tcp_send_active_reset: a segment of the connection, with its
	// window and options.
	abortForm = form("RST,ACK with a window or timestamps: as a socket aborts", func(c *Case, p *reset.Packet) bool {
		return p.Flags&resetFlags == resetFlags && !isZero(p.Seq) &&
			(p.Window.OK && p.Window.V > 0 || c.option(8) != nil)
	})
	// emptyAbort: as other systems abort, and many middleboxes.
	emptyAbort = form("RST,ACK with a SEQ of its own, window 0", func(c *Case, p *reset.Packet) bool {
		return p.Flags&resetFlags == resetFlags && p.Seq.OK && p.Seq.V != 0 && p.Window == reset.Some[uint16](0) && c.option(8) == nil
	})
	// oddForm: no common stack writes it.
	oddForm = form("a form that no common stack writes", func(_ *Case, p *reset.Packet) bool {
		return p.Flags&resetFlags == reset.RST && p.Window.OK && p.Window.V > 0 ||
			p.Flags&(reset.SYN|reset.FIN|reset.URG) != 0
	})
	// orReject always holds: the doubt that the form alone leaves.
	orReject = form("the RST of a REJECT rule looks the same", func(*Case, *reset.Packet) bool { return true })
	// emptyPacket: a RST of which the sensor knows no header.
	emptyPacket = form("no header of the RST is known", func(_ *Case, p *reset.Packet) bool { return p.Flags == 0 })
)

func isZero(v reset.Opt[uint32]) bool { return v.OK && v.V == 0 }

func isReply(c *Case, p *reset.Packet) bool {
	if p.Flags&^resetFlags != 0 || p.Flags&reset.RST == 0 || p.Window != reset.Some[uint16](0) {
		return false
	}
	if p.Length.OK && p.Length.V != c.bare() || len(p.TCPOptions) > 0 {
		return false
	}
	if p.Family == reset.IPv6 {
		return true
	}
	return p.IPID == reset.Some[uint16](0) && (!p.DF.OK || p.DF.V)
}

// labelZero: netfilter leaves IPv6's flow label empty; TCP fills it in.
var labelZero = clue{fact: factFlowLabel, says: "0: as netfilter's REJECT leaves it", holds: func(c *Case) bool {
	return c.packet().Family == reset.IPv6 && isZero(c.packet().FlowLabel)
}}

// labelled: TCP itself answered, not netfilter.
var labelled = clue{fact: factFlowLabel, says: "set", holds: func(c *Case) bool {
	return c.packet().Family == reset.IPv6 && c.packet().FlowLabel.OK && c.packet().FlowLabel.V != 0
}}

// leftHere holds where the RST left this host and no word of the kernel says how.
var leftHere = clue{fact: factOwner, says: "not told", holds: func(c *Case) bool {
	return c.Reset.Direction == reset.Out && c.Origin == reset.OriginUnknown && !c.saw(reset.TCPSendReset)
}}

// claims holds where the RST says itself why it was sent.
var claimed = clue{
	fact: factClaim, says: "what the RST says of itself",
	value: func(c *Case) string { return printable(c.Reset.Claim) },
	holds: func(c *Case) bool { return c.Reset.Claim != "" },
}
