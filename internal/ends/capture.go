package ends

import (
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Bounds of what is remembered of one capture; what comes after them serves no
// estimate, and of its connections nothing is said.
const (
	maxSamples = 1 << 18
	maxFlows   = 1 << 18
)

// hosts are the two ends of a packet, without ports.
type hosts struct{ src, dst packet.Address }

func (h hosts) turned() hosts { return hosts{h.dst, h.src} }

// flow is a connection, in one direction.
type flow struct {
	hosts
	srcPort, dstPort uint16
}

func (f flow) turned() flow { return flow{f.hosts.turned(), f.dstPort, f.srcPort} }

// label tells the packets of a flow apart.
type label struct {
	flow
	seq, ack uint32
	payload  uint32
	flags    reset.Flags
}

// span is from when to when something was seen.
type span struct{ first, last int64 }

func (s *span) add(at int64) {
	if s.first == 0 || at < s.first {
		s.first = at
	}
	s.last = max(s.last, at)
}

// Capture is what is remembered of one capture.
type Capture struct {
	samples map[label]int64 // when; 0: more than once, and so of no use
	flows   map[flow]span
	resets  map[label][]int64
	all     span
	full    bool // there were more connections than are remembered
}

// NewCapture returns an empty one.
func NewCapture() *Capture {
	return &Capture{samples: map[label]int64{}, flows: map[flow]span{}, resets: map[label][]int64{}}
}

// Add takes a segment that is no reset.
func (c *Capture) Add(s *packet.Segment, at int64) {
	l := labelOf(s)
	c.note(l.flow, at)
	if l.payload == 0 && l.flags&(reset.SYN|reset.FIN) == 0 {
		return // an acknowledgement is repeated, and a repetition is no sample
	}
	if _, again := c.samples[l]; again {
		c.samples[l] = 0
	} else if len(c.samples) < maxSamples {
		c.samples[l] = at
	}
}

func labelOf(s *packet.Segment) label {
	return label{flow{hosts{s.Src, s.Dst}, s.SrcPort, s.DstPort}, s.Seq, s.Ack, s.Payload, s.Flags}
}

// AddReset takes a reset.
func (c *Capture) AddReset(src, dst reset.Endpoint, p *reset.Packet, at int64) {
	l := labelOfReset(src, dst, p)
	c.note(l.flow, at)
	c.resets[l] = append(c.resets[l], at)
}

func labelOfReset(src, dst reset.Endpoint, p *reset.Packet) label {
	return label{flow{hosts{addressOf(src), addressOf(dst)}, src.Port(), dst.Port()}, p.Seq.V, p.Ack.V, 0, p.Flags}
}

func addressOf(e reset.Endpoint) packet.Address { return packet.AddressOf(e.Addr()) }

func (c *Capture) note(f flow, at int64) {
	c.all.add(at)
	s, known := c.flows[f]
	if !known && len(c.flows) >= maxFlows {
		c.full = true
		return
	}
	s.add(at)
	c.flows[f] = s
}

// has reports whether the capture has the connection, and was running at about a
// time: what left last may arrive a moment after the last packet.
func (c *Capture) has(f flow, at int64) bool {
	_, forth := c.flows[f]
	_, back := c.flows[f.turned()]
	return (forth || back) && at >= c.all.first-slackNS && at <= c.all.last+slackNS
}
