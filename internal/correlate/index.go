package correlate

import "github.com/rstwatch/rstwatch/internal/reset"

// tuple is the addresses of a RST as it bears them.
type tuple struct{ src, dst reset.Endpoint }

// index finds the waiting reset that a sighting belongs to: by the RST's
// addresses, and by the kernel's packet, whose addresses a router may have
// translated.
type index struct {
	byTuple  map[tuple]*pending // newest first, linked by nextOfTuple
	byPacket map[uint64]*pending
}

func newIndex() index {
	return index{byTuple: make(map[tuple]*pending), byPacket: make(map[uint64]*pending)}
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
		return x.findAbort(s)
	}
	return nil
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

// note remembers the kernel's packet of a sighting that was joined.
func (x *index) note(p *pending, s *reset.Sighting) {
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
