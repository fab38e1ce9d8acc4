package correlate

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// tuple is the addresses of a RST as it bears them.
type tuple struct{ src, dst reset.Endpoint }

// index finds the waiting reset that a sighting belongs to: by the RST's
// addresses, and by the kernel's packet, whose addresses a router may have
// translated.
type index struct {
	byTuple  map[tuple]*pending // newest first, linked by nextOfTuple
	byPacket map[uint64]*pending
	bySocket map[uint64]*pending // aborts, and what a socket took
	left     []*pending          // by CPU: what a device sent last, for the kernel or a firewall
	arrived  []*pending          // by CPU: what a device received last
	chain    int64               // see chainOf
}

func newIndex(window time.Duration) index {
	return index{chain: chainOf(window), byTuple: make(map[tuple]*pending), byPacket: make(map[uint64]*pending), bySocket: make(map[uint64]*pending)}
}

// find returns the waiting reset that the sighting belongs to, or nil.
func (x *index) find(s *reset.Sighting) *pending {
	if s.SKB != 0 {
		if p := x.byPacket[s.SKB]; p != nil && p.takes(s, samePacket) {
			return p
		}
	}
	first := x.byTuple[tuple{s.Src, s.Dst}]
	for _, like := range [...]likeness{samePacket, alike} {
		for p := first; p != nil; p = p.nextOfTuple {
			if p.takes(s, like) {
				return p
			}
		}
	}
	if s.Hook == reset.HookSent && s.Trigger != nil {
		if p := x.findAbort(s); p != nil {
			return p
		}
	}
	return x.findTranslated(s)
}

// findTranslated finds the reset that a socket sent or took under other
// addresses than the packet bears on the wire: conntrack translates a host's
// own connections too. The socket tells, else the numbers of what the same CPU
// has just seen on a device: where one end is the same SEQ is enough, where
// both were translated all that the RST must bear.
func (x *index) findTranslated(s *reset.Sighting) *pending {
	switch s.Hook {
	case reset.HookSent:
		if p := x.bySocket[s.Cookie]; p != nil && s.Cookie != 0 {
			if s.Trigger == nil && p.takes(s, samePacket) || s.Trigger != nil && p.isAbort(s) {
				return p
			}
		}
		if s.Trigger != nil && !s.Complete {
			p := lastOf(x.left, s.CPU)
			if found := oneEnd(p, s); found != nil {
				return found
			}
			if p != nil && p.takes(s, samePacket) && p.isAnswer(s, x.chain) {
				return p
			}
		}
	case reset.HookAccepted:
		p := lastOf(x.arrived, s.CPU)
		if found := oneEnd(p, s); found != nil && s.Next.OK && found.record.Packet.Seq == s.Next {
			return found
		}
		if p != nil && p.takes(s, samePacket) && p.isExpected(s, x.chain) {
			return p
		}
	}
	return nil
}

// oneEnd returns p if it takes the sighting and one of its ends is the same:
// a translation changes the other.
func oneEnd(p *pending, s *reset.Sighting) *pending {
	if p == nil || p.tuple.src != s.Src && p.tuple.dst != s.Dst || !p.takes(s, samePacket) {
		return nil
	}
	return p
}

func lastOf(list []*pending, cpu uint32) *pending {
	if int(cpu) >= len(list) {
		return nil
	}
	return list[cpu]
}

// findAbort finds the event of tcp_reset that no RST brought about: see
// pending.isAbort. Its record has the addresses the other way round.
func (x *index) findAbort(s *reset.Sighting) *pending {
	for p := x.byTuple[tuple{s.Dst, s.Src}]; p != nil; p = p.nextOfTuple {
		if p.isAbort(s) {
			return p
		}
	}
	return nil
}

// move files a reset under its record's addresses, where they have changed.
func (x *index) move(p *pending) {
	if now := (tuple{p.record.Src, p.record.Dst}); p.only(reset.HookSent) && now != p.tuple {
		x.removeTuple(p)
		p.tuple = now
		p.nextOfTuple = x.byTuple[now]
		x.byTuple[now] = p
	}
}

func (x *index) add(p *pending, s *reset.Sighting) {
	p.tuple = tuple{s.Src, s.Dst}
	p.nextOfTuple = x.byTuple[p.tuple]
	x.byTuple[p.tuple] = p
	x.note(p, s)
}

// note remembers what later sightings may share with one that was joined.
func (x *index) note(p *pending, s *reset.Sighting) {
	switch {
	case s.Hook == reset.HookAccepted || s.Hook == reset.HookWireOut && s.Origin == reset.OriginTCPSocket:
		if s.Cookie != 0 && s.Cookie == p.socket {
			x.bySocket[s.Cookie] = p
		}
	case p.only(reset.HookWireIn):
		x.noteCPU(&x.arrived, p, s.CPU)
	case p.only(reset.HookWireOut):
		x.noteCPU(&x.left, p, s.CPU)
	}
	x.notePacket(p, s)
}

// maxCPUs bounds the lists by CPU, whatever a sensor says.
const maxCPUs = 1 << 13

func (x *index) noteCPU(list *[]*pending, p *pending, cpu uint32) {
	if cpu >= maxCPUs {
		return
	}
	x.forgetCPU(p)
	for len(*list) <= int(cpu) {
		*list = append(*list, nil)
	}
	(*list)[cpu], p.cpu = p, cpu
}

func (x *index) forgetCPU(p *pending) {
	for _, list := range [...][]*pending{x.left, x.arrived} {
		if lastOf(list, p.cpu) == p {
			list[p.cpu] = nil
		}
	}
}

// notePacket remembers the kernel's packet.
func (x *index) notePacket(p *pending, s *reset.Sighting) {
	if s.SKB == 0 || s.Hook == reset.HookSent {
		return // of a reply the packet is its trigger's
	}
	if p.skb != 0 && p.skb != s.SKB && x.byPacket[p.skb] == p {
		delete(x.byPacket, p.skb)
	}
	p.skb = s.SKB
	x.byPacket[s.SKB] = p
}

func (x *index) remove(p *pending) {
	if p.skb != 0 && x.byPacket[p.skb] == p {
		delete(x.byPacket, p.skb)
	}
	if p.socket != 0 && x.bySocket[p.socket] == p {
		delete(x.bySocket, p.socket)
	}
	x.forgetCPU(p)
	x.removeTuple(p)
}

func (x *index) removeTuple(p *pending) {
	at := x.byTuple[p.tuple]
	if at == p {
		if p.nextOfTuple == nil {
			delete(x.byTuple, p.tuple)
		} else {
			x.byTuple[p.tuple] = p.nextOfTuple
		}
		p.nextOfTuple = nil
		return
	}
	for ; at != nil; at = at.nextOfTuple {
		if at.nextOfTuple == p {
			at.nextOfTuple = p.nextOfTuple
			break
		}
	}
	p.nextOfTuple = nil
}
