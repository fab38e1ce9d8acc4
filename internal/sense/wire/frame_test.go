package wire

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// tcp is a TCP header with these flags and nothing after it.
func tcp(flags byte) []byte {
	h := make([]byte, 20)
	binary.BigEndian.PutUint16(h[0:], 443)
	binary.BigEndian.PutUint16(h[2:], 50000)
	binary.BigEndian.PutUint32(h[4:], 1000)
	h[12], h[13] = 5<<4, flags
	return h
}

// ipv4 puts an IPv4 header with options before a segment.
func ipv4(options int, fragment uint16, segment []byte) []byte {
	h := make([]byte, 20+options)
	h[0] = 0x40 | byte(len(h)/4)
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(segment)))
	binary.BigEndian.PutUint16(h[6:], fragment)
	h[8], h[9] = 64, protocolTCP
	copy(h[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	for i := 20; i < len(h); i++ {
		h[i] = 1 // no operation
	}
	return append(h, segment...)
}

// ipv6 puts an IPv6 header and an extension header before a segment.
func ipv6(next byte, extension, segment []byte) []byte {
	h := make([]byte, 40)
	h[0], h[6], h[7] = 0x60, next, 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(extension)+len(segment)))
	h[8], h[23], h[24], h[39] = 0xfd, 1, 0xfd, 2
	return append(append(h, extension...), segment...)
}

func ipv4Reset() []byte { return ipv4(0, 0, tcp(flagRST)) }

// ipv6Reset has a hop-by-hop header where one is given.
func ipv6Reset(extension []byte) []byte {
	if extension == nil {
		return ipv6(protocolTCP, nil, tcp(flagRST))
	}
	return ipv6(unix.IPPROTO_HOPOPTS, extension, tcp(flagRST))
}

// ethernet puts a link header with tags before a packet.
func ethernet(packet []byte, tags ...uint16) []byte {
	h := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	for _, tag := range tags {
		h = binary.BigEndian.AppendUint16(h, 0x8100)
		h = binary.BigEndian.AppendUint16(h, tag)
	}
	kind := uint16(etherTypeIPv4)
	if packet[0]>>4 == 6 {
		kind = etherTypeIPv6
	}
	return append(binary.BigEndian.AppendUint16(h, kind), packet...)
}

