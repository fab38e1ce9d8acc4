package recall

import (
	"bytes"
	"iter"
	"slices"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// findTwin looks for the record of the same packet at its other end on this
// host: in another namespace, or in the same one over the loopback device.
func (m *Memory) findTwin(s *subject, a *attribute.After) {
	if s.packet == 0 {
		return
	}
	if s.Direction == reset.Out {
		if e := m.arrival(s); e != nil {
			s.Twin = e.record.ID
		}
		return
	}
	e := m.departure(s)
	if e == nil {
		m.findForgotten(s, a)
		return
	}
	if !e.spent && s.self != nil {
		m.settle(e)
	}
	m.twin = attribute.Twin{
		Sender: e.record.Sender, Cause: e.record.Cause, Confidence: e.record.Confidence, Process: e.record.Process,
		Rule: e.record.Rule, Harm: e.record.Harm, CausedBy: slices.Clone(e.record.CausedBy),
	}
	a.Twin, m.twinMono = &m.twin, e.mono
	if e.recorded {
		s.Twin, m.twin.ID = e.record.ID, e.record.ID
	}
}

// settle gives a reset that left the verdict that it will have in the end.
func (m *Memory) settle(e *entry) {
	e.renew()
	c := attribute.Case{Reset: &e.record, Origin: e.origin, Context: e.contextOrNil()}
	m.lookAround(&c, e)
	attribute.Judge(&c)
	e.record.Evidence = nil
}

// departure finds where the packet left, the last before it was seen here:
// equal packets (replies to what was in flight) are told apart by their time.
func (m *Memory) departure(s *subject) (found *entry) {
	for e := range m.index.packets.of(s.packet, s.self) {
		if e.record.Direction != reset.Out || !m.near(s, e) || e.mono > s.mono || !m.isOtherEnd(s, &e.record) {
			continue
		}
		if found == nil || e.mono > found.mono || e.mono == found.mono && before(found, e) {
			found = e
		}
	}
	return found
}

// arrival finds where the packet arrived, the first after it left here.
func (m *Memory) arrival(s *subject) (found *entry) {
	for e := range m.index.packets.of(s.packet, s.self) {
		if e.record.Direction != reset.In || !e.recorded || !m.near(s, e) || e.mono < s.mono || !m.isOtherEnd(s, &e.record) {
			continue
		}
		if found == nil || e.mono < found.mono || e.mono == found.mono && before(e, found) {
			found = e
		}
	}
	return found
}

// isOtherEnd reports whether another record can be the other end: of the same
// packet, and in another namespace or over the loopback device.
func (m *Memory) isOtherEnd(s *subject, other *reset.Reset) bool {
	if !sameNumbers(s.Reset, other) || s.Netns.ID == other.Netns.ID && (s.Direction == reset.Forward || other.Direction == reset.Forward) {
		return false
	}
	if s.Direction == reset.Out {
		return m.leadsTo(s, s.Src, s.Dst, other.Src, other.Dst)
	}
	return m.leadsTo(s, other.Src, other.Dst, s.Src, s.Dst)
}

// leadsTo reports whether the subject's packet, sent with the first addresses,
// arrives with the last: they are the same, or a router of this host was seen to
// translate the ones into the others.
func (m *Memory) leadsTo(s *subject, src, dst, atSrc, atDst reset.Endpoint) bool {
	if src == atSrc && dst == atDst {
		return true
	}
	for e := range m.index.packets.of(s.packet, s.self) {
		f := &e.record
		if f.Direction == reset.Forward && f.NAT != nil && f.Src == src && f.Dst == dst &&
			f.NAT.Reply.Dst == atSrc && f.NAT.Reply.Src == atDst && sameNumbers(s.Reset, f) && m.near(s, e) {
			return true
		}
	}
	return false
}

// before puts records of one moment in an order that does not depend on the
// order in which they were told.
func before(a, b *entry) bool {
	x, y := &a.record, &b.record
	if x.Netns.ID != y.Netns.ID {
		return x.Netns.ID < y.Netns.ID
	}
	if c := x.Src.Compare(y.Src.AddrPort); c != 0 {
		return c < 0
	}
	if c := x.Dst.Compare(y.Dst.AddrPort); c != 0 {
		return c < 0
	}
	if x.Packet.Seq.V != y.Packet.Seq.V {
		return x.Packet.Seq.V < y.Packet.Seq.V
	}
	return bytes.Compare(x.Packet.Raw, y.Packet.Raw) < 0
}

// How soon after it received a reset a process passes it on: the sooner, the
// more it receives, so that at most one of twenty such pairs is chance.
const (
	relayedWithin = int64(50 * time.Millisecond)
	relayedChance = 20
)

// findRelayed looks for a reset that the same process had received on another
// connection just before: the last one. A process that closes what was reset at
// once is not known to have had it, only who listened where it was accepted.
func (m *Memory) findRelayed(s *subject, a *attribute.After) {
	if s.Process == nil || s.pid == 0 || s.Process.By != nil {
		return
	}
	found := m.lastReceived(s, m.index.processes.around(s.pid, s.self))
	byListener := false
	if found == nil {
		found = m.lastReceived(s, m.index.listeners.of(s.pid, s.self))
		byListener = true
	}
	if found == nil {
		return
	}
	m.links[0] = attribute.Link{AgoNS: s.mono - found.mono, Src: found.record.Src, Dst: found.record.Dst, ByListener: byListener}
	if found.recorded {
		m.links[0].ID = found.record.ID
	}
	a.RelayedFrom = &m.links[0]
}

// lastReceived is the last reset of entries of one process that it received just
// before the subject; nil if there is none, or so many that it may be chance.
func (m *Memory) lastReceived(s *subject, entries iter.Seq[*entry]) *entry {
	var found *entry
	received := int64(0)
	for e := range entries {
		if e.record.Direction != reset.In || e.record.Kernel.Verdict != reset.Accepted || !m.near(s, e) ||
			e.pid != 0 && e.pid != s.pid || sameConnection(s.Reset, &e.record) || m.sentItself(s, e) {
			continue
		}
		received++
		ago := s.mono - e.mono
		if ago < 0 || ago > relayedWithin {
			continue
		}
		if found == nil || e.mono > found.mono || e.mono == found.mono && before(e, found) {
			found = e
		}
	}
	if found != nil && (s.mono-found.mono)*received*relayedChance > 2*m.window {
		return nil
	}
	return found
}

// sentItself reports whether the subject's process had sent the RST that it then
// received: both ends of that connection are its own.
func (m *Memory) sentItself(s *subject, received *entry) bool {
	for e := range m.index.packets.of(received.packet, received) {
		if e.record.Direction == reset.Out && e.pid == s.pid && sameNumbers(&e.record, &received.record) {
			return true
		}
	}
	return false
}

func sameConnection(a, b *reset.Reset) bool {
	return a.Src == b.Src && a.Dst == b.Dst || a.Src == b.Dst && a.Dst == b.Src
}
