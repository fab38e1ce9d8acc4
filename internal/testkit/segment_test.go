package testkit

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// crafted is what another decoder reads from a segment.
type crafted struct {
	Seq, Ack         uint32
	RST, ACK, NS     bool
	Window, Checksum uint16
	TTL              uint8
	Payload          string
}

func TestSegmentsAreWhatTheySay(t *testing.T) {
	v4 := [2]netip.AddrPort{netip.MustParseAddrPort("10.77.1.2:1000"), netip.MustParseAddrPort("10.77.2.2:80")}
	v6 := [2]netip.AddrPort{netip.MustParseAddrPort("[fd77::1]:1000"), netip.MustParseAddrPort("[fd77::2]:80")}
	tests := []struct {
		name   string
		ends   [2]netip.AddrPort
		change func(*Segment)
	}{
		{"ipv4", v4, func(*Segment) {}},
		{"ipv6", v6, func(*Segment) {}},
		{"ipv4 options", v4, func(s *Segment) { s.IPOptions, s.Options = []byte{1, 1, 1}, []byte{1, 1, 1, 1, 1} }},
		{"ipv6 extensions", v6, func(s *Segment) {
			s.Extensions = []Extension{{0, []byte{1, 4, 0, 0, 0, 0}}, {60, make([]byte, 9)}}
		}},
		{"odd payload", v6, func(s *Segment) { s.Payload = []byte("odd") }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Segment{Src: test.ends[0], Dst: test.ends[1], Seq: 5, Ack: 6, Flags: reset.RST | reset.ACK, Window: 7, TTL: 9}
			test.change(&s)
			want := crafted{Seq: 5, Ack: 6, RST: true, ACK: true, Window: 7, TTL: 9, Payload: string(s.Payload)}
			got := decodeWithGopacket(t, s.Bytes())
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("segment (-want +got):\n%s", diff)
			}
			s.BadChecksum = true
			if got := decodeWithGopacket(t, s.Bytes()); got.Checksum == 0 {
				t.Error("bad checksum is good")
			}
		})
	}
}

// decodeWithGopacket leaves in Checksum by how much the checksum is wrong.
func decodeWithGopacket(t *testing.T, packet []byte) crafted {
	t.Helper()
	first := gopacket.LayerType(layers.LayerTypeIPv4)
	if packet[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(packet, first, gopacket.Default)
	if failure := p.ErrorLayer(); failure != nil {
		t.Fatal(failure.Error())
	}
	tcp := p.TransportLayer().(*layers.TCP)
	if err := tcp.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
		t.Fatal(err)
	}
	sum, err := tcp.ComputeChecksum()
	if err != nil {
		t.Fatal(err)
	}
	got := crafted{
		Seq: tcp.Seq, Ack: tcp.Ack, RST: tcp.RST, ACK: tcp.ACK, NS: tcp.NS,
		Window: tcp.Window, Checksum: sum, Payload: string(tcp.Payload),
	}
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		got.TTL = ip.TTL
		if checksum(packet[:int(ip.IHL)*4]) != 0 {
			t.Error("checksum of the IPv4 header is wrong")
		}
	case *layers.IPv6:
		got.TTL = ip.HopLimit
	}
	return got
}

func TestStormFramesKeepTheirChecksums(t *testing.T) {
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		syn := Segment{Src: StormSource(family, 0).AddrPort, Dst: StormTarget(family).AddrPort, Flags: reset.SYN}
		f := frame(make([]byte, 6), make([]byte, 6), nil, syn.Bytes())
		for _, i := range []int{0, 1, 59999, 60000, 60001, 3_000_000, 17} {
			retarget(f, i)
			syn.Src = StormSource(family, i).AddrPort
			if diff := cmp.Diff(syn.Bytes(), f[14:]); diff != "" {
				t.Errorf("%s frame %d (-crafted +changed):\n%s", family, i, diff)
			}
		}
	}
}

func TestFragmentsMakeTheWhole(t *testing.T) {
	for _, host := range []string{"10.77.1.2", "fd77::1"} {
		at := netip.AddrPortFrom(netip.MustParseAddr(host), 99)
		s := Segment{Src: at, Dst: at, Flags: reset.RST, IPID: 3, Payload: make([]byte, 40)}
		header, more := 20, func(b []byte) (uint16, bool) {
			field := binary.BigEndian.Uint16(b[6:])
			return field & 0x1fff * 8, field&0x2000 != 0
		}
		if at.Addr().Is6() {
			header, more = 48, func(b []byte) (uint16, bool) {
				field := binary.BigEndian.Uint16(b[42:])
				return field &^ 7, field&1 != 0
			}
		}
		parts := s.Fragments(12)
		whole := append(append([]byte(nil), parts[0][header:]...), parts[1][header:]...)
		if diff := cmp.Diff(s.tcp(), whole); diff != "" {
			t.Errorf("%s: fragments (-want +got):\n%s", host, diff)
		}
		first, moreFirst := more(parts[0])
		second, moreSecond := more(parts[1])
		if first != 0 || !moreFirst || int(second) != len(parts[0])-header || moreSecond {
			t.Errorf("%s: offsets %d %v, %d %v", host, first, moreFirst, second, moreSecond)
		}
	}
}
