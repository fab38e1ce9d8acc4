package flow

import (
	"math/bits"
	"math/rand/v2"

	"github.com/rstwatch/rstwatch/internal/packet"
)

// connection is one pair of endpoints and what passed between them.
type connection struct {
	a, b         packet.Address // the lesser first
	aPort, bPort uint16
	version      uint8
	used         bool
	touched      bool // since the hand passed
	handshake    bool // seen from its SYN on
	originator   int8 // the side that sent the SYN; -1: not known
	turn         int8 // the side that spoke last; -1: none
	hash         uint32
	data         uint32 // packets with data not sent before, of both
	last         int64  // when either spoke
	pending      int8   // the side that sent a SYN into a connection that lives; -1: none
	pendingSeq   uint32
	sides        [2]side
	watches      *Watch // held resets, the latest first
}

// renew begins another connection between the same endpoints.
func (c *connection) renew() {
	c.handshake, c.originator, c.turn, c.pending = false, -1, -1, -1
	c.data, c.last = 0, 0
	c.sides = [2]side{}
	for w := c.watches; w != nil; w = w.older {
		w.over = true
	}
}

// closed reports whether the connection has come to its end, so that a SYN
// begins another.
func (c *connection) closed() bool {
	a, b := &c.sides[0], &c.sides[1]
	return a.rst || b.rst || a.fin && b.fin
}

const (
	chunkBits = 6
	chunkSize = 1 << chunkBits
)

// table finds connections by their endpoints: open addressing with linear
// probing over indices of connections, which lie in chunks that never move.
type table struct {
	slots  []uint64 // hash of a connection, then its index plus one; 0: empty
	chunks []*[chunkSize]connection
	count  uint32 // in use
	limit  uint32
	hand   uint32 // the next to be looked at when room is needed
	seeds  [4]uint64

	evicted uint64
}

func newTable(limit int) table {
	t := table{limit: uint32(limit), slots: make([]uint64, 1<<10)}
	for i := range t.seeds {
		t.seeds[i] = rand.Uint64() | 1 // so that nobody can make endpoints that collide
	}
	return t
}

func (t *table) at(index uint32) *connection { return &t.chunks[index>>chunkBits][index&(chunkSize-1)] }

// find returns the connection of a segment, which may be a new one, and which
// side of it sent the segment.
func (t *table) find(p *packet.Segment) (c *connection, from int) {
	a, b, aPort, bPort := p.Src, p.Dst, p.SrcPort, p.DstPort
	if less(b, bPort, a, aPort) {
		a, b, aPort, bPort, from = b, a, bPort, aPort, 1
	}
	hash := t.hash(a, b, aPort, bPort)
	mask := uint32(len(t.slots) - 1)
	for at := hash & mask; t.slots[at] != 0; at = (at + 1) & mask {
		if uint32(t.slots[at]>>32) != hash {
			continue // nothing of the connection itself is touched: it is far away
		}
		c = t.at(uint32(t.slots[at]) - 1)
		if c.a == a && c.b == b && c.aPort == aPort && c.bPort == bPort && c.version == p.Version {
			c.touched = true
			return c, from
		}
	}
	index := t.room()
	c = t.at(index)
	*c = connection{a: a, b: b, aPort: aPort, bPort: bPort, version: p.Version, hash: hash, used: true, touched: true}
	c.renew()
	t.insert(index, hash)
	return c, from
}

func less(a packet.Address, aPort uint16, b packet.Address, bPort uint16) bool {
	if a.Lo != b.Lo {
		return a.Lo < b.Lo
	}
	if a.Hi != b.Hi {
		return a.Hi < b.Hi
	}
	return aPort < bPort
}

func (t *table) hash(a, b packet.Address, aPort, bPort uint16) uint32 {
	high, low := bits.Mul64(a.Lo^t.seeds[0], b.Lo^t.seeds[1])
	more, rest := bits.Mul64(a.Hi^uint64(aPort)^t.seeds[2], b.Hi^uint64(bPort)<<16^t.seeds[3])
	mixed := (high ^ low ^ more ^ rest) * 0x9e3779b97f4a7c15
	return uint32(mixed >> 32)
}

// room returns the index of a connection that may be overwritten.
func (t *table) room() uint32 {
	if t.count < t.limit {
		if t.count == uint32(len(t.chunks))*chunkSize {
			t.chunks = append(t.chunks, new([chunkSize]connection))
		}
		t.count++
		if int(t.count)*2 > len(t.slots) {
			t.grow()
		}
		return t.count - 1
	}
	// The first that was not touched since the hand was there last.
	for {
		index := t.hand
		t.hand = (t.hand + 1) % t.limit
		c := t.at(index)
		if c.touched {
			c.touched = false
			continue
		}
		t.remove(index)
		t.evicted++
		return index
	}
}

// grow doubles the slots.
func (t *table) grow() {
	t.slots = make([]uint64, 2*len(t.slots))
	for index := range t.count {
		if c := t.at(index); c.used {
			t.insert(index, c.hash)
		}
	}
}

func (t *table) insert(index, hash uint32) {
	mask := uint32(len(t.slots) - 1)
	at := hash & mask
	for t.slots[at] != 0 {
		at = (at + 1) & mask
	}
	t.slots[at] = uint64(hash)<<32 | uint64(index+1)
}

// remove forgets a connection, and closes the gap in the slots, so that those
// after it are still found.
func (t *table) remove(index uint32) {
	c := t.at(index)
	for w := c.watches; w != nil; w = w.older {
		w.conn = nil
	}
	c.used, c.watches = false, nil
	mask := uint32(len(t.slots) - 1)
	at := c.hash & mask
	for uint32(t.slots[at]) != index+1 {
		at = (at + 1) & mask
	}
	for next := (at + 1) & mask; t.slots[next] != 0; next = (next + 1) & mask {
		home := uint32(t.slots[next]>>32) & mask
		if (next-home)&mask >= (next-at)&mask {
			t.slots[at] = t.slots[next]
			at = next
		}
	}
	t.slots[at] = 0
}
