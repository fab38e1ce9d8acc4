package correlate

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// likeness is how closely two sightings must agree to be of one packet.
type likeness uint8

const (
	samePacket likeness = iota // the kernel's own packet, or a sensor that does not know it
	alike                      // another packet with the same headers: a copy made on the way
)

// takes reports whether a sighting is of this reset's RST. The rules stand by
// the hook of the sighting; each names what must have been seen already and
// what must not.
func (p *pending) takes(s *reset.Sighting, like likeness) bool {
	if p.netns != 0 && s.Netns.ID != 0 && p.netns != s.Netns.ID {
		return false
	}
	switch s.Hook {
	case reset.HookWireIn:
		// The same packet on its way up: bridge port, then bridge.
		return p.only(reset.HookWireIn) && p.device != s.Interface.In && p.agrees(s, like)
	case reset.HookWireOut:
		return p.takesWireOut(s, like)
	case reset.HookSent:
		return p.takesSent(s)
	case reset.HookAccepted:
		// Of several that wait for a busy socket, the one with the SEQ that the
		// socket expected (RFC 5961, 3.2).
		return p.only(reset.HookWireIn) && (like == alike || !s.Next.OK || p.record.Packet.Seq == s.Next)
	case reset.HookRefused:
		return p.takesRefused(s, like)
	case reset.HookRejected:
		return p.only(reset.HookWireOut) && p.origin == reset.OriginNoSocket && fitsTrigger(s.Trigger, &p.record.Packet)
	}
	return false // the other hooks see a RST once
}

func (p *pending) takesWireOut(s *reset.Sighting, like likeness) bool {
	if s.Origin == reset.OriginForwarded || s.Origin == reset.OriginUnknown {
		onward := p.record.Direction == reset.In && p.only(reset.HookWireIn) || p.record.Direction == reset.Forward
		if onward && (p.device != s.Interface.Out || p.hairpin(s)) && p.agrees(s, like) {
			return true
		}
		if s.Origin == reset.OriginForwarded {
			return false
		}
	}
	if p.record.Direction != reset.Out {
		return false
	}
	if p.saw(reset.HookWireOut) { // a lower device
		return p.device != s.Interface.Out && p.agrees(s, like)
	}
	return p.saw(reset.HookSent) && !p.saw(reset.HookRefused) && fitsTrigger(p.record.Trigger, &s.Packet)
}

// hairpin reports whether a packet that came in by the same device may be the
// one that now leaves: a router sends it back where it came from, a hop further.
func (p *pending) hairpin(s *reset.Sighting) bool {
	came, goes := p.record.Packet.TTL, s.Packet.TTL
	return p.only(reset.HookWireIn) && came.OK && goes.OK && goes.V+1 == came.V
}

func (p *pending) takesSent(s *reset.Sighting) bool {
	if p.saw(reset.HookSent) {
		return false
	}
	if p.record.Direction != reset.Out {
		return false
	}
	if s.Trigger == nil { // an abort is told after its RST was sent
		return p.socket == s.Cookie || p.socket == 0
	}
	return p.origin != reset.OriginTCPSocket && fitsTrigger(s.Trigger, &p.record.Packet)
}

// isAnswer reports whether the RST that a device has just sent is the one with
// which TCP answered the trigger, whatever its addresses: no process owned it,
// it left after TCP had begun to answer, and it bears the numbers that
// RFC 9293, 3.10.7.1 asks for, of a trigger without data.
func (p *pending) isAnswer(s *reset.Sighting, chain int64) bool {
	if p.origin != reset.OriginTCPControl && p.origin != reset.OriginNoSocket {
		return false
	}
	sent := p.first - s.MonoNS
	if sent < 0 || sent > chain {
		return false
	}
	t, rst := s.Trigger, &p.record.Packet
	if t.Flags&reset.ACK != 0 {
		return t.Ack.OK && rst.Seq == t.Ack && rst.Flags&reset.ACK == 0
	}
	next := t.Seq.V
	if t.Flags&reset.SYN != 0 {
		next++
	}
	if t.Flags&reset.FIN != 0 {
		next++
	}
	return t.Seq.OK && rst.Seq == reset.Some[uint32](0) && rst.Flags&reset.ACK != 0 && rst.Ack == reset.Some(next)
}

