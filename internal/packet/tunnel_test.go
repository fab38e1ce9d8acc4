package packet_test

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// FuzzLayers: no bytes lead outside of themselves, or on for ever.
func FuzzLayers(f *testing.F) {
	rst := ipv4(tcp(byte(reset.RST)))
	f.Add(join([]byte{0x08, 0x00}, rst), uint8(0))
	f.Add(join([]byte{0x88, 0x47, 0, 1, 1, 64}, rst), uint8(0))
	f.Add(join([]byte{0x88, 0x64, 0x11, 0, 0, 7, 0, 42, 0, 0x21}, rst), uint8(0))
	f.Add(with(rst, 9, 4), uint8(1))
	f.Add(join([]byte{0xff, 3, 0, 0x21}, rst), uint8(2))
	f.Add(join([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, rst), uint8(3))
	var l packet.Layers
	f.Fuzz(func(t *testing.T, data []byte, kind uint8) {
		l.Reset()
		walk := []func([]byte, int) (int, bool){l.FromEther, l.FromIP, l.FromPPP, l.FromSNAP, l.FromPPPoE}[kind%5]
		at, ok := walk(data, 0)
		if ok && (at < 0 || at >= len(data)) {
			t.Errorf("IP at %d of %d bytes", at, len(data))
		}
		if len(l.List) > 64 {
			t.Errorf("%d layers", len(l.List))
		}
	})
}
