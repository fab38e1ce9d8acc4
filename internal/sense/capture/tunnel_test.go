package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// wrapped is a frame with a RST within other headers.
type wrapped struct {
	name  string
	link  uint32
	frame []byte
	// What the record says of the outer headers: kind, id.
	kinds []string
	ids   []uint32
}

var (
	outer4 = [2]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	outer6 = [2]netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")}
	six    = [2]netip.AddrPort{netip.MustParseAddrPort("[2001:db8:9::7]:443"), netip.MustParseAddrPort("[2001:db8:9::5]:51334")}
)

// around is an IPv4 header of that protocol around a payload.
func around(protocol byte, payload []byte) []byte {
	b := make([]byte, 20, 20+len(payload))
	b[0], b[8], b[9] = 0x45, 33, protocol
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	copy(b[12:], outer4[0].AsSlice())
	copy(b[16:], outer4[1].AsSlice())
	return append(b, payload...)
}

// around6 is an IPv6 header.
func around6(next byte, payload []byte) []byte {
	b := make([]byte, 40, 40+len(payload))
	b[0], b[6], b[7] = 0x60, next, 44
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	copy(b[8:], outer6[0].AsSlice())
	copy(b[24:], outer6[1].AsSlice())
	return append(b, payload...)
}

func udp(port uint16, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, 40000)
	b = binary.BigEndian.AppendUint16(b, port)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

// typed is an Ethernet frame of any EtherType.
func typed(kind uint16, payload []byte) []byte {
	frame := []byte{2, 0x77, 0, 0, 0, 2, 2, 0x77, 0, 0, 0, 1}
	return append(binary.BigEndian.AppendUint16(frame, kind), payload...)
}

