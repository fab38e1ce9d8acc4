package capture

import (
	"slices"
	"time"

	"github.com/rstwatch/rstwatch/internal/packet"
)

// Bounds of the packets that wait for pieces: what a capture cannot make grow.
const (
	maxPartial   = 512       // packets
	maxPieces    = 64        // of one
	maxPieceData = 1<<16 - 1 // bytes of one
	partialFor   = int64(30 * time.Second)
)

// partialKey is what the pieces of one packet share, at one place: a router's
// capture has each of them twice.
type partialKey struct {
	packet.FragmentKey
	device, header uint32
}

// partial is a packet of which not all pieces have come.
type partial struct {
	key    partialKey
	at     int64 // of its first piece in the file
	head   []byte
	pieces []piece
	end    int // of what was divided; 0: the last piece has not come
	broken bool
	// The frame of the piece that begins it, with what the file says of it: what is
	// read if the others never come.
	first frame
	name  string
	spot  spot
	// The headers around it.
	layers packet.Layers
}

type piece struct {
	offset int
	data   []byte
}

// partials are those that wait, the oldest first.
type partials struct {
	waiting map[partialKey]*partial
	order   []*partial
}

// piece takes a fragment. It returns true where the frame is one, and all of it is
// seen to; what the pieces make is read when the last has come.
func (r *Reader) piece(name string, f *frame, at spot) (bool, error) {
	var one packet.Fragment
	if !packet.ReadFragment(f.data[at.ip:], &one) {
		return false, nil
	}
	if err := r.expire(f.at); err != nil {
		return true, err
	}
	place := f.place(at.link)
	key := partialKey{one.Key, place.Interface, place.Header}
	p := r.partials.waiting[key]
	if p == nil {
		if len(r.partials.order) >= maxPartial {
			if err := r.giveUp(); err != nil {
				return true, err
			}
		}
		p = &partial{key: key, at: f.at}
		if r.partials.waiting == nil {
			r.partials.waiting = map[partialKey]*partial{}
		}
		r.partials.waiting[key] = p
		r.partials.order = append(r.partials.order, p)
	}
	if one.Offset == 0 && p.head == nil {
		p.head, p.name, p.spot, p.first = slices.Clone(one.Head), name, at, *f
		p.first.data, p.first.options = slices.Clone(f.data), slices.Clone(f.options)
		p.layers = r.layers.Clone()
	} else {
		r.counts.Fragments++
	}
	p.add(&one)
	divided, ok := p.join()
	if !ok {
		return true, nil
	}
	r.remove(p)
	whole, ok := packet.Whole(slices.Clone(p.first.data[:p.spot.ip]), p.head, divided)
	if !ok {
		return true, r.alone(p)
	}
	put := p.first
	put.data, put.whole = whole, len(whole)
	return true, r.resume(p, &put)
}

// resume goes on with a packet where its first piece was found.
func (r *Reader) resume(p *partial, f *frame) error {
	around := r.layers
	r.layers = p.layers
	err := r.read(p.name, f, p.spot)
	r.layers = around
	return err
}

// add keeps a piece. Pieces that contradict each other make nothing: what a
// receiver would make of them is not known (RFC 5722).
func (p *partial) add(one *packet.Fragment) {
	end := one.Offset + len(one.Data)
	if one.Cut || end > maxPieceData || len(p.pieces) >= maxPieces || one.More && len(one.Data)%8 != 0 {
		p.broken = true
		return
	}
	for _, have := range p.pieces {
		if have.offset == one.Offset && slices.Equal(have.data, one.Data) {
			return // captured twice
		}
		if one.Offset < have.offset+len(have.data) && have.offset < end {
			p.broken = true
			return
		}
	}
	if !one.More {
		p.end = end
	}
	p.pieces = append(p.pieces, piece{one.Offset, slices.Clone(one.Data)})
}

// join returns what was divided, once all of it is there.
func (p *partial) join() (divided []byte, ok bool) {
	if p.broken || p.head == nil || p.end == 0 {
		return nil, false
	}
	have := 0
	for _, one := range p.pieces {
		have += len(one.data)
	}
	if have != p.end {
		return nil, false
	}
	divided = make([]byte, p.end)
	for _, one := range p.pieces {
		if one.offset+len(one.data) > p.end {
			return nil, false
		}
		copy(divided[one.offset:], one.data)
	}
	return divided, true
}

// expire gives up those that have waited too long.
func (r *Reader) expire(now int64) error {
	for len(r.partials.order) > 0 && now-r.partials.order[0].at > partialFor {
		if err := r.giveUp(); err != nil {
			return err
		}
	}
	return nil
}

// giveUpAll is for the end.
func (r *Reader) giveUpAll() error {
	for len(r.partials.order) > 0 {
		if err := r.giveUp(); err != nil {
			return err
		}
	}
	return nil
}

// giveUp reads of the oldest what there is.
func (r *Reader) giveUp() error {
	p := r.partials.order[0]
	r.remove(p)
	return r.alone(p)
}

// alone reads the first piece as if it were the packet: it may bear the TCP
// header, and then the reset is on record.
func (r *Reader) alone(p *partial) error {
	if p.head == nil {
		return nil
	}
	return r.resume(p, &p.first)
}

func (r *Reader) remove(p *partial) {
	delete(r.partials.waiting, p.key)
	if at := slices.Index(r.partials.order, p); at >= 0 {
		r.partials.order = slices.Delete(r.partials.order, at, at+1)
	}
}
