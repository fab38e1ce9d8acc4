package packet_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

const rst, rstAck = 0x04, 0x14

// wanted4 is what Decode makes of ipv4(tcp(rst)), changed by edit.
func wanted4(edit func(*reset.Packet)) reset.Packet {
	p := reset.Packet{
		Family: reset.IPv4, Length: reset.Some[uint32](40), TOS: reset.Some[uint8](0x12),
		TTL: reset.Some[uint8](64), IPID: reset.Some[uint16](0xbeef), DF: reset.Some(true),
		Seq: reset.Some[uint32](0x01020304), Ack: reset.Some[uint32](0xa0b0c0d0),
		Window: reset.Some[uint16](512), Flags: reset.RST, Reserved: reset.Some[uint8](0),
		Urgent: reset.Some[uint16](0), Captured: reset.Some[uint32](40),
	}
	if edit != nil {
		edit(&p)
	}
	return p
}

// wanted6 is what Decode makes of ipv6(6, tcp(rst)), changed by edit.
func wanted6(edit func(*reset.Packet)) reset.Packet {
	return wanted4(func(p *reset.Packet) {
		p.Family, p.TTL, p.IPID, p.DF = reset.IPv6, reset.Some[uint8](63), reset.Opt[uint16]{}, reset.Opt[bool]{}
		p.FlowLabel = reset.Some[uint32](0xabcde)
		p.Length, p.Captured = reset.Some[uint32](60), reset.Some[uint32](60)
		if edit != nil {
			edit(p)
		}
	})
}

func sized(length, captured uint32) func(*reset.Packet) {
	return func(p *reset.Packet) {
		p.Length, p.Captured = reset.Some(length), reset.Some(captured)
	}
}

// ipOnly4 has what a packet says whose TCP header cannot be read.
func ipOnly4(length, captured uint32) reset.Packet {
	return wanted4(func(p *reset.Packet) {
		*p = reset.Packet{Family: p.Family, TOS: p.TOS, TTL: p.TTL, IPID: p.IPID, DF: p.DF}
		sized(length, captured)(p)
	})
}

func ipOnly6(length, captured uint32) reset.Packet {
	return wanted6(func(p *reset.Packet) {
		*p = reset.Packet{Family: p.Family, TOS: p.TOS, TTL: p.TTL, FlowLabel: p.FlowLabel}
		sized(length, captured)(p)
	})
}

var (
	timestamps = []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}
	extension  = []byte{6, 0, 1, 4, 0, 0, 0, 0}
)

