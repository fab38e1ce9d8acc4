package packet_test

import (
	"bytes"
	"testing"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// FuzzFragment: what is read of a piece lies within it, and made whole again it is
// no piece.
func FuzzFragment(f *testing.F) {
	whole := ipv4(tcp(byte(reset.RST)))
	f.Add(with(whole, 6, 0x20, 0))
	f.Add(with(whole, 6, 0, 1))
	f.Add(ipv6(44, join([]byte{6, 0, 0, 1, 0, 0, 0, 9}, tcp(4))))
	f.Fuzz(func(t *testing.T, data []byte) {
		var one packet.Fragment
		if !packet.ReadFragment(data, &one) {
			return
		}
		if len(one.Head)+len(one.Data) > len(data) || !bytes.Contains(data, one.Data) {
			t.Fatalf("%d and %d bytes of %d", len(one.Head), len(one.Data), len(data))
		}
		if one.Offset != 0 {
			return
		}
		made, ok := packet.Whole(nil, one.Head, one.Data)
		if ok && packet.ReadFragment(made, &one) {
			t.Errorf("still a piece: % x", made)
		}
	})
}
