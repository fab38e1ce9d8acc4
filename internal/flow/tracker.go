package flow

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Config is what can be chosen of the account.
type Config struct {
	// MaxFlows bounds the connections that are known at once; each takes some
	// 800 bytes.
	MaxFlows int
	// Ahead is how long after a RST what follows it still counts.
	Ahead time.Duration
}

// DefaultConfig has room for a busy gateway, and the two seconds of the paper.
func DefaultConfig() Config { return Config{MaxFlows: 200_000, Ahead: 2 * time.Second} }

// Tracker keeps the account. It is not safe for concurrent use.
type Tracker struct {
	ahead int64
	table table
	// How many packets were captured a second time at one place, of those that tell.
	telling, doubled uint64
	shared           shared
	scans            scans
	quiets           quiets
	free             *Watch
}

// New returns an account of nothing.
func New(cfg Config) *Tracker {
	return &Tracker{ahead: int64(cfg.Ahead), table: newTable(max(cfg.MaxFlows, 1))}
}

// Flows returns how many connections are known, and how many were forgotten
// for want of room.
func (t *Tracker) Flows() (known int, forgotten uint64) {
	return int(t.table.count), t.table.evicted
}

// Place says where a frame was captured: one packet may be so at several.
type Place struct {
	Interface uint32 // a number of the interface and of the way on it, in or out
	Header    uint32 // a hash of the link layer's header
	MAC       []byte // its source's address there; nil: it has none
}

// short is a place in 16 bits, never 0.
func (l *Place) short() uint16 {
	mixed := (l.Interface ^ l.Header*0x9e3779b1) * 0x85ebca6b
	return uint16(mixed>>16) | 1
}

// Add takes a segment that is no RST, captured at a place. at is its time in
// nanoseconds, 0 where it is not known. It reports false where the segment was
// captured before.
func (t *Tracker) Add(p *packet.Segment, at int64, place *Place) bool {
	c, from := t.table.find(p)
	s, o := &c.sides[from], &c.sides[1-from]
	short := place.short()
	tells := p.Payload > 0 || p.IPID != 0
	if s.packets > 0 {
		if r := s.repeats(p, at, short); r != nil {
			if tells && r.place == short {
				t.doubled++
			}
			return false
		}
	}
	if tells {
		t.telling++
	}
	if p.Flags&reset.SYN != 0 {
		c.begin(p, from)
	}
	c.silence(s, o, from, at)
	s.header(p, place)
	s.keep(p, at, short)
	fresh := s.sent(p)
	s.measure(p, at, fresh)
	if p.Flags&reset.ACK != 0 {
		s.acknowledged(p.Ack)
		s.answered(o, p.Ack, at)
	}
	if p.Flags&reset.SYN != 0 {
		s.syn, s.synStamp = true, p.Timestamp
	} else {
		s.dataStamp = s.dataStamp || p.Timestamp
		if fresh && p.Payload > 0 {
			s.data++
			c.data++
		}
	}
	s.fin = s.fin || p.Flags&reset.FIN != 0
	s.packets++
	s.last, c.last = at, max(c.last, at)
	if c.watches != nil {
		c.follow(p, from, at, t.ahead)
	}
	return true
}

// begin decides whether a SYN begins another connection.
func (c *connection) begin(p *packet.Segment, from int) {
	s, o := &c.sides[from], &c.sides[1-from]
	fresh := s.fresh() && o.fresh()
	if p.Flags&reset.ACK != 0 {
		switch {
		case s.syn && s.first == p.Seq, !s.syn && o.syn && p.Ack == o.first+1:
			// It belongs to this one, whatever was sent in between.
		case c.pending == int8(1-from) && p.Ack == c.pendingSeq+1:
			seq := c.pendingSeq
			c.renew()
			c.handshake, c.originator = true, int8(1-from)
			o.syn, o.hasSeq, o.first, o.end = true, true, seq, seq+1
		case fresh || c.closed():
			c.renew()
			c.handshake, c.originator = true, int8(1-from)
		case c.originator < 0 && !s.hasSeq:
			c.originator = int8(1 - from)
		}
		return
	}
	again := s.syn && s.first == p.Seq
	crossing := !s.syn && o.syn && o.data == 0 && !o.hasAck // both connect at once
	switch {
	case again || crossing:
	case fresh || c.closed():
		c.renew()
		c.handshake, c.originator = true, int8(from)
	default:
		// Whether it begins another connection is known when it is answered.
		c.pending, c.pendingSeq = int8(from), p.Seq
	}
}

// silence measures how long it was quiet before the side spoke: before the
// first of its packets that the other end has not answered.
func (c *connection) silence(s, o *side, from int, at int64) {
	if c.last == 0 || at == 0 {
		s.quiet, c.turn = -1, int8(from)
		return
	}
	gap := max(at-c.last, 0)
	if c.turn != int8(from) {
		s.quiet, c.turn = gap, int8(from)
		return
	}
	// It spoke last: that is silence only if it waits for nothing.
	if outstanding := s.hasSeq && (!o.hasAck || beyond(o.ackHigh, s.end) < 0); !outstanding {
		s.quiet = max(s.quiet, gap)
	}
}

// measure begins to wait for the acknowledgement of what was sent; of what was
// sent twice, nobody knows which one is acknowledged (Karn).
func (s *side) measure(p *packet.Segment, at int64, fresh bool) {
	switch {
	case fresh && !s.sampling && at != 0:
		s.sampling, s.sampleAt, s.sampleEnd = true, at, p.End()
	case !fresh && p.End() != p.Seq:
		s.sampling = false
	}
}

// answered ends that waiting of the other side.
func (s *side) answered(o *side, ack uint32, at int64) {
	if !o.sampling || beyond(ack, o.sampleEnd) < 0 {
		return
	}
	o.sampling = false
	if took := at - o.sampleAt; took > 0 && (s.answers == 0 || took < s.answers) {
		s.answers = took
	}
}
