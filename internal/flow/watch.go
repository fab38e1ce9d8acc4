package flow

import (
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Later is what came after a RST, or beside it.
type Later struct {
	// Spoke: the RST's source sent on as if it had sent none.
	Spoke   bool
	What    reset.Trigger // what it sent, if it did
	AfterNS int64         // and when
	// Others are further resets of the same source and destination.
	Others       int
	OthersDiffer bool // in what no two of one TCP differ
	SeqChange    bool // RST_SEQ_CHANGE of the paper
	AckChange    bool // RST_ACK_CHANGE
	SharedIPID   bool // resets of other sources count IP IDs together with it
}

// Watch is a RST for as long as it is held: what was known when it was seen,
// and what came after it so far.
type Watch struct {
	Facts  reset.FlowFacts
	Later  Later
	Copies int // further frames of the same packet

	mac     [6]byte
	answers reset.Trigger

	conn   *connection // nil: forgotten, or given back
	older  *Watch      // of the connection; of those that are free, the next
	from   int
	at     int64
	packet packet.Segment
	place  uint16
	copied uint16 // the place of its latest copy
	over   bool   // another connection began between the endpoints
	stray  bool   // the answer to a packet that belongs to no state of its source
	// When it was seen:
	end, otherEnd, otherAck          uint32
	hasEnd, hasOtherEnd, hasOtherAck bool
	finished                         bool // a FIN of either end, or a RST of the other, had come
}

// maxFollowed bounds the held resets of one connection that a further packet is
// compared with.
const maxFollowed = 32

// Reset takes a RST; the arguments are as for Add. It returns nil for another frame of a packet that is held
// already, whose watch then counts it. Release must be called for the others.
func (t *Tracker) Reset(p *packet.Segment, at int64, place *Place) *Watch {
	c, from := t.table.find(p)
	short := place.short()
	if w := c.original(p, from, at, short, t.doubles()); w != nil {
		w.Copies++
		w.copied = short
		return nil
	}
	w := t.take()
	w.conn, w.from, w.at, w.packet, w.place = c, from, at, *p, short
	w.Facts = c.judge(p, from, at, place, &w.mac, &w.answers)
	w.snapshot(c, from)
	for other, n := c.watches, 0; other != nil && n < maxFollowed; other, n = other.older, n+1 {
		if other.from == from && !other.over && at-other.at < t.ahead {
			w.beside(other)
		}
	}
	t.shared.add(w)
	t.quiets.note(w)
	if source, target, port, ok := tried(p, &w.Facts); ok {
		t.scans.note(source, target, port, at)
	}
	w.older, c.watches = c.watches, w
	c.sides[from].rst = true
	return w
}

// Release gives back a watch, whose contents are then no longer valid.
func (t *Tracker) Release(w *Watch) {
	if c := w.conn; c != nil {
		for at := &c.watches; *at != nil; at = &(*at).older {
			if *at == w {
				*at = w.older
				break
			}
		}
	}
	t.shared.forget(w)
	*w = Watch{older: t.free}
	t.free = w
}

func (t *Tracker) take() *Watch {
	w := t.free
	if w == nil {
		return &Watch{}
	}
	t.free = w.older
	*w = Watch{}
	return w
}

// doubles reports whether the capture has its packets twice, as a mirror port
// of both directions gives them.
func (t *Tracker) doubles() bool { return t.doubled*2 > t.telling }

// original finds the RST of which this is another frame. Where both were
// captured at one place, the numbers of a packet must be its own: the replies
// to packets in flight are all alike, and have no IP ID that counts.
func (c *connection) original(p *packet.Segment, from int, at int64, place uint16, doubles bool) *Watch {
	n := 0
	for w := c.watches; w != nil && n < maxFollowed; w, n = w.older, n+1 {
		r := &w.packet
		if w.from != from || !together(at-w.at, w.place == place, true) || w.copied == place && w.Copies > 0 ||
			r.Seq != p.Seq || r.Ack != p.Ack || r.Flags != p.Flags || r.IPID != p.IPID || r.Window != p.Window || r.Payload != p.Payload {
			continue
		}
		if w.place != place || r.TTL == p.TTL && (p.IPID != 0 || doubles) {
			return w
		}
	}
	return nil
}

// snapshot keeps what was known of both ends when the RST was seen.
func (w *Watch) snapshot(c *connection, from int) {
	s, o := &c.sides[from], &c.sides[1-from]
	w.end, w.hasEnd = s.end, s.hasSeq
	w.otherEnd, w.hasOtherEnd = o.end, o.hasSeq
	w.otherAck, w.hasOtherAck = o.ackHigh, o.hasAck
	w.finished = s.fin || o.fin || o.rst
	// A reply to an ACK of what was never sent says nothing of the connection:
	// the endpoint goes on (RFC 9293, 3.10.7.4).
	w.stray = w.Facts.Seq == reset.SeqAcked && s.hasSeq && s.syn && !within(w.packet.Seq, s.first, s.end)
}

// beside compares two resets of one source; the other came before.
func (w *Watch) beside(other *Watch) {
	w.Later.Others++
	other.Later.Others++
	a, b := &other.packet, &w.packet
	if seqChange(other, w) {
		w.Later.SeqChange, other.Later.SeqChange = true, true
	}
	if a.Flags&b.Flags&reset.ACK != 0 && a.Ack != b.Ack && other.Facts.AckNever && w.Facts.AckNever {
		w.Later.AckChange, other.Later.AckChange = true, true
	}
	step := b.IPID - a.IPID
	windows := a.Window != b.Window && a.Window != 0 && b.Window != 0 // an abort bears one, a reply none
	jumps := w.Facts.IPIDCounts && a.IPID != 0 && b.IPID != 0 && step > idStep
	if w.Later.SeqChange && other.Later.SeqChange || w.Later.AckChange && other.Later.AckChange ||
		a.Flags == b.Flags && (a.TTL != b.TTL || windows || jumps) {
		w.Later.OthersDiffer, other.Later.OthersDiffer = true, true
	}
}

// tolerance is by how much the paper's conditions must be exceeded.
const tolerance = 2

// seqChange is RST_SEQ_CHANGE with its conditions: the later RST is beyond the
// earlier one, beyond all that its source had sent and beyond all that the
// other end had acknowledged; nothing had been closed. Nor may the later one be
// an answer, nor the capture lack packets.
func seqChange(first, second *Watch) bool {
	seq := second.packet.Seq
	if !first.hasEnd || first.finished || first.Facts.Gaps || second.Facts.Gaps || first.stray || second.stray ||
		first.Facts.Seq == reset.SeqZero || second.Facts.Seq == reset.SeqAcked || second.Facts.Seq == reset.SeqUnknown {
		return false
	}
	ahead := func(of uint32, by int32) bool { d := beyond(seq, of); return d > by && d <= half }
	return ahead(first.packet.Seq, tolerance) && ahead(first.end, 0) &&
		(!second.hasOtherAck || ahead(second.otherAck, tolerance))
}

// follow tells the held resets of a further packet.
func (c *connection) follow(p *packet.Segment, from int, at, ahead int64) {
	n := 0
	for w := c.watches; w != nil && n < maxFollowed; w, n = w.older, n+1 {
		// Of several packets the first whose SEQ is beyond the RST's says most.
		told := w.Later.Spoke && beyond(w.Later.What.Seq.V, w.packet.Seq) >= 0
		if w.over || w.stray || told || w.Later.Spoke && beyond(p.Seq, w.packet.Seq) < 0 {
			continue
		}
		if p.Flags&(reset.SYN|reset.ACK) == reset.SYN {
			w.over = true // whatever follows belongs to it
			continue
		}
		after := at - w.at
		if w.from != from || after < 0 || after >= ahead || !w.contradicted(p, c.sides[from].answers, after) {
			continue
		}
		w.Later.Spoke, w.Later.AfterNS = true, after
		s := &c.sides[from]
		s.recent[(s.packets-1)%keptPackets].trigger(p.Version, &w.Later.What)
	}
}

// overtaken is how long a packet may arrive after one that was sent later.
const overtaken = 1_000_000

// reach is how far the next data of a source may be beyond what it had sent:
// some packets that the capture lacks. A connection that was begun anew is
// further, at 2^24 a second (RFC 9293, 3.4.1, and secure_tcp_seq of Linux).
const reach = 1 << 20

// contradicted reports whether a packet of the RST's source shows that it did
// not send the RST.
func (w *Watch) contradicted(p *packet.Segment, rtt, after int64) bool {
	if p.Flags&reset.SYN != 0 { // with ACK: it accepts the SYN that the RST refused
		return w.Facts.Stage == reset.AfterSYN && w.hasOtherEnd && p.Ack == w.otherEnd
	}
	if p.Payload > 0 && w.hasData(p, rtt, after) {
		return true
	}
	// It acknowledges what the other end sent after the RST.
	return p.Flags&reset.ACK != 0 && w.hasOtherEnd && near(p.Ack, w.otherEnd) && beyond(p.Ack, w.otherEnd) > 0 && !w.Facts.Gaps
}

// hasData reports whether the data can only be sent by one who goes on.
func (w *Watch) hasData(p *packet.Segment, rtt, after int64) bool {
	sent, end := w.packet.Seq, p.End()
	if w.hasEnd {
		sent = w.end
	} else if w.Facts.Seq == reset.SeqZero {
		return false // nothing is known of its numbers
	}
	switch d := beyond(end, w.packet.Seq); {
	case d <= 0 || d > half || beyond(p.Seq, sent) > reach:
		return false
	case beyond(end, sent) > 0:
		// New. Only a RST that is next in sequence cannot have overtaken it.
		return w.Facts.Seq == reset.SeqNext || after > overtaken
	}
	// Sent before, and not another capture of that: its IP ID goes on.
	step := p.IPID - w.Facts.IPID.V
	return after > max(overtaken, rtt) && w.Facts.IPIDCounts && w.Facts.IPID.OK && step > 0 && step <= idStep
}