// chainOf is how long, in nanoseconds, one packet's way through the kernel may
// take at most for its addresses not to matter: of the default window, what
// CHAIN_NS of bpf/maps.h is. Who lengthens the window has a slow machine.
func chainOf(window time.Duration) int64 { return window.Nanoseconds() / 25 }

// isExpected reports whether the RST that a device has just received is the
// one that a socket took, whatever its addresses. A connecting socket expects
// SEQ 0, as every closed port sends it: there the ACK of its SYN must tell.
func (p *pending) isExpected(s *reset.Sighting, chain int64) bool {
	rst := &p.record.Packet
	if took := s.MonoNS - p.first; took < 0 || took > chain || !s.Next.OK || rst.Seq != s.Next {
		return false
	}
	return s.Next.V != 0 || s.Unacked.OK && rst.Flags&reset.ACK != 0 && rst.Ack == reset.Some(s.Unacked.V+1)
}

// isAbort reports whether the waiting event was no RST that arrived: tcp_reset
// also runs where TCP aborts on data that came after the close, and then a RST
// of the same socket follows at once.
func (p *pending) isAbort(s *reset.Sighting) bool {
	return p.only(reset.HookAccepted) && s.Cookie != 0 && p.socket == s.Cookie
}

func (p *pending) takesRefused(s *reset.Sighting, like likeness) bool {
	if p.saw(reset.HookRefused) || p.saw(reset.HookAccepted) {
		return false
	}
	if s.Origin != reset.OriginUnknown { // thrown away on its way out
		if p.record.Direction != reset.Out {
			return false
		}
		if p.saw(reset.HookWireOut) {
			return p.agrees(s, like)
		}
		return p.saw(reset.HookSent) && fitsTrigger(p.record.Trigger, &s.Packet)
	}
	return p.record.Direction != reset.Out && p.saw(reset.HookWireIn) && p.agrees(s, like)
}

// agrees compares what no hop on this host changes. With the kernel's own
// packet the addresses may differ, since a router may translate them.
func (p *pending) agrees(s *reset.Sighting, like likeness) bool {
	a, b := &p.record.Packet, &s.Packet
	if a.Seq != b.Seq || a.Ack != b.Ack || a.Flags != b.Flags || a.Window != b.Window {
		return false
	}
	if p.skb != 0 && s.SKB != 0 {
		if like == samePacket {
			return p.skb == s.SKB
		}
	}
	return a.IPID == b.IPID && p.tuple == (tuple{s.Src, s.Dst})
}

// fitsTrigger reports whether a RST is the one that RFC 9293, 3.10.7.1 makes in
// answer to the trigger: its SEQ is the trigger's ACK, or zero where that had
// none.
func fitsTrigger(trigger *reset.Trigger, rst *reset.Packet) bool {
	if trigger == nil || !rst.Seq.OK {
		return true
	}
	if trigger.Flags&reset.ACK != 0 {
		return rst.Seq == trigger.Ack
	}
	return rst.Seq.V == 0
}

// complete reports whether nothing more can come.
func (p *pending) complete() bool {
	switch p.record.Direction {
	case reset.In:
		return p.saw(reset.HookWireIn) && (p.saw(reset.HookAccepted) || p.saw(reset.HookRefused)) ||
			p.saw(reset.HookLocalIn)
	case reset.Out:
		sent := p.saw(reset.HookSent)
		return sent && p.saw(reset.HookRefused) || p.saw(reset.HookLocalOut) || p.saw(reset.HookRejected) ||
			sent && p.saw(reset.HookWireOut) && p.origin == reset.OriginTCPSocket
	case reset.Forward:
		return p.saw(reset.HookForward)
	}
	return true
}
