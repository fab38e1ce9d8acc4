package reset_test

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestHashesAreTheThreeHashes(t *testing.T) {
	ips := []netip.Addr{
		{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("192.0.2.2"),
		netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:1::1"), netip.MustParseAddr("fe80::1%eth0"),
	}
	endpoint := rapid.Custom(func(t *rapid.T) reset.Endpoint {
		ip := rapid.SampledFrom(ips).Draw(t, "ip")
		return reset.Endpoint{AddrPort: netip.AddrPortFrom(ip, rapid.Uint16Range(0, 2).Draw(t, "port"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		src, dst := endpoint.Draw(t, "src"), endpoint.Draw(t, "dst")
		p := &reset.Packet{Flags: reset.Flags(rapid.Byte().Draw(t, "flags"))}
		if rapid.IntRange(0, 3).Draw(t, "has seq") > 0 {
			p.Seq = reset.Some(rapid.Uint32().Draw(t, "seq"))
			p.Ack = reset.Some(rapid.Uint32().Draw(t, "ack"))
			p.IPID = reset.Some(rapid.Uint16().Draw(t, "ip id"))
			p.Window = reset.Some(rapid.Uint16().Draw(t, "window"))
		}
		flow, pkt, packet := reset.Hashes(src, dst, p)
		if flow != reset.FlowHash(src, dst) || pkt != reset.PktHash(src, dst, p.Seq) || packet != reset.PacketHash(src, dst, p) {
			t.Fatalf("Hashes(%v, %v, %+v) differs from the three", src, dst, p)
		}
	})
}
