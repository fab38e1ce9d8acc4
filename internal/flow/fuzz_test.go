package flow

import (
	"encoding/binary"
	"testing"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// FuzzTracker feeds any segments at any times: the account must stay within its
// bounds and know every held RST.
func FuzzTracker(f *testing.F) {
	f.Add([]byte("\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00\x01\x02\x12\x00\x00\x00\x05\x00\x00\x00\x02\x01\x02\x04\x00\x00\x00\x06\x00\x00\x00\x02\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := New(Config{MaxFlows: 4, Ahead: DefaultConfig().Ahead})
		at := int64(1e18)
		var held []*Watch
		for len(b) >= 12 {
			p := packet.Segment{
				Src: packet.Address{Lo: uint64(b[0] & 7)}, Dst: packet.Address{Lo: uint64(b[0] >> 3 & 7)}, Flags: reset.Flags(b[1]),
				Seq: binary.BigEndian.Uint32(b[2:]), Ack: binary.BigEndian.Uint32(b[6:]), Payload: uint32(b[10] & 3), IPID: uint16(b[10] >> 4),
				Version: 4, DF: b[10]&4 != 0,
			}
			at += int64(int8(b[11])) << (b[11] & 31)
			place := Place{Interface: uint32(b[0] >> 6)}
			b = b[12:]
			if p.Flags&reset.RST == 0 {
				x.Add(&p, at, &place)
			} else if w := x.Reset(&p, at, &place); w != nil {
				held = append(held, w)
			}
			if len(held) > 6 {
				x.Release(held[0])
				held = held[1:]
			}
			if known, _ := x.Flows(); known > 4 {
				t.Fatalf("%d connections, with room for 4", known)
			}
		}
		linked := map[*Watch]bool{}
		for i := range x.table.count {
			for w := x.table.at(i).watches; w != nil; w = w.older {
				if linked[w] {
					t.Fatal("a RST is held twice")
				}
				linked[w] = true
			}
		}
		for _, w := range held {
			if w.conn != nil && !linked[w] {
				t.Fatal("a held RST is not known to its connection")
			}
			delete(linked, w)
			x.Release(w)
		}
		if len(linked) > 0 {
			t.Fatalf("%d resets were given back and are still linked", len(linked))
		}
	})
}
