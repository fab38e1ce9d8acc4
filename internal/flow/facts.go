package flow

import (
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// judge fills what is known of a RST when it is seen. mac and answered are
// where the facts may put what they point to.
func (c *connection) judge(p *packet.Segment, from int, at int64, place *Place, mac *[6]byte, answered *reset.Trigger) reset.FlowFacts {
	s, o := &c.sides[from], &c.sides[1-from]
	f := reset.FlowFacts{
		Known: true, Stage: c.stage(p, from), Packets: uint64(s.packets), TTLMin: s.ttlMin, TTLMax: s.ttlMax,
		IPIDCounts: s.counts(), Seq: c.seqFit(p, from), AckNever: c.ackNever(p, from), OtherRST: o.rst, OtherFIN: o.fin,
		OneSided: c.oneSided(from), Handshake: c.handshake, Gaps: c.gaps(),
		Timestamps: s.synStamp && o.synStamp || !c.handshake && s.dataStamp && o.dataStamp,
	}
	if c.originator >= 0 {
		f.Originator = reset.Some(int(c.originator) == from)
	}
	if s.packets > 0 && p.Version == 4 {
		f.IPID = reset.Some(s.ipid)
		if s.df != s.mayFrag {
			f.DF = reset.Some(s.df)
		}
	}
	if s.hasMAC && s.macOn == place.Interface { // elsewhere another router passes it on
		*mac = s.mac
		f.MAC = mac[:]
	}
	if s.answers > 0 {
		f.MinRTTUS = reset.Some(uint32(min(s.answers/1000, 1<<32-1)))
	}
	if o.packets > 0 && at != 0 && o.last != 0 {
		f.SinceSendUS = reset.Some(max(at-o.last, 0) / 1000)
		if o.quiet >= 0 {
			f.QuietMS = reset.Some(o.quiet / 1_000_000)
		}
	}
	if latest, first := o.answeredBy(p); latest >= 0 {
		o.recent[latest].trigger(p.Version, answered)
		f.Answers = answered
		if first >= 0 && at != 0 {
			f.AnswersUS = reset.Some(max(at-o.recent[first].at, 0) / 1000)
		}
	}
	f.Copied = p.IPID != 0 && o.hasTwinOf(p)
	return f
}

// stage says how far the connection had come.
func (c *connection) stage(p *packet.Segment, from int) reset.Stage {
	s, o := &c.sides[from], &c.sides[1-from]
	syn := c.originator >= 0 && c.sides[c.originator].syn
	switch {
	case s.fresh() && o.fresh():
		return reset.StageNone
	case c.pending == int8(1-from) && p.Flags&reset.ACK != 0 && p.Ack == c.pendingSeq+1:
		return reset.AfterSYN
	case s.fin:
		return reset.AfterOwnFIN
	case o.fin && (c.handshake || !s.fresh()): // else nothing says that there was a connection
		return reset.AfterFIN
	case c.data > 1 || c.data == 1 && !c.handshake:
		return reset.AfterMoreData
	case c.data == 1:
		return reset.AfterFirstData
	case c.originator < 0:
		return reset.AfterHandshake // joined midway
	}
	originator, responder := &c.sides[c.originator], &c.sides[1-c.originator]
	switch {
	case originator.hasAck:
		return reset.AfterHandshake
	case responder.syn || responder.packets > 0:
		return reset.AfterSYNACK
	case syn:
		return reset.AfterSYN
	}
	return reset.AfterSYNACK
}

// seqFit says how the RST's SEQ fits what was seen.
func (c *connection) seqFit(p *packet.Segment, from int) reset.SeqFit {
	s, o := &c.sides[from], &c.sides[1-from]
	switch {
	case p.Seq == 0 && p.Flags&reset.ACK != 0 && !(s.hasSeq && s.end == 0):
		return reset.SeqZero
	case s.hasSeq && p.Seq == s.end:
		return reset.SeqNext
	case o.sentAck(p.Seq):
		return reset.SeqAcked
	case s.hasSeq && (p.Seq == s.end-1 || p.Seq == s.end+1), o.sentAck(p.Seq + 1):
		return reset.SeqOffByOne
	case o.mayHaveSentAck(p.Seq):
		return reset.SeqUnknown
	}
	switch {
	case s.hasSeq && s.syn && o.hasAck && !c.gaps():
		return reset.SeqNowhere // all that both sent is known
	case s.hasSeq && !s.syn && o.hasAck && !c.gaps():
		// Joined midway: what was sent before may be acknowledged late.
		if within(p.Seq, s.first-half, s.first) {
			return reset.SeqUnknown
		}
		return reset.SeqNowhere
	case s.hasSeq && s.syn && !o.hasAck && o.packets > 0:
		return reset.SeqNowhere
	case s.fresh() && c.handshake && c.originator == int8(1-from) && !o.hasAck && p.Flags&reset.ACK != 0:
		return reset.SeqNowhere // the answer to a SYN has SEQ 0 (RFC 9293, 3.10.7.1)
	}
	return reset.SeqUnknown
}

// ackNever reports whether the RST acknowledges what the other end cannot have
// sent.
func (c *connection) ackNever(p *packet.Segment, from int) bool {
	s, o := &c.sides[from], &c.sides[1-from]
	if p.Flags&reset.ACK == 0 || !o.hasSeq || s.hasAck && beyond(s.ackHigh, o.end) > 0 {
		return false
	}
	if c.pending == int8(1-from) && near(p.Ack, c.pendingSeq) {
		return p.Ack == c.pendingSeq
	}
	if o.syn {
		return !within(p.Ack, o.first+1, o.end+1)
	}
	return !within(p.Ack, o.end-half, o.end+1)
}

// gaps reports whether one side acknowledged what the capture has not.
func (c *connection) gaps() bool {
	for i := range c.sides {
		s, o := &c.sides[i], &c.sides[1-i]
		if !s.hasAck || s.ackHigh == 0 {
			continue
		}
		if !o.hasSeq || near(s.ackHigh, o.end) && beyond(s.ackHigh, o.end) > 0 {
			return true
		}
	}
	return false
}

// oneSided reports whether packets of one end alone were seen of what must have
// been a conversation.
func (c *connection) oneSided(from int) bool {
	s, o := &c.sides[from], &c.sides[1-from]
	switch {
	case s.fresh() == o.fresh():
		return false
	case o.fresh():
		return s.hasAck || !s.syn
	}
	return o.hasAck || !o.syn
}

// answeredBy finds the latest packet of this side that the RST answers, by the
// numbers that RFC 9293, 3.10.7.1 asks for, and the first that it may answer;
// -1 if there is none. Of several that are alike, none can be told from the
// others, so the first is known only if an older one was another.
func (s *side) answeredBy(p *packet.Segment) (latest, first int) {
	latest, first = -1, -1
	another := s.packets <= keptPackets
	for i := range min(s.packets, keptPackets) {
		at := int((s.packets - 1 - i) % keptPackets)
		switch {
		case !s.recent[at].answeredBy(p):
			another = another || first >= 0
		case latest < 0:
			latest, first = at, at
		default:
			first = at
		}
	}
	if !another {
		first = -1
	}
	return latest, first
}

func (r *seen) answeredBy(p *packet.Segment) bool {
	if p.Flags&reset.ACK == 0 {
		return r.flags&reset.ACK != 0 && r.ack == p.Seq
	}
	next := r.seq + r.payload
	if r.flags&reset.SYN != 0 {
		next++
	}
	if r.flags&reset.FIN != 0 {
		next++
	}
	return r.flags&reset.ACK == 0 && p.Seq == 0 && p.Ack == next
}

// trigger writes the packet as a record has it.
func (r *seen) trigger(version uint8, into *reset.Trigger) {
	*into = reset.Trigger{
		Flags: r.flags, Seq: reset.Some(r.seq), TTL: reset.Some(r.ttl), TOS: reset.Some(r.tos), Window: reset.Some(r.window),
	}
	if r.flags&reset.ACK != 0 {
		into.Ack = reset.Some(r.ack)
	}
	if r.length != 0 {
		into.Length = reset.Some(uint32(r.length))
	}
	if version == 4 {
		into.IPID = reset.Some(r.ipid)
	}
}

// hasTwinOf reports whether a RST bears the IP ID, TTL and window of a packet
// of this side.
func (s *side) hasTwinOf(p *packet.Segment) bool {
	for i := range s.recent {
		r := &s.recent[i]
		if r.place != 0 && r.ipid == p.IPID && r.ttl == p.TTL && r.window == p.Window {
			return true
		}
	}
	return false
}
