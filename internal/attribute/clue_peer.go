package attribute

import (
	"bytes"
	"strconv"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func ofMany(n, of int) string { return strconv.Itoa(n) + " of " + strconv.Itoa(of) }

// distance is how many hops a packet has come, if its sender began with one of
// the usual values.
func distance(ttl uint8) int {
	for _, first := range [...]int{32, 64, 128, 255} {
		if int(ttl) <= first {
			return first - int(ttl)
		}
	}
	return 0
}

// usualTTL is that of other packets of the address that the RST bears, the
// nearest to the RST's where they vary.
func (c *Case) usualTTL() (uint8, bool) {
	if f := c.flow(); f.Known && f.Packets > 0 && f.TTLMax > 0 {
		ttl := c.packet().TTL.V
		usual := max(f.TTLMin, min(f.TTLMax, ttl))
		// A SYN that nothing followed may be a scanner's, who writes it past TCP
		// and with any TTL; the RST that answers what came of it is the kernel's.
		onlySYN := f.Stage == reset.AfterSYNACK && f.Originator == reset.Some(true)
		return usual, usual == ttl || !onlySYN
	}
	if c.Reset.Direction == reset.Out {
		return 0, false
	}
	if c.past().Known && c.past().HandshakeTTL.OK {
		return c.past().HandshakeTTL.V, true
	}
	if p := &c.context().Peer; p.Known && p.TTL > 0 {
		return p.TTL, true
	}
	return 0, false
}

// gap is how many hops further than its usual distance the RST came from;
// negative: nearer. same says that the TTL is the usual one.
func (c *Case) gap() (hops int, same, ok bool) {
	usual, known := c.usualTTL()
	ttl := c.packet().TTL
	if !known || !ttl.OK {
		return 0, false, false
	}
	return distance(ttl.V) - distance(usual), ttl.V == usual, true
}

func ttlClue(says string, test func(hops int, same bool, ttl uint8) bool) clue {
	return clue{
		fact: factTTL, says: says,
		value: func(c *Case) string {
			usual, _ := c.usualTTL()
			ttl := strconv.Itoa(int(c.packet().TTL.V))
			if c.packet().TTL.V == usual {
				return ttl + ", as other packets of that address"
			}
			return ttl + ", other packets of that address " + strconv.Itoa(int(usual))
		},
		holds: func(c *Case) bool {
			hops, same, ok := c.gap()
			return ok && test(hops, same, c.packet().TTL.V)
		},
	}
}

var (
	ttlSame = ttlClue("as other packets of that address", func(_ int, same bool, _ uint8) bool { return same })
	// ttlNearer: two hops or more; or one that makes it a neighbour.
	ttlNearer  = ttlClue("two hops nearer or more than that address, or a neighbour's where it is none", func(hops int, _ bool, ttl uint8) bool { return hops <= -2 || hops < 0 && distance(ttl) == 0 })
	ttlFarther = ttlClue("two hops further or more than that address", func(hops int, _ bool, _ uint8) bool { return hops >= 2 })
	// ttlShifted: by one hop, or from another first value: routes change, and
	// some systems send RSTs with a TTL of their own.
	ttlShifted = ttlClue("one hop off that address, or of another first value", func(hops int, same bool, ttl uint8) bool {
		return !same && hops > -2 && hops < 2 && (hops >= 0 || distance(ttl) > 0)
	})
	hopsAway = clue{
		fact: factHops, says: "how far away",
		value: func(c *Case) string {
			text := strconv.Itoa(distance(c.packet().TTL.V)) + " hops away"
			if usual, ok := c.usualTTL(); ok {
				text += "; the host of that address " + strconv.Itoa(distance(usual))
			}
			return text
		},
		holds: func(c *Case) bool { return c.packet().TTL.OK && c.packet().TTL.V > 0 && c.Reset.Direction != reset.Out },
	}
	neighbour = clue{
		fact: factNeighbour, says: "who delivered it",
		value: func(c *Case) string { return "delivered by " + c.packet().MACSrc.String() },
		holds: func(c *Case) bool { return c.Reset.Direction == reset.In && realMAC(c.packet().MACSrc) },
	}
	onLoopback = clue{fact: factNeighbour, says: "the loopback device: it came from this host itself", holds: func(c *Case) bool {
		return c.Reset.Direction == reset.In && c.Reset.Interface.In == "lo"
	}}
	noBaseline = clue{fact: factBaseline, says: "nothing is known of other packets of that address", holds: func(c *Case) bool {
		_, ok := c.usualTTL()
		return !ok
	}}
)

func realMAC(mac reset.MAC) bool {
	for _, b := range mac {
		if b != 0 {
			return true
		}
	}
	return false
}

func (c *Case) usualMAC() reset.MAC {
	switch {
	case c.flow().Known:
		return c.flow().MAC
	case c.past().Known && realMAC(c.past().HandshakeMAC):
		return c.past().HandshakeMAC
	}
	return c.context().Peer.MAC
}

func macDiffers(c *Case) bool {
	usual, mac := c.usualMAC(), c.packet().MACSrc
	return realMAC(usual) && realMAC(mac) && !bytes.Equal(usual, mac)
}

// isNeighbour holds where the address's host itself is on the same link.
func isNeighbour(c *Case) bool {
	usual, ok := c.usualTTL()
	return ok && distance(usual) == 0
}

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
	resetsDiffer = clue{
		fact: factDiffer, says: "more RSTs of these addresses, with other numbers",
		value: func(c *Case) string {
			return strconv.Itoa(c.After.Others) + " more RSTs of these addresses, with other numbers"
		},
		holds: func(c *Case) bool { return c.After.Others > 0 && c.After.OthersDiffer },
	}
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
		return p.Family == reset.IPv4 && bareRST.holds(c) && c.past().Known && c.past().HandshakeIPID == reset.Some[uint16](0) &&
			p.IPID.OK && p.IPID.V != 0
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

// spoke holds where the RST's source sent on as if it had sent none: data or a
// SYN+ACK that no stack sends after its own RST.
var spoke = clue{
	fact: factSpoke, says: "its source sent on, within two seconds, as if it had sent none",
	value: func(c *Case) string {
		return "it sent " + spokeWhat(c.After.PeerSpoke) + " " + span(c.After.PeerSpokeNS) + " after the RST"
	},
	holds: func(c *Case) bool {
		t := c.After.PeerSpoke
		if t == nil || c.After.PeerSpokeNS < 0 || c.After.PeerSpokeNS > int64(2*time.Second) {
			return false
		}
		if t.Flags&(reset.SYN|reset.ACK) == reset.SYN|reset.ACK {
			return true
		}
		rst := c.packet().Seq
		return t.Flags&(reset.SYN|reset.RST) == 0 && t.Seq.OK && rst.OK && !before(t.Seq.V, rst.V) && near(t.Seq.V, rst.V, reach)
	},
}

func spokeWhat(t *reset.Trigger) string {
	switch {
	case t.Flags&reset.SYN != 0:
		return "a SYN with ACK"
	case t.Flags&reset.FIN != 0:
		return "a FIN"
	case t.Flags&reset.PSH != 0:
		return "data"
	}
	return "a packet of the connection"
}

// forgerySigns are the strong ones, each of another kind; forgeryHints the weak.
var (
	forgerySigns = []clue{ttlNearer, ttlFarther, otherNeighbour, sharedIPID, copied, resetsDiffer, reservedBits, seqNowhere, ackNever, zeroSeq, tooSoon}
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

// asThePeer and notThePeer say what speaks for the host of that address and
// what against it. Without a baseline the peer is never more than possible.
var (
	asThePeer  = []sign{who(strong, ttlSame)}
	notThePeer = append([]sign{who(strong, noBaseline), who(strong, spoke)}, signsOf(who)...)
)

// Scans.
var scanning = clue{
	// Without the number: a scan is a storm, and its evidence is to be the same.
	fact: factScan, says: "that address has tried five ports or more of late",
	holds: func(c *Case) bool { return c.After.ScansBySource >= 5 },
}

// manyDied holds where the same process's end reset others too.
var manyDied = clue{
	fact: factDeath, says: "the same process's end reset others too",
	value: func(c *Case) string { return strconv.Itoa(c.After.Siblings) + " more connections of the same process" },
	holds: func(c *Case) bool { return c.After.Death != nil && c.After.Siblings > 0 },
}