// TestFilter runs the part of the filter that is for Ethernet in an emulator,
// which knows neither the kind of a device nor offsets from other headers; the
// whole of it is run by the kernel in the other tests.
func TestFilter(t *testing.T) {
	p := &program{labels: map[string]int{}}
	p.ethernet()
	p.ipv4NoTag()
	p.label("ip")
	p.add(bpf.LoadIndirect{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
	p.jumpIf(4, "ipv4")
	p.jumpIf(6, "ipv6")
	p.jump("drop")
	p.ipv4()
	p.ipv6()
	p.label("drop")
	p.add(bpf.RetConstant{Val: 0})
	p.label("keep")
	p.add(bpf.RetConstant{Val: 1})
	instructions, err := p.resolve()
	if err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(instructions)
	if err != nil {
		t.Fatal(err)
	}
	first := []byte{protocolTCP, 0, 0, 1, 0, 0, 0, 9}
	later := []byte{protocolTCP, 0, 0, 8, 0, 0, 0, 9}
	udp := []byte{unix.IPPROTO_UDP, 0, 0, 1, 0, 0, 0, 9}
	hop := []byte{protocolTCP, 0, 1, 4, 0, 0, 0, 0}
	report := []byte{unix.IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0}
	long := append([]byte{protocolTCP, 1, 1, 12}, make([]byte, 12)...)
	authentication := append([]byte{protocolTCP, 4}, make([]byte, 22)...)
	chain := func(n int) []byte {
		var headers []byte
		for range n - 1 {
			headers = append(headers, unix.IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0)
		}
		return append(headers, hop...)
	}
	tests := []struct {
		name  string
		frame []byte
		want  bool
	}{
		{"IPv4 RST", ethernet(ipv4Reset()), true},
		{"IPv4 RST,ACK", ethernet(ipv4(0, 0, tcp(0x14))), true},
		{"IPv4 every flag but RST", ethernet(ipv4(0, 0, tcp(0xfb))), false},
		{"IPv4 options", ethernet(ipv4(40, 0, tcp(flagRST))), true},
		{"IPv4 options, ACK", ethernet(ipv4(40, 0, tcp(0x10))), false},
		{"IPv4 first fragment", ethernet(ipv4(0, 0x2000, tcp(flagRST))), true},
		{"IPv4 later fragment", ethernet(ipv4(0, 0x2001, tcp(flagRST))), false},
		{"IPv4 cut before the flags", ethernet(ipv4Reset()[:32]), false},
		{"IPv4 in VLAN", ethernet(ipv4Reset(), 77), true},
		{"IPv4 in two VLANs", ethernet(ipv4(4, 0, tcp(flagRST)), 77, 78), true},
		{"IPv4 in VLAN, ACK", ethernet(ipv4(0, 0, tcp(0x10)), 77), false},
		{"three tags", ethernet(ipv4Reset(), 77, 78, 79), false},
		{"IPv6 RST", ethernet(ipv6Reset(nil)), true},
		{"IPv6 ACK", ethernet(ipv6(protocolTCP, nil, tcp(0x10))), false},
		{"IPv6 in VLAN", ethernet(ipv6Reset(nil), 77), true},
		{"IPv6 hop-by-hop", ethernet(ipv6Reset(hop)), true},
		{"IPv6 hop-by-hop, ACK", ethernet(ipv6(unix.IPPROTO_HOPOPTS, hop, tcp(0x10))), false},
		{"IPv6 multicast report", ethernet(ipv6(unix.IPPROTO_HOPOPTS, report, tcp(flagRST))), false},
		{"IPv6 long options", ethernet(ipv6(unix.IPPROTO_DSTOPTS, long, tcp(flagRST)), 77), true},
		{"IPv6 authentication header", ethernet(ipv6(unix.IPPROTO_AH, authentication, tcp(flagRST))), true},
		{"IPv6 authentication header, ACK", ethernet(ipv6(unix.IPPROTO_AH, authentication, tcp(0x10))), false},
		{"IPv6 three headers", ethernet(ipv6(unix.IPPROTO_DSTOPTS, chain(3), tcp(flagRST))), true},
		{"IPv6 three headers, ACK", ethernet(ipv6(unix.IPPROTO_DSTOPTS, chain(3), tcp(0x10))), false},
		{"IPv6 five headers", ethernet(ipv6(unix.IPPROTO_DSTOPTS, chain(5), tcp(flagRST))), true},
		{"IPv6 header cut", ethernet(ipv6(unix.IPPROTO_DSTOPTS, nil, []byte{protocolTCP}))[:55], false},
		{"IPv6 first fragment", ethernet(ipv6(unix.IPPROTO_FRAGMENT, first, tcp(flagRST))), true},
		{"IPv6 first fragment, ACK", ethernet(ipv6(unix.IPPROTO_FRAGMENT, first, tcp(0x10))), false},
		{"IPv6 later fragment", ethernet(ipv6(unix.IPPROTO_FRAGMENT, later, tcp(flagRST))), false},
		{"IPv6 fragment of UDP", ethernet(ipv6(unix.IPPROTO_FRAGMENT, udp, tcp(flagRST))), false},
		{"IPv6 UDP", ethernet(ipv6(unix.IPPROTO_UDP, nil, tcp(flagRST))), false},
		{"ARP", append(ethernet(ipv4Reset())[:12], 8, 6, 0, 1), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := vm.Run(tt.frame)
			if err != nil {
				t.Fatal(err)
			}
			if (got != 0) != tt.want {
				t.Errorf("filter returns %d, want it to pass: %v", got, tt.want)
			}
			// What the filter passes, the decoder reads, but for the packets that only
			// it can tell.
			f := frame{data: tt.frame, hardware: unix.ARPHRD_ETHER}
			if _, ok := f.decode(&reset.Sighting{}, false, nil); ok != tt.want {
				t.Errorf("decode reports %v, want %v", ok, tt.want)
			}
		})
	}
}

// TestTagRestored: the header that is kept is the one that was on the wire.
func TestTagRestored(t *testing.T) {
	wire := ethernet(ipv4(0, 0, append(tcp(flagRST), "secret"...)), 0x6000|77, 78)
	stripped := append(append([]byte(nil), wire[:12]...), wire[16:]...)
	f := frame{data: stripped, hardware: unix.ARPHRD_ETHER, tag: 0x6000 | 77, tagType: 0x8100, kind: unix.PACKET_OTHERHOST}
	var s reset.Sighting
	if _, ok := f.decode(&s, false, nil); !ok {
		t.Fatal("not decoded")
	}
	if got, want := string(s.Packet.LinkHeader), string(wire[:22]); got != want {
		t.Errorf("link header %x, want %x", got, want)
	}
	if s.Packet.VLAN != reset.Some(uint16(77)) || !s.OtherHost || s.Hook != reset.HookWireIn {
		t.Errorf("VLAN %+v, other host %v, hook %d", s.Packet.VLAN, s.OtherHost, s.Hook)
	}
	if len(s.Packet.Raw) != 40 || s.Packet.Payload != nil || s.Packet.Length != reset.Some(uint32(46)) {
		t.Errorf("%d bytes raw, payload %q, length %+v", len(s.Packet.Raw), s.Packet.Payload, s.Packet.Length)
	}
	if _, ok := f.decode(&s, true, nil); !ok || string(s.Packet.Payload) != "secret" || len(s.Packet.Raw) != 46 {
		t.Errorf("with payload: %q, %d bytes raw", s.Packet.Payload, len(s.Packet.Raw))
	}
}

// FuzzBlock gives walk and decode what no kernel writes.
func FuzzBlock(f *testing.F) {
	block := make([]byte, 256)
	order := binary.NativeEndian
	order.PutUint32(block[blockCount:], 1)
	order.PutUint32(block[blockFirst:], 48)
	packet := ethernet(ipv4Reset(), 77)
	order.PutUint16(block[48+packetMAC:], 82)
	order.PutUint16(block[48+packetNet:], 96)
	order.PutUint32(block[48+packetSnap:], uint32(len(packet)))
	order.PutUint16(block[48+packetHardware:], unix.ARPHRD_ETHER)
	copy(block[48+82:], packet)
	f.Add(block)
	f.Fuzz(func(t *testing.T, block []byte) {
		if len(block) < 48 {
			return
		}
		var scratch []byte
		n := 0
		walk(block, func(f *frame) {
			if n++; n > 1<<16 {
				t.Fatal("the walk does not end")
			}
			var s reset.Sighting
			if scratch, _ = f.decode(&s, true, scratch[:0]); len(s.Packet.Raw) > len(block) {
				t.Fatal("more bytes than there are")
			}
		})
	})
}
