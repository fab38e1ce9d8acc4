package flow

import (
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	keptAcks    = 8 // distinct values, the latest
	keptPackets = 4
)

// side is what one end of a connection has sent, its resets left out.
type side struct {
	packets uint32
	data    uint32 // packets with data not sent before

	last  int64 // when it sent last
	quiet int64 // the silence that ended when it began to speak; -1: not known

	// The packet whose acknowledgement is waited for, to learn how fast the
	// other end answers.
	sampleAt  int64
	sampleEnd uint32
	sampling  bool
	answers   int64 // least time in which this end acknowledged; 0: not known

	first, end      uint32 // lowest SEQ; after the highest
	ackLow, ackHigh uint32
	acks            [keptAcks]uint32
	ackCount        uint32 // values put there, ever

	recent [keptPackets]seen

	ipid        uint16
	idSteps     uint32 // packets after the first
	idCounted   uint32 // of them, those whose IP ID counted on
	mac         [6]byte
	macOn       uint32 // the interface of that
	ttlMin      uint8
	ttlMax      uint8
	hasMAC      bool
	hasSeq      bool
	hasAck      bool
	syn         bool
	synStamp    bool // with the timestamp option
	dataStamp   bool // a later packet with it
	fin         bool
	rst         bool
	df, mayFrag bool // a packet with, without DF
}

// seen is one packet of the latest.
type seen struct {
	at           int64
	seq, ack     uint32
	payload      uint32
	length       uint16
	ipid, window uint16
	place        uint16 // where it was captured; 0: no packet
	flags        reset.Flags
	ttl, tos     uint8
}

func (s *side) fresh() bool { return s.packets == 0 }

// repeats finds the packet of the latest that is this one, captured before.
func (s *side) repeats(p *packet.Segment, at int64, place uint16) *seen {
	for i := range s.recent {
		r := &s.recent[i]
		if r.place != 0 && r.seq == p.Seq && r.ack == p.Ack && r.payload == p.Payload && r.flags == p.Flags &&
			r.ipid == p.IPID && r.window == p.Window && together(at-r.at, r.place == place, p.IPID != 0 || p.Payload > 0) {
			return r
		}
	}
	return nil
}

// How far apart the captures of one packet may be, in nanoseconds: at one
// place, and at two, between which a queue may lie, or clocks that differ.
const (
	copyWithin   = 1_000_000
	passedWithin = 2_000_000_000
)

// together reports whether two frames with the same numbers can be of one packet.
// own: the numbers are that packet's own.
func together(apart int64, samePlace, own bool) bool {
	within := int64(copyWithin)
	if !samePlace && own {
		within = passedWithin
	}
	return apart < within && -apart < within
}

func (s *side) keep(p *packet.Segment, at int64, place uint16) {
	s.recent[s.packets%keptPackets] = seen{
		at: at, seq: p.Seq, ack: p.Ack, payload: p.Payload, length: uint16(min(p.Length, 0xffff)), ipid: p.IPID,
		window: p.Window, place: place, flags: p.Flags, ttl: p.TTL, tos: p.TOS,
	}
}

// header takes note of what the IP header shows of the sender.
func (s *side) header(p *packet.Segment, place *Place) {
	if len(place.MAC) == 6 {
		s.mac, s.macOn, s.hasMAC = [6]byte(place.MAC), place.Interface, true
	}
	if s.packets == 0 {
		s.ttlMin, s.ttlMax = p.TTL, p.TTL
	} else {
		s.ttlMin, s.ttlMax = min(s.ttlMin, p.TTL), max(s.ttlMax, p.TTL)
	}
	if p.Version != 4 {
		return
	}
	if p.DF {
		s.df = true
	} else {
		s.mayFrag = true
	}
	if s.packets > 0 {
		s.idSteps++
		if step := p.IPID - s.ipid; step > 0 && step <= idStep {
			s.idCounted++
		}
	}
	s.ipid = p.IPID
}

// idStep is the largest step of an IP ID that still counts: a packet that was
// segmented after the capture takes as many numbers as it becomes packets.
const idStep = 64

// counts reports whether the IP IDs of this end count up.
func (s *side) counts() bool { return s.idSteps >= 3 && s.idCounted*8 >= s.idSteps*7 }

// sent takes note of SEQ and data; it reports whether they are new.
func (s *side) sent(p *packet.Segment) (fresh bool) {
	end := p.End()
	if !s.hasSeq {
		s.hasSeq, s.first, s.end = true, p.Seq, end
		return end != p.Seq
	}
	if !near(end, s.end) {
		return false // not of this stream
	}
	if beyond(p.Seq, s.first) < 0 && !s.syn {
		s.first = p.Seq
	}
	if beyond(end, s.end) <= 0 {
		return false
	}
	s.end = end
	if beyond(end, s.first) > half {
		s.first = end - half // what is older cannot be told from what is to come
	}
	return end != p.Seq
}

// acknowledged takes note of an ACK.
func (s *side) acknowledged(ack uint32) {
	switch {
	case !s.hasAck:
		s.hasAck, s.ackLow, s.ackHigh = true, ack, ack
	case s.acks[(s.ackCount-1)%keptAcks] == ack:
		return
	default:
		if d := beyond(ack, s.ackHigh); d > 0 && d <= half {
			s.ackHigh = ack
			if beyond(ack, s.ackLow) > half {
				s.ackLow = ack - half
			}
		}
		if d := beyond(ack, s.ackLow); d < 0 && d >= -half {
			s.ackLow = ack
		}
	}
	s.acks[s.ackCount%keptAcks] = ack
	s.ackCount++
}

// sentAck reports whether a number is an ACK that this end sent of late.
func (s *side) sentAck(number uint32) bool {
	for i := range min(s.ackCount, keptAcks) {
		if s.acks[i] == number {
			return true
		}
	}
	return false
}

// mayHaveSentAck reports whether a number may be an ACK that is no longer kept.
func (s *side) mayHaveSentAck(number uint32) bool {
	return s.ackCount > keptAcks && within(number, s.ackLow, s.ackHigh)
}