func TestDecode(t *testing.T) {
	plain, plain6 := ipv4(tcp(rst)), ipv6(6, tcp(rst))
	tests := []struct {
		name string
		raw  []byte
		want reset.Packet
		err  error
	}{
		{"a plain RST of 40 bytes", plain, wanted4(nil), nil},
		{"Ethernet's padding is no part of it", append(plain, 0, 0, 0, 0, 0, 0), wanted4(sized(40, 46)), nil},
		{"flags and reserved bits", with(ipv4(tcp(rstAck|0xc0)), 32, 0x5f), wanted4(func(p *reset.Packet) {
			p.Flags, p.Reserved = reset.RST|reset.ACK|reset.ECE|reset.CWR, reset.Some[uint8](15)
		}), nil},
		{"urgent pointer", with(plain, 38, 1, 2), wanted4(func(p *reset.Packet) { p.Urgent = reset.Some[uint16](0x102) }), nil},
		{"no DF", with(plain, 6, 0), wanted4(func(p *reset.Packet) { p.DF = reset.Some(false) }), nil},
		{"TCP options", ipv4(tcp(rst, timestamps...)), wanted4(func(p *reset.Packet) {
			sized(52, 52)(p)
			p.TCPOptions = timestamps
		}), nil},
		{"IP options", ipv4(tcp(rst), 1, 1, 1, 0), wanted4(func(p *reset.Packet) {
			sized(44, 44)(p)
			p.IPOptions = reset.Hex{1, 1, 1, 0}
		}), nil},
		{"capture ends within the TCP options", ipv4(tcp(rst, timestamps...))[:44], wanted4(func(p *reset.Packet) {
			sized(52, 44)(p)
			p.TCPOptions = timestamps[:4]
		}), nil},
		{"capture ends at the TCP options", ipv4(tcp(rst, timestamps...))[:40], wanted4(sized(52, 40)), nil},
		{"payload is left alone", ipv4(join(tcp(rst), []byte("reset by firewall"))), wanted4(sized(57, 57)), nil},
		{"first fragment", with(plain, 6, 0x20), wanted4(func(p *reset.Packet) { p.DF = reset.Some(false) }), nil},
		{"total length of 0, as of packets over 64 kB", with(plain, 2, 0, 0), wanted4(func(p *reset.Packet) { p.Length = reset.Opt[uint32]{} }), nil},
		{"a plain IPv6 RST", plain6, wanted6(nil), nil},
		{"IPv6 with padding", append(plain6, 0, 0), wanted6(sized(60, 62)), nil},
		{"IPv6 hop by hop", ipv6(0, join(extension, tcp(rst))), wanted6(sized(68, 68)), nil},
		{"IPv6 routing of 24 bytes", ipv6(43, join([]byte{6, 2, 23: 0}, tcp(rst))), wanted6(sized(84, 84)), nil},
		{"IPv6 destination options", ipv6(60, join(extension, tcp(rst))), wanted6(sized(68, 68)), nil},
		{"IPv6 authentication of 12 bytes", ipv6(51, join([]byte{6, 1, 11: 0}, tcp(rst))), wanted6(sized(72, 72)), nil},
		{"IPv6 first fragment, its reserved byte not 0", ipv6(44, join([]byte{6, 9, 0, 1, 1, 2, 3, 4}, tcp(rst))), wanted6(sized(68, 68)), nil},
		{"IPv6 chain of three", ipv6(0, join(with(extension, 0, 43), with(extension, 0, 60), extension, tcp(rst))), wanted6(sized(84, 84)), nil},
		{"IPv6 chain of 16", ipv6(60, join(bytes.Repeat(with(extension, 0, 60), 15), extension, tcp(rst))), wanted6(sized(188, 188)), nil},

		{"nothing", nil, reset.Packet{Captured: reset.Some[uint32](0)}, packet.ErrTruncated},
		{"version 5", with(plain, 0, 0x55), reset.Packet{Captured: reset.Some[uint32](40)}, packet.ErrNotIP},
		{"half an IPv4 header", plain[:19], reset.Packet{Captured: reset.Some[uint32](19)}, packet.ErrTruncated},
		{"half an IPv6 header", plain6[:39], reset.Packet{Captured: reset.Some[uint32](39)}, packet.ErrTruncated},
		{"UDP", with(plain, 9, 17), ipOnly4(40, 40), packet.ErrNotTCP},
		{"IPv6 UDP", with(plain6, 6, 17), ipOnly6(60, 60), packet.ErrNotTCP},
		{"IPv6 no next header", ipv6(59, make([]byte, 8)), ipOnly6(48, 48), packet.ErrNotTCP},
		{"IPv6 encrypted", ipv6(50, make([]byte, 20)), ipOnly6(60, 60), packet.ErrNotTCP},
		{"later fragment", with(plain, 6, 0, 1), wanted4(func(p *reset.Packet) {
			*p = ipOnly4(40, 40)
			p.DF = reset.Some(false)
		}), packet.ErrLaterFragment},
		{"IPv6 later fragment after a chain", ipv6(0, join(with(extension, 0, 43), with(extension, 0, 44), []byte{6, 0, 0, 8, 0, 0, 0, 0}, tcp(rst))), ipOnly6(84, 84), packet.ErrLaterFragment},
		{"IPv6 later fragment", ipv6(44, join([]byte{6, 0, 0, 8, 0, 0, 0, 0}, tcp(rst))), ipOnly6(68, 68), packet.ErrLaterFragment},
		{"capture ends within the TCP header", plain[:39], ipOnly4(40, 39), packet.ErrTruncated},
		{"capture ends within the IP options", ipv4(tcp(rst), 1, 1, 1, 0)[:22], wanted4(func(p *reset.Packet) {
			*p = ipOnly4(44, 22)
			p.IPOptions = reset.Hex{1, 1}
		}), packet.ErrTruncated},
		{"IPv6 capture ends within an extension", ipv6(43, join([]byte{6, 2, 23: 0}, tcp(rst)))[:63], ipOnly6(84, 63), packet.ErrTruncated},
		{"IPv6 capture ends at an extension", ipv6(0, join(extension, tcp(rst)))[:44], ipOnly6(68, 44), packet.ErrTruncated},
		{"IP header of 16 bytes", with(plain, 0, 0x44), ipOnly4(40, 40), packet.ErrMalformed},
		{"IP header longer than the packet", with(plain, 0, 0x4f, 0x12, 0, 40), wanted4(func(p *reset.Packet) {
			*p = ipOnly4(40, 40)
			p.IPOptions = tcp(rst)
		}), packet.ErrMalformed},
		{"total length cuts the TCP header", with(plain, 2, 0, 39), ipOnly4(39, 40), packet.ErrMalformed},
		{"IPv6 extension beyond the packet", ipv6(0, join([]byte{6, 9}, tcp(rst))), ipOnly6(62, 62), packet.ErrMalformed},
		{"IPv6 packet ends at an extension", ipv6(0, []byte{6, 0, 0, 0}), ipOnly6(44, 44), packet.ErrMalformed},
		{"data offset of 16 bytes", with(plain, 32, 0x40), wanted4(nil), packet.ErrMalformed},
		{"data offset beyond the packet", with(plain, 32, 0x60), wanted4(nil), packet.ErrMalformed},
		{"IPv6 chain of 17", ipv6(60, join(bytes.Repeat(with(extension, 0, 60), 16), extension, tcp(rst))), ipOnly6(196, 196), packet.ErrTooManyHeaders},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := stale()
			src, dst, err := packet.Decode(tt.raw, &got)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			want := tt.want
			keepOthers(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("packet (-want +got):\n%s", diff)
			}
			checkEndpoints(t, got, src, dst)
		})
	}
}

