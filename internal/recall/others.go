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
		a.Others++
		if s.mono <= e.mono {
			a.OthersDiffer = a.OthersDiffer || differ(s.Reset, s.context, &e.record, e.mono-s.mono)
		} else {
			a.OthersDiffer = a.OthersDiffer || differ(&e.record, e.contextOrNil(), s.Reset, s.mono-e.mono)
		}
	}
}

// differ reports whether two RSTs of one tuple, in their order, can hardly be of
// one host. An abort (with ACK) and replies to what was in flight (without) are a
// usual sight: they differ in ACK, window and IP ID by their nature, and each reply
// bears the ACK of the packet that it answers as its SEQ.
func differ(first *reset.Reset, known *reset.Context, second *reset.Reset, later int64) bool {
	a, b := &first.Packet, &second.Packet
	if later <= volley {
		if a.TTL.OK && b.TTL.OK && (a.TTL.V > b.TTL.V+1 || b.TTL.V > a.TTL.V+1) {
			return true
		}
		// The refusal of a SYN has SEQ 0, and the next SYN another number.
		sameKind := a.Flags == b.Flags && a.Flags&reset.ACK != 0 && a.Seq.V != 0 && b.Seq.V != 0
		if sameKind && (a.Ack != b.Ack || a.Window != b.Window) {
			return true
		}
	}
	return leaps(first, known, second)
}

// leaps reports whether the second RST's SEQ lies beyond the first and all that
// was received: RST_SEQ_CHANGE of Weaver, Sommer, Paxson, with their tolerance of
// two bytes. No host that closes resets beyond its own FIN.
func leaps(first *reset.Reset, known *reset.Context, second *reset.Reset) bool {
	if known == nil || !known.Socket.RcvNxt.OK || first.Connection == nil || first.Connection.State != "ESTABLISHED" {
		return false
	}
	const tolerance, farthest = 2, 1 << 20
	from := func(seq uint32) bool {
		leap := int32(second.Packet.Seq.V - seq)
		return leap > tolerance && leap < farthest
	}
	return first.Packet.Seq.OK && second.Packet.Seq.OK && from(first.Packet.Seq.V) && from(known.Socket.RcvNxt.V)
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
				e.record.Src.Addr() != s.Src.Addr() && e.record.Dst.Addr() != s.Src.Addr() {
				a.SharedIPID = true
				return
			}
		}
	}
}
