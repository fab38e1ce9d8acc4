package packet_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestDecodeLink(t *testing.T) {
	dst, src := []byte{2, 0, 0, 0, 0, 1}, []byte{2, 0, 0, 0, 0, 2}
	known := func(vlan reset.Opt[uint16]) reset.Packet {
		return reset.Packet{MACSrc: src, MACDst: dst, VLAN: vlan}
	}
	none := reset.Opt[uint16]{}
	tests := []struct {
		name   string
		header []byte
		want   reset.Packet
	}{
		{"Ethernet II", join(dst, src, []byte{8, 0}), known(none)},
		{"802.1Q, priority bits apart", join(dst, src, []byte{0x81, 0, 0xe0, 42, 8, 0}), known(reset.Some[uint16](42))},
		{"802.1ad: the outer number", join(dst, src, []byte{0x88, 0xa8, 1, 0, 0x81, 0, 0, 42, 8, 0}), known(reset.Some[uint16](256))},
		{"QinQ of old", join(dst, src, []byte{0x91, 0, 0, 9, 0x81, 0, 0, 42, 8, 0}), known(reset.Some[uint16](9))},
		{"no header", nil, reset.Packet{}},
		{"18 bytes without a tag", join(dst, src, []byte{8, 0, 0, 0, 8, 0}), reset.Packet{}},
		{"22 bytes with one tag", join(dst, src, []byte{0x81, 0, 0, 42, 8, 0, 0, 0, 8, 0}), reset.Packet{}},
		{"three tags", make([]byte, 26), reset.Packet{}},
		{"cooked capture", make([]byte, 16), reset.Packet{}},
		{"cut short", join(dst, src, []byte{8}), reset.Packet{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got reset.Packet
			packet.DecodeLink(tt.header, &got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("packet (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeLinkKeepsVLANFromBesideTheHeader(t *testing.T) {
	p := reset.Packet{VLAN: reset.Some[uint16](5)}
	packet.DecodeLink(make([]byte, 14), &p)
	if want := reset.Some[uint16](5); p.VLAN != want {
		t.Errorf("VLAN %v, want %v", p.VLAN, want)
	}
}

func TestDerive(t *testing.T) {
	raw := ipv6(6, tcp(rstAck))
	link := join([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 42, 0x86, 0xdd})
	got := reset.Packet{Raw: raw, LinkHeader: link, Mark: reset.Some[uint32](1)}
	src, dst, err := packet.Derive(&got)
	if err != nil {
		t.Fatal(err)
	}
	want := wanted6(func(p *reset.Packet) {
		p.Flags = reset.RST | reset.ACK
		p.Raw, p.LinkHeader, p.Mark = raw, link, reset.Some[uint32](1)
		p.MACDst, p.MACSrc, p.VLAN = link[0:6], link[6:12], reset.Some[uint16](42)
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packet (-want +got):\n%s", diff)
	}
	checkEndpoints(t, got, src, dst)
}

func TestDeriveWithoutRaw(t *testing.T) {
	got := wanted4(nil)
	if _, _, err := packet.Derive(&got); !errors.Is(err, packet.ErrTruncated) {
		t.Errorf("error %v, want %v", err, packet.ErrTruncated)
	}
	if diff := cmp.Diff(wanted4(nil), got); diff != "" {
		t.Errorf("packet (-want +got):\n%s", diff)
	}
}
