package recall

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// volley is within which time a host's RSTs of one tuple stem from one event;
// later ones may be of a new connection.
const volley = int64(100 * time.Millisecond)

// findOthers counts the further RSTs of the same tuple and notes whether one
// differs as those of one host do not.
func (m *Memory) findOthers(s *subject, a *attribute.After) {
	for e := range m.index.tuples.of(tupleOf(s.Reset), s.self) {
		if e.record.Direction != s.Direction || !m.near(s, e) {
			continue
		}
		if s.Direction == reset.Forward && e.packet == s.packet {
			continue // the same one, that came by again on its way
		}
		a.Others++
		first, known, second, later := s.Reset, s.context, &e.record, e.mono-s.mono
		if later < 0 {
			first, known, second, later = &e.record, e.contextOrNil(), s.Reset, -later
		}
		seq, ack := seqChanges(first, known, second), ackChanges(first, known, second)
		a.SeqChange, a.AckChange = a.SeqChange || seq, a.AckChange || ack
		a.OthersDiffer = a.OthersDiffer || seq || ack || later <= volley && differ(&first.Packet, &second.Packet)
	}
}

// differ reports whether two RSTs of one tuple and moment can hardly be of one
// host. An abort (with ACK) and replies to what was in flight (without) are a
// usual sight: they differ in ACK, window and IP ID by their nature, and each reply
// bears the ACK of the packet that it answers as its SEQ.
func differ(a, b *reset.Packet) bool {
	if a.TTL.OK && b.TTL.OK && (a.TTL.V > b.TTL.V+1 || b.TTL.V > a.TTL.V+1) {
		return true
	}
	return aborts(a) && aborts(b) && (a.Ack != b.Ack || a.Window != b.Window)
}

// aborts reports whether a RST has the form of an abort. The refusal of a SYN has
// SEQ 0, and the next SYN another number.
func aborts(p *reset.Packet) bool {
	return p.Flags&reset.ACK != 0 && p.Seq.V != 0 && p.Ack.OK
}

// isOpen reports whether the first RST of two met a connection on which neither
// end had sent a FIN.
func isOpen(first *reset.Reset, known *reset.Context) bool {
	return known != nil && first.Connection != nil && first.Connection.State == "ESTABLISHED"
}

// seqChanges reports whether the second RST's SEQ lies beyond the first and all
// that was received: RST_SEQ_CHANGE of Weaver, Sommer, Paxson, with their
// tolerance of two bytes.
func seqChanges(first *reset.Reset, known *reset.Context, second *reset.Reset) bool {
	if !isOpen(first, known) || !known.Socket.RcvNxt.OK || !first.Packet.Seq.OK || !second.Packet.Seq.OK {
		return false
	}
	const tolerance, farthest = 2, 1 << 20
	beyond := func(seq uint32) bool {
		leap := int32(second.Packet.Seq.V - seq)
		return leap > tolerance && leap < farthest
	}
	return beyond(first.Packet.Seq.V) && beyond(known.Socket.RcvNxt.V)
}

// ackChanges reports whether the two acknowledge different numbers that we never
// sent: RST_ACK_CHANGE.
func ackChanges(first *reset.Reset, known *reset.Context, second *reset.Reset) bool {
	a, b := &first.Packet, &second.Packet
	if !isOpen(first, known) || !known.Socket.SndNxt.OK || !aborts(a) || !aborts(b) || a.Ack == b.Ack {
		return false
	}
	unsent := func(ack uint32) bool { return int32(ack-known.Socket.SndNxt.V) > 0 }
	return unsent(a.Ack.V) && unsent(b.Ack.V)
}

// One device that resets in many names often counts its IP IDs through all of
// them. Among many RSTs two such neighbours are chance.
const (
	ipidSteps    = 2
	ipidTogether = int64(time.Second)
	ipidAmong    = 64
)

// findSharedIPID notes whether RSTs of other sources bore this IP ID, or the
// next ones.
func (m *Memory) findSharedIPID(s *subject, a *attribute.After) {
	id := s.Packet.IPID.V
	if id == 0 || m.index.withIPID > ipidAmong {
		return
	}
	for step := -ipidSteps; step <= ipidSteps; step++ {
		for e := range m.index.ipids.of(id+uint16(step), s.self) {
			later := e.mono - s.mono
			inStep := step == 0 || step > 0 == (later > 0)
			if inStep && later <= ipidTogether && -later <= ipidTogether && e.record.Netns.ID == s.Netns.ID &&
				e.record.Src.Addr() != s.Src.Addr() {
				a.SharedIPID = true
				return
			}
		}
	}
}
