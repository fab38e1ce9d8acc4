package recall

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// How late a packet must come after a RST to be no straggler that was sent
// before it.
const (
	shortStraggler = int64(20 * time.Millisecond)
	longStraggler  = int64(500 * time.Millisecond) // where the round-trip time is not known
)

// findSpeech looks for a reply of our kernel to what the RST's source sent after
// the RST had ended the connection: a host that has reset a connection sends
// nothing on it any more, so somebody else sent the RST (RST_SEQ_DATA of Weaver,
// Sommer, Paxson). The earliest proof counts.
func (m *Memory) findSpeech(s *subject, a *attribute.After) {
	if s.Kernel.Verdict != reset.Accepted && !s.Sources.Has(reset.TCPReceiveReset) {
		return
	}
	ended := m.endedItself(s)
	var found *entry
	for e := range m.index.tuples.of(tupleOf(s.Reset).reversed(), s.self) {
		after := e.mono - s.mono
		if after <= 0 || after > m.window || !answersNobody(&e.record) || !isSpeech(s, e.record.Trigger, after, ended) {
			continue
		}
		if found == nil || e.mono < found.mono || e.mono == found.mono && e.record.Trigger.Seq.V < found.record.Trigger.Seq.V {
			found = e
		}
	}
	if found != nil {
		m.spoken = *found.record.Trigger
		a.PeerSpoke, a.PeerSpokeNS = &m.spoken, found.mono-s.mono
	}
}

// endedItself reports whether the RST's source shows right after it that it had
// closed: by a FIN, or by an abort. Then a RST without ACK, which is a reply, may
// have overtaken what its sockets had sent (over another transmit queue).
func (m *Memory) endedItself(s *subject) bool {
	soon := func(e *entry) bool { return e.mono > s.mono && e.mono-s.mono <= longStraggler }
	for e := range m.index.tuples.of(tupleOf(s.Reset), s.self) {
		if e.record.Direction == reset.In && soon(e) && e.record.Packet.Flags&reset.ACK != 0 {
			return true
		}
	}
	for e := range m.index.tuples.of(tupleOf(s.Reset).reversed(), s.self) {
		if t := e.record.Trigger; t != nil && soon(e) && t.Flags&reset.FIN != 0 {
			return true
		}
	}
	return false
}

// answersNobody reports whether a RST that we sent is the kernel's reply to a
// packet that no connection here took: no socket, or a listener alone.
func answersNobody(r *reset.Reset) bool {
	if r.Direction != reset.Out || r.Trigger == nil || !r.Sources.Has(reset.TCPSendReset) {
		return false
	}
	return r.Connection == nil || r.Connection.State == "" || r.Connection.State == "LISTEN" || r.Connection.State == "CLOSE"
}

// isSpeech reports whether a packet that came so long after the RST proves that
// its sender had not sent the RST.
func isSpeech(s *subject, t *reset.Trigger, after int64, ended bool) bool {
	rst := &s.Packet
	switch {
	case t.Flags&reset.RST != 0:
		return false
	case t.Flags&(reset.SYN|reset.ACK) == reset.SYN:
		return false // a new connection of the same ports
	case t.Flags&reset.SYN != 0:
		// Of one SYN a host makes a RST or a SYN+ACK, not both.
		return rst.Flags&reset.ACK != 0 && rst.Ack.OK && t.Ack == rst.Ack
	}
	// A RST with ACK is an abort, in line with what the connection had sent.
	if goesBeyond(rst, t) && connected(s.Reset) && (rst.Flags&reset.ACK != 0 || !ended) {
		return true
	}
	return after > straggles(s) && (rst.Flags&reset.ACK != 0 || !ended)
}

// goesBeyond reports whether a packet bears data behind the RST's SEQ.
func goesBeyond(rst *reset.Packet, t *reset.Trigger) bool {
	if !rst.Seq.OK || !t.Seq.OK {
		return false
	}
	// No header is longer than an IPv6 header with the longest of TCP.
	const longestHeaders = 40 + 60
	beyond := int32(t.Seq.V - rst.Seq.V)
	if long := t.Length.V; long > longestHeaders {
		return beyond+int32(min(long, 1<<16)-longestHeaders) > 0
	}
	// Linux marks the end of what was written, so that short data bears PSH.
	return t.Flags&reset.PSH != 0 && beyond >= 0
}

// connected reports whether the RST met a connection and not an attempt, so that
// its SEQ is one of the connection's.
func connected(r *reset.Reset) bool {
	return r.Connection != nil && r.Connection.State != "" && r.Connection.State != "SYN_SENT"
}

// straggles is how late after the RST what its source sent before may come.
func straggles(s *subject) int64 {
	rtt := int64(0)
	if s.Connection != nil {
		rtt = max(rtt, int64(s.Connection.RTTUS.V))
	}
	if s.context != nil {
		rtt = max(rtt, int64(s.context.Past.RTTUS.V))
	}
	if rtt == 0 {
		return longStraggler
	}
	return max(rtt*int64(time.Microsecond), shortStraggler)
}
