package attribute

import (
	"strconv"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// What tells a RST in somebody else's name. Base rates: forged-resets in the
// literature, and 633 RSTs of public captures, of which 4 had a TTL that differed
// by more than one and 2 a SEQ that fitted nothing.
var (
	otherNeighbour = clue{
		fact: factNeighbour, says: "delivered by another neighbour than other packets of that address, which is on this link",
		value: func(c *Case) string {
			return "delivered by " + c.packet().MACSrc.String() + ", other packets by " + c.usualMAC().String()
		},
		holds: func(c *Case) bool { return macDiffers(c) && isNeighbour(c) },
	}
	otherRouter = clue{
		fact: factNeighbour, says: "delivered by another router than other packets of that address",
		value: otherNeighbour.value,
		holds: func(c *Case) bool { return macDiffers(c) && !isNeighbour(c) },
	}
	sharedIPID = clue{fact: factIPID, says: "RSTs of other sources bore it too", holds: func(c *Case) bool {
		return c.After.SharedIPID && c.packet().IPID.V != 0
	}}
	copied = clue{fact: factCopied, says: "IP ID, TTL and window are those of the receiver's own packet", holds: func(c *Case) bool {
		return c.flow().Known && c.flow().Copied
	}}
	// neverSent: what goes past the device (PACKET_QDISC_BYPASS, AF_XDP) is not seen
	// to leave, so this alone is no proof.
	neverSent = clue{
		fact: factNotSent, says: "its source is watched, on this host or by a capture there, and sent no such RST",
		value: func(c *Case) string {
			if c.After.NeverSent == nil {
				return c.After.Ends.Text
			}
			return "its source is network namespace " + namespaceText(c.After.NeverSent) + " of this host, which is watched and sent no such RST"
		},
		holds: func(c *Case) bool {
			return c.After.NeverSent != nil || c.After.Ends != nil && c.After.Ends.NeverSent
		},
	}
	seenSent = clue{fact: factOtherEnd, says: "it was seen to leave its source", holds: func(c *Case) bool {
		return c.After.Ends != nil && c.After.Ends.SeenSent
	}}
	resetsDiffer = clue{
		fact: factDiffer, says: "more RSTs of these addresses, with other numbers",
		value: func(c *Case) string {
			return count(uint64(c.After.Others), "more RST", "more RSTs") + " of these addresses, with other numbers"
		},
		holds: func(c *Case) bool { return c.After.Others > 0 && c.After.OthersDiffer },
	}
	// numbersChange: RST_SEQ_CHANGE and RST_ACK_CHANGE of Weaver, Sommer and Paxson
	// (NDSS 2009): no stack sends either.
	numbersChange = clue{fact: factDiffer, says: "one of them lies beyond the first and beyond all that was sent", holds: func(c *Case) bool {
		return c.After.SeqChange || c.After.AckChange
	}}
	reservedBits = clue{fact: factReserved, says: "set", holds: func(c *Case) bool {
		return c.packet().Reserved.OK && c.packet().Reserved.V != 0
	}}
	seqNowhere = clue{fact: factSeq, says: "neither the next in sequence nor anything that was ever acknowledged", holds: func(c *Case) bool {
		if f := c.flow(); f.Known {
			return f.Seq == reset.SeqNowhere
		}
		return c.Reset.Direction == reset.In && c.Reset.Kernel.DropReason == "TCP_INVALID_SEQUENCE"
	}}
	ackNever = clue{fact: factAckFit, says: "it acknowledges what was never sent", holds: ackOfNothing}
	zeroSeq  = clue{fact: factSeq, says: "0 in an open connection", holds: func(c *Case) bool {
		return c.stage() == atOpen && c.packet().Flags&resetFlags == resetFlags && isZero(c.packet().Seq) && c.flow().Answers == nil &&
			!(c.socket().RcvNxt.OK && c.socket().RcvNxt.V == 0)
	}}
	tooSoon = clue{
		fact: factSooner, says: tooSoonSays, value: tooSoonText,
		holds: func(c *Case) bool {
			after, rtt, ok := c.answerNS()
			return ok && 2*after < rtt && c.flow().Known
		},
	}
	// soonLive rests on the one round trip that the handshake showed, which may
	// have been a slow one.
	soonLive = clue{fact: factSooner, says: tooSoonSays, value: tooSoonText, holds: func(c *Case) bool {
		after, rtt, ok := c.answerNS()
		return ok && 2*after < rtt && !c.flow().Known
	}}
	ipidOdd = clue{fact: factIPID, says: "not 0, though that address's handshake and Linux's answers have 0", holds: func(c *Case) bool {
		p := c.packet()
		return p.Family == reset.IPv4 && bareRST.holds(c) && c.handshakeIPID() == reset.Some[uint16](0) && p.IPID.OK && p.IPID.V != 0
	}}
	ipidJump = clue{fact: factIPID, says: "it breaks the count of that address", holds: func(c *Case) bool {
		f := c.flow()
		return f.Known && f.IPIDCounts && f.IPID.OK && c.packet().IPID.OK && c.packet().IPID.V != 0 && c.packet().IPID.V-f.IPID.V > 1000
	}}
	noDF = clue{fact: factDF, says: "not set, as it is in other packets of that address", holds: func(c *Case) bool {
		return c.flow().Known && c.flow().DF == reset.Some(true) && c.packet().DF == reset.Some(false)
	}}
	noStamps = clue{fact: factStamps, says: "RST,ACK with window 0 and without the timestamps that both ends use", holds: func(c *Case) bool {
		return c.flow().Known && c.flow().Timestamps && emptyAbort.holds(c)
	}}
	inexact = clue{fact: factSeq, says: "not the next in sequence", holds: became(reset.Challenged).holds}
)

func (c *Case) handshakeIPID() reset.Opt[uint16] {
	if passed, ok := c.passed(); ok {
		return passed.IPID
	}
	if c.past().Known && c.Reset.Direction != reset.Forward {
		return c.past().HandshakeIPID
	}
	return reset.Opt[uint16]{}
}

func ackOfNothing(c *Case) bool {
	if f := c.flow(); f.Known {
		return f.AckNever
	}
	p, sent := c.packet(), c.socket().SndNxt
	return c.Reset.Direction == reset.In && p.Flags&reset.ACK != 0 && p.Ack.OK && sent.OK && c.stage() == atOpen && before(sent.V, p.Ack.V)
}

const tooSoonSays = "it came in less than half of the shortest round trip"

func tooSoonText(c *Case) string {
	after, rtt, _ := c.answerNS()
	return "it came " + span(after) + " after the packet that it answers; no answer took less than " + span(rtt)
}

// answerNS is how long after the earliest packet that the RST may answer it
// came, and the shortest round trip. Live that is known only of an answer (a
// bare RST) that came so soon after the handshake, or after a silence, that all
// that was sent since could not yet have been answered.
func (c *Case) answerNS() (after, rtt int64, ok bool) {
	const coarse = int64(4 * time.Millisecond) // of the kernel's own clock
	if f := c.flow(); f.Known {
		return f.AnswersUS.V * 1000, int64(f.MinRTTUS.V) * 1000, f.MinRTTUS.OK && f.AnswersUS.OK && f.MinRTTUS.V >= 2000
	}
	k := c.connection()
	rtt = int64(k.MinRTTUS.V) * 1000
	if !k.MinRTTUS.OK || rtt < 4*coarse || c.Reset.Direction != reset.In || !bareRST.holds(c) || c.stage() != atOpen {
		return 0, 0, false
	}
	if opened := c.past().OpenedAgo; c.past().Known && opened.OK && c.past().Originator.V && 2*opened.V < rtt {
		return opened.V, rtt, true
	}
	since, quiet := k.SinceSentMS, k.QuietBeforeMS
	if since.OK && quiet.OK && quiet.V*int64(time.Millisecond) > 2*rtt {
		return since.V*int64(time.Millisecond) + coarse, rtt, true
	}
	return 0, 0, false
}

// forgerySigns are the strong ones, each of another kind; forgeryHints the weak.
var (
	forgerySigns = []clue{ttlNearer, ttlFarther, otherNeighbour, sharedIPID, copied, resetsDiffer, numbersChange, reservedBits, seqNowhere, ackNever, zeroSeq, tooSoon}
	forgeryHints = []clue{ttlShifted, otherRouter, ipidJump, ipidOdd, soonLive, noDF, noStamps, oddForm, inexact}
)

func countSigns(c *Case) int {
	n := 0
	for i := range forgerySigns {
		if forgerySigns[i].holds(c) {
			n++
		}
	}
	return n
}

var (
	twoSigns = clue{fact: factForm, says: "two strong signs of another sender", holds: func(c *Case) bool { return countSigns(c) >= 2 }}
	oneSign  = clue{fact: factForm, says: "a strong sign of another sender", holds: func(c *Case) bool { return countSigns(c) >= 1 }}
)

// signsOf are the same clues as evidence, for a forgery or against the peer.
func signsOf(make func(reset.Weight, clue) sign) []sign {
	var signs []sign
	for _, q := range forgerySigns {
		signs = append(signs, make(strong, q))
	}
	for _, q := range forgeryHints {
		signs = append(signs, make(weak, q))
	}
	return signs
}

// namespaceText is a namespace's name, or its number where it has none.
func namespaceText(n *reset.Netns) string {
	if n.Name != "" {
		return n.Name
	}
	return strconv.FormatUint(n.ID, 10)
}
