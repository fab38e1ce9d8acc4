package flow

import (
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func numbered(n uint32) *packet.Segment {
	return &packet.Segment{
		Src: packet.Address{Lo: 0xffff0a000000 | uint64(n>>8)}, Dst: packet.Address{Lo: 0xffff0b000001},
		SrcPort: uint16(n), DstPort: 80, Version: 4, Flags: reset.SYN, Seq: n,
	}
}

// TestTableAgainstMap holds the table against a map, with few places and many
// connections.
func TestTableAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		table := newTable(limit)
		known := map[uint32]*connection{}
		for _, n := range rapid.SliceOfN(rapid.Uint32Range(0, 60), 1, 300).Draw(t, "connections") {
			before := table.evicted
			c, _ := table.find(numbered(n))
			switch old := known[n]; {
			case old != nil && old != c && c.sides[0].packets+c.sides[1].packets != 0:
				t.Fatalf("connection %d is found in another's place", n)
			case old == nil && c.sides[0].packets+c.sides[1].packets != 0:
				t.Fatalf("a new connection %d is not empty", n)
			}
			if table.evicted != before {
				for m, have := range known {
					if have == c {
						delete(known, m)
					}
				}
			}
			known[n] = c
			c.sides[0].packets = 1
			if len(known) > limit || int(table.count) != len(known) {
				t.Fatalf("%d connections are known, %d counted, with room for %d", len(known), table.count, limit)
			}
			for m, have := range known {
				if again, _ := table.find(numbered(m)); again != have {
					t.Fatalf("connection %d is not found where it was", m)
				}
			}
		}
	})
}

// TestBounds floods the account with connections and resets.
func TestBounds(t *testing.T) {
	x := New(Config{MaxFlows: 1000, Ahead: DefaultConfig().Ahead})
	var held []*Watch
	for n := range uint32(50_000) {
		p := numbered(n)
		x.Add(p, int64(n)*1000, &Place{})
		p.Flags = reset.RST
		if w := x.Reset(p, int64(n)*1000, &Place{}); w != nil {
			held = append(held, w)
		}
		if len(held) > 2000 {
			x.Release(held[0])
			held = held[1:]
		}
	}
	if known, forgotten := x.Flows(); known != 1000 || forgotten != 49_000 {
		t.Errorf("%d connections known, %d forgotten", known, forgotten)
	}
	if size := unsafe.Sizeof(connection{}); size > 850 {
		t.Errorf("a connection takes %d bytes", size)
	}
}

// TestNothingIsAllocated for an ordinary packet.
func TestNothingIsAllocated(t *testing.T) {
	x := New(Config{MaxFlows: 100, Ahead: DefaultConfig().Ahead})
	p := numbered(1)
	at, place := int64(0), Place{MAC: clientMAC}
	if n := testing.AllocsPerRun(1000, func() {
		at += 1000
		p.Seq++
		x.Add(p, at, &place)
	}); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	x := New(DefaultConfig())
	var segments [4096]packet.Segment
	for i := range segments {
		segments[i] = *numbered(uint32(i * 7919 % 1000))
		segments[i].Flags, segments[i].Payload = reset.ACK, 1000
	}
	place := Place{MAC: clientMAC}
	b.ReportAllocs()
	for i := range b.N {
		p := &segments[i%len(segments)]
		p.Seq += 1000
		x.Add(p, int64(i)*1000, &place)
	}
}
