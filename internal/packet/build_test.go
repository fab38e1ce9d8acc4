package packet_test

import (
	"encoding/binary"
	"net/netip"
)

// The builders of this file write the bytes of packets by hand, so that the
// tests need no other decoder's idea of a header.

func tcp(flags byte, options ...byte) []byte {
	b := make([]byte, 20, 60)
	binary.BigEndian.PutUint16(b[0:], 443)
	binary.BigEndian.PutUint16(b[2:], 51000)
	binary.BigEndian.PutUint32(b[4:], 0x01020304)
	binary.BigEndian.PutUint32(b[8:], 0xa0b0c0d0)
	b[12] = byte((20+len(options))/4) << 4
	b[13] = flags
	binary.BigEndian.PutUint16(b[14:], 512)
	return append(b, options...)
}

func ipv4(payload []byte, options ...byte) []byte {
	b := make([]byte, 20, 100)
	b[0] = 4<<4 | byte((20+len(options))/4)
	b[1] = 0x12
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(options)+len(payload)))
	binary.BigEndian.PutUint16(b[4:], 0xbeef)
	b[6] = 0x40
	b[8], b[9] = 64, 6
	copy(b[12:], []byte{192, 0, 2, 1})
	copy(b[16:], []byte{198, 51, 100, 2})
	return append(append(b, options...), payload...)
}

// ipv6 takes the kind of the first header after the fixed one.
func ipv6(next byte, payload []byte) []byte {
	b := make([]byte, 40, 200)
	binary.BigEndian.PutUint32(b[0:], 6<<28|0x12<<20|0xabcde)
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[6], b[7] = next, 63
	copy(b[8:], []byte{0x20, 0x01, 0x0d, 0xb8, 15: 1})
	copy(b[24:], []byte{0x20, 0x01, 0x0d, 0xb8, 15: 2})
	return append(b, payload...)
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// with returns a copy of b in which the bytes from offset at are replaced.
func with(b []byte, at int, replacement ...byte) []byte {
	c := append([]byte(nil), b...)
	copy(c[at:], replacement)
	return c
}

func addrPorts(src, dst []byte) (a, b netip.AddrPort) {
	from, _ := netip.AddrFromSlice(src)
	to, _ := netip.AddrFromSlice(dst)
	return netip.AddrPortFrom(from, 0), netip.AddrPortFrom(to, 0)
}

func withPort(a netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), port)
}
