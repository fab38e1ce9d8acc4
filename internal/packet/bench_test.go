package packet_test

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func BenchmarkDecode(b *testing.B) {
	for _, bb := range []struct {
		name string
		raw  []byte
	}{
		{"IPv4 RST of 40 bytes", ipv4(tcp(rst))},
		{"IPv4 RST with timestamps", ipv4(tcp(rstAck, timestamps...))},
		{"IPv6 RST of 60 bytes", ipv6(6, tcp(rst))},
		{"IPv6 RST after three extensions", ipv6(0, join(with(extension, 0, 43), with(extension, 0, 60), extension, tcp(rst)))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var p reset.Packet
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := packet.Decode(bb.raw, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