// stale is a packet with something in every field, such as one used before.
func stale() reset.Packet {
	p := wanted6(func(p *reset.Packet) {
		p.IPID, p.DF = reset.Some[uint16](1), reset.Some(true)
		p.TCPOptions, p.IPOptions = reset.Hex{1}, reset.Hex{2}
	})
	keepOthers(&p)
	return p
}

// keepOthers sets the fields that Decode must not touch.
func keepOthers(p *reset.Packet) {
	p.Payload, p.Raw, p.LinkHeader = []byte("p"), []byte("r"), []byte("l")
	p.MACSrc, p.MACDst = reset.MAC{1}, reset.MAC{2}
	p.VLAN, p.Mark = reset.Some[uint16](7), reset.Some[uint32](8)
	p.Tunnel = []reset.Tunnel{{Kind: "gre"}}
}

func checkEndpoints(t *testing.T, p reset.Packet, src, dst reset.Endpoint) {
	t.Helper()
	want := [2]string{"invalid AddrPort", "invalid AddrPort"}
	switch {
	case !p.Seq.OK:
	case p.Family == reset.IPv4:
		want = [2]string{"192.0.2.1:443", "198.51.100.2:51000"}
	default:
		want = [2]string{"[2001:db8::1]:443", "[2001:db8::2]:51000"}
	}
	if got := [2]string{src.String(), dst.String()}; got != want {
		t.Errorf("endpoints %v, want %v", got, want)
	}
}

func TestDecodeKeepsMappedAddress(t *testing.T) {
	mapped := netip.MustParseAddr("::ffff:192.0.2.9").As16()
	var p reset.Packet
	src, _, err := packet.Decode(with(ipv6(6, tcp(rst)), 8, mapped[:]...), &p)
	if err != nil || src.String() != "[::ffff:192.0.2.9]:443" || p.Family != reset.IPv6 {
		t.Errorf("source %v, family %v, error %v", src, p.Family, err)
	}
}

func TestDecodeTrigger(t *testing.T) {
	got := reset.Trigger{Conntrack: "INVALID", Mark: reset.Some[uint32](3), MACSrc: reset.MAC{9}}
	src, dst, err := packet.DecodeTrigger(ipv4(join(tcp(0x18), []byte("GET /"))), &got)
	if err != nil {
		t.Fatal(err)
	}
	want := reset.Trigger{
		Flags: reset.PSH | reset.ACK, Seq: reset.Some[uint32](0x01020304), Ack: reset.Some[uint32](0xa0b0c0d0),
		Length: reset.Some[uint32](45), TTL: reset.Some[uint8](64), TOS: reset.Some[uint8](0x12),
		IPID: reset.Some[uint16](0xbeef), Window: reset.Some[uint16](512),
		MACSrc: reset.MAC{9}, Mark: reset.Some[uint32](3), Conntrack: "INVALID",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("trigger (-want +got):\n%s", diff)
	}
	checkEndpoints(t, wanted4(nil), src, dst)
}

func TestPayloadOf(t *testing.T) {
	text := []byte("reset by firewall")
	whole := ipv4(join(tcp(rst, timestamps...), text))
	tests := []struct {
		name   string
		raw    []byte
		want   string
		header int
	}{
		{"whole", whole, string(text), 52},
		{"padding is no payload", append(bytes.Clone(ipv4(tcp(rst))), 0, 0, 0, 0, 0, 0), "", 40},
		{"cut short", whole[:57], "reset", 52},
		{"cut at the options", whole[:44], "", 44},
		{"IPv6", ipv6(0, join(extension, tcp(rst), text)), string(text), 68},
		{"no TCP", with(whole, 9, 17), "", 69},
		{"bad data offset", with(whole, 32, 0x10), "", 69},
		{"nothing", nil, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(packet.PayloadOf(tt.raw)); got != tt.want {
				t.Errorf("payload %q, want %q", got, tt.want)
			}
			if got := packet.HeaderLength(tt.raw); got != tt.header {
				t.Errorf("headers of %d bytes, want %d", got, tt.header)
			}
		})
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	raw4, raw6 := ipv4(tcp(rst, timestamps...), 1, 1, 1, 0), ipv6(0, join(extension, tcp(rst)))
	link := make([]byte, 14)
	var p reset.Packet
	if n := testing.AllocsPerRun(100, func() {
		_, _, _ = packet.Decode(raw4, &p)
		_, _, _ = packet.Decode(raw6, &p)
		_, _, _ = packet.Decode(raw6[:50], &p)
		packet.DecodeLink(link, &p)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