func bytesOf(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

// wrappings are a RST in every kind of header that is known here.
func wrappings() []wrapped {
	rst4 := segment(server, client, reset.RST, 1000, 0, "")
	rst6 := segment(six[0], six[1], reset.RST, 1000, 0, "")
	in4, in6 := ethernet(rst4), ethernet(rst6)
	vni := []byte{0x08, 0, 0, 0, 0, 0, 77, 0}
	sixToFour := segment(netip.MustParseAddrPort("[2002:c000:201::7]:443"), six[1], reset.RST, 1000, 0, "")
	eth := func(protocol byte, payload ...any) []byte { return ethernet(around(protocol, bytesOf(payload...))) }
	ether := []wrapped{
		{"ipip", 1, eth(4, rst4), []string{"ipip"}, []uint32{0}},
		{"6in4", 1, eth(41, rst6), []string{"6in4"}, []uint32{0}},
		{"6to4", 1, eth(41, sixToFour), []string{"6to4"}, []uint32{0}},
		{"4in6", 1, ethernet(around6(4, rst4)), []string{"ipip"}, []uint32{0}},
		{"6in6", 1, ethernet(around6(41, rst6)), []string{"ip6ip6"}, []uint32{0}},
		{"6in6 behind destination options", 1, ethernet(around6(60, bytesOf(41, 0, 1, 4, 0, 0, 0, 0, rst6))), []string{"ip6ip6"}, []uint32{0}},
		{"GRE", 1, eth(47, 0, 0, 8, 0, rst4), []string{"gre"}, []uint32{0}},
		{"GRE with key", 1, eth(47, 0x20, 0, 8, 0, 0, 0, 0, 9, rst4), []string{"gre"}, []uint32{9}},
		{"GRE with checksum, key, sequence", 1, eth(47, 0xb0, 0, 0x86, 0xdd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, rst6), []string{"gre"}, []uint32{9}},
		{"GRE over IPv6", 1, ethernet(around6(47, bytesOf(0, 0, 8, 0, rst4))), []string{"gre"}, []uint32{0}},
		{"gretap", 1, eth(47, 0, 0, 0x65, 0x58, in4), []string{"gretap"}, []uint32{0}},
		{"PPTP", 1, eth(47, 0x30, 1, 0x88, 0x0b, 0, 0x2a, 0, 7, 0, 0, 0, 1, 0xff, 3, 0, 0x21, rst4), []string{"gre"}, []uint32{7}},
		{"ERSPAN I", 1, eth(47, 0, 0, 0x88, 0xbe, in4), []string{"erspan"}, []uint32{0}},
		{"ERSPAN II", 1, eth(47, 0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 5, 0, 0, 0, 0, in4), []string{"erspan"}, []uint32{5}},
		{"ERSPAN III", 1, eth(47, 0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, in4), []string{"erspan"}, []uint32{5}},
		{"VXLAN", 1, eth(17, udp(4789, bytesOf(vni, in4))), []string{"vxlan"}, []uint32{77}},
		{"VXLAN, port of old", 1, eth(17, udp(8472, bytesOf(vni, in6))), []string{"vxlan"}, []uint32{77}},
		{"VXLAN, tagged inside", 1, eth(17, udp(4789, bytesOf(vni, ethernet(rst4, 42)))), []string{"vxlan"}, []uint32{77}},
		{"VXLAN-GPE", 1, eth(17, udp(4790, bytesOf(0x0c, 0, 0, 1, 0, 0, 77, 0, rst4))), []string{"vxlan-gpe"}, []uint32{77}},
		{"Geneve", 1, eth(17, udp(6081, bytesOf(0, 0, 0x65, 0x58, 0, 0, 77, 0, in4))), []string{"geneve"}, []uint32{77}},
		{"Geneve with options", 1, eth(17, udp(6081, bytesOf(2, 0, 0x65, 0x58, 0, 0, 77, 0, 1, 2, 3, 1, 0, 0, 0, 0, in6))), []string{"geneve"}, []uint32{77}},
		{"GTP-U", 1, eth(17, udp(2152, bytesOf(0x30, 0xff, 0, len(rst4), 0, 0, 0, 99, rst4))), []string{"gtp"}, []uint32{99}},
		{"GTP-U with a sequence and an extension", 1,
			eth(17, udp(2152, bytesOf(0x36, 0xff, 0, 8+len(rst4), 0, 0, 0, 99, 0, 1, 0, 0x85, 1, 0x10, 9, 0, rst4))), []string{"gtp"}, []uint32{99}},
		{"Teredo", 1, eth(17, udp(3544, rst6)), []string{"teredo"}, []uint32{0}},
		{"Teredo with an origin", 1, eth(17, udp(3544, bytesOf(0, 0, 0xee, 0xee, 1, 2, 3, 4, rst6))), []string{"teredo"}, []uint32{0}},
		{"AH", 1, eth(51, 6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, make([]byte, 12), rst4[20:]), nil, nil},
		{"MPLS", 1, typed(0x8847, bytesOf(0, 1, 0x00, 64, 0, 2, 0x01, 63, rst4)), []string{"mpls", "mpls"}, []uint32{16, 32}},
		{"PPPoE", 1, typed(0x8864, bytesOf(0x11, 0, 0, 7, 0, 2+len(rst4), 0, 0x21, rst4)), []string{"pppoe"}, []uint32{7}},
		{"VXLAN in GRE in QinQ", 1,
			ethernet(around(47, bytesOf(0, 0, 8, 0, around(17, udp(4789, bytesOf(vni, in4))))), 3, 4), []string{"gre", "vxlan"}, []uint32{0, 77}},
	}
	return append(ether, []wrapped{
		{"PPP", linkPPP, bytesOf(0xff, 3, 0, 0x21, rst4), nil, nil},
		{"PPP, short protocol", linkPPP, bytesOf(0x21, rst4), nil, nil},
		{"PPP with HDLC, IPv6", linkPPPHDLC, bytesOf(0xff, 3, 0, 0x57, rst6), nil, nil},
		{"PPP with direction", linkPPPWay, bytesOf(1, 0xff, 3, 0, 0x21, rst4), nil, nil},
		{"PPPoE as the link", linkPPPoE, bytesOf(0x11, 0, 0, 7, 0, 2+len(rst4), 0, 0x21, rst4), []string{"pppoe"}, []uint32{7}},
		{"FDDI", linkFDDI, bytesOf(0x50, make([]byte, 12), 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, rst4), nil, nil},
		{"802.11", linkWLAN, bytesOf(8, 1, make([]byte, 22), 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, rst4), nil, nil},
		{"802.11 with QoS, between two access points", linkWLAN,
			bytesOf(0x88, 3, make([]byte, 28), 0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd, rst6), nil, nil},
		{"802.11 with radiotap", linkRadiotap, bytesOf(0, 0, 8, 0, 0, 0, 0, 0, 8, 1, make([]byte, 22), 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, rst4), nil, nil},
		{"Ethernet with SNAP", 1, typed(uint16(8+len(rst4)), bytesOf(0xaa, 0xaa, 3, 0, 0, 0, 8, 0, rst4)), nil, nil},
		{"cooked, MPLS", linkCooked, bytesOf(0, 0, 0, 1, 0, 6, 2, 0x77, 0, 0, 0, 1, 0, 0, 0x88, 0x47, 0, 2, 0x01, 63, rst4), []string{"mpls"}, []uint32{32}},
		{"cooked v2, PPPoE", linkCooked2, bytesOf(0x88, 0x64, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0x77, 0, 0, 0, 1, 0, 0, 0x11, 0, 0, 7, 0, 2+len(rst4), 0, 0x21, rst4), []string{"pppoe"}, []uint32{7}},
	}...)
}

// TestTunnels: the RST within, the headers around it, and nothing but a missing
// reset if the frame is cut.
func TestTunnels(t *testing.T) {
	for _, w := range wrappings() {
		t.Run(w.name, func(t *testing.T) {
			f := file{link: w.link}
			kept := keepAll(t, f.pcap(sample{start, w.frame}))
			if len(kept) != 1 {
				t.Fatalf("%d resets, want 1", len(kept))
			}
			s := kept[0]
			if s.Packet.Seq.V != 1000 || s.Src.Port() != 443 || s.Packet.Flags != reset.RST {
				t.Errorf("got %s, SEQ %d, flags %s", s.Src, s.Packet.Seq.V, s.Packet.Flags)
			}
			var kinds []string
			var ids []uint32
			for _, l := range s.Packet.Tunnel {
				kinds, ids = append(kinds, l.Kind), append(ids, l.ID.V)
			}
			if diff := cmp.Diff(w.kinds, kinds) + cmp.Diff(w.ids, ids); diff != "" {
				t.Errorf("outer headers (-want +got):\n%s", diff)
			}
			for n := range w.frame {
				readAll(t, Config{}, f.pcap(sample{start, w.frame[:n]}))
			}
		})
	}
}

// TestNoTunnel: what looks like one and is none, or hides what it bears.
func TestNoTunnel(t *testing.T) {
	rst := segment(server, client, reset.RST, 1000, 0, "")
	deep := rst
	for range 12 {
		deep = around(4, deep)
	}
	for name, frame := range map[string][]byte{
		"ESP":                       ethernet(around(50, rst)),
		"UDP of another kind":       ethernet(around(17, udp(53, rst))),
		"VXLAN without a VNI":       ethernet(around(17, udp(4789, append(make([]byte, 8), ethernet(rst)...)))),
		"GRE of routing's time":     ethernet(around(47, bytesOf(0x40, 0, 8, 0, rst))),
		"nested beyond all measure": ethernet(deep),
		"GTP control":               ethernet(around(17, udp(2152, bytesOf(0x30, 1, 0, 0, 0, 0, 0, 0, rst)))),
	} {
		if got, counts := readAll(t, Config{}, file{link: 1}.pcap(sample{start, frame})); len(got) != 0 || counts.Foreign != 1 {
			t.Errorf("%s: got %+v, counts %+v", name, got, counts)
		}
	}
}

// TestOuterHeaders: addresses, ports and TTL of what is around.
func TestOuterHeaders(t *testing.T) {
	rst := segment(server, client, reset.RST, 1000, 0, "")
	frame := ethernet(around(17, udp(4789, bytesOf(8, 0, 0, 0, 0, 0, 77, 0, ethernet(rst)))))
	got := keepAll(t, file{link: 1}.pcap(sample{start, frame}))[0].Packet.Tunnel
	want := []reset.Tunnel{{
		Kind: "vxlan", Src: reset.EndpointFrom(outer4[0], 40000), Dst: reset.EndpointFrom(outer4[1], 4789),
		ID: reset.Some[uint32](77), TTL: reset.Some[uint8](33),
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(reset.Endpoint.Equal)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// keepAll reads a stream and keeps what it says of each reset.
func keepAll(t *testing.T, stream []byte) (list []reset.Sighting) {
	t.Helper()
	r := newReader(Config{})
	one, err := newSource("test", bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	if err := one.advance(); err != nil {
		t.Fatal(err)
	}
	r.merge = &merge{problem: r.broken, open: []*source{one}}
	err = r.Run(background(), func(f *Found) error {
		s := *f.Sighting
		s.Packet.Tunnel = slices.Clone(s.Packet.Tunnel)
		list = append(list, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
