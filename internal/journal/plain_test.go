package journal

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// The short cut says yes only where packet.Decode gives the same fields, and
// does say yes to ordinary resets.
func TestPlainHeadersAgreeWithDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 40, 80).Draw(t, "raw")
		v6 := rapid.Bool().Draw(t, "ipv6") && len(raw) >= ipv6Header+tcpHeader
		at := ipv4Header
		if v6 {
			at = ipv6Header
			raw[0], raw[4], raw[5], raw[6] = 0x60|raw[0]&15, 0, byte(len(raw)-ipv6Header), protoTCP
		} else {
			raw[0], raw[2], raw[3], raw[6], raw[7], raw[9] = 0x45, 0, byte(len(raw)), raw[6]&0xc0, 0, protoTCP
		}
		raw = raw[:at+(len(raw)-at)/4*4]
		if v6 {
			raw[5] = byte(len(raw) - ipv6Header)
		} else {
			raw[3] = byte(len(raw))
		}
		raw[at+12] = byte(len(raw)-at)<<2 | raw[at+12]&15
		spoiled := rapid.IntRange(0, 3).Draw(t, "spoiled") == 0
		r := reset.Reset{Packet: reset.Packet{Raw: raw}}
		r.Src, r.Dst, _ = packet.Decode(raw, &r.Packet)
		if spoiled {
			i := rapid.IntRange(0, len(raw)-1).Draw(t, "at")
			raw[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "xor"))
		}
		var d reset.Packet
		src, dst, err := packet.Decode(raw, &d)
		agrees := src == r.Src && dst == r.Dst && sameHeaders(&r.Packet, &d)
		plain := plainHeaders(&r)
		if plain && (!agrees || err != nil) {
			t.Fatalf("the short cut says yes, packet.Decode gives %v %v %+v (%v), not %v %v %+v", src, dst, d, err, r.Src, r.Dst, r.Packet)
		}
		if !plain && !spoiled {
			t.Fatalf("the short cut says no to an ordinary packet: %+v", r.Packet)
		}
	})
}
