package testkit

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Segment is a TCP segment to be crafted, down to the bits that no stack sets.
type Segment struct {
	Src, Dst    netip.AddrPort
	Seq, Ack    uint32
	Flags       reset.Flags
	Reserved    uint8 // the four bits between data offset and CWR
	Window      uint16
	Urgent      uint16
	Options     []byte // of TCP, padded here to a multiple of four
	Payload     []byte
	BadChecksum bool

	TTL       uint8  // 0 means 64
	TOS       uint8  // or traffic class
	IPID      uint16 // IPv4; a raw socket fills in one of its own for 0
	DF        bool   // IPv4
	FlowLabel uint32 // IPv6
	IPOptions []byte // IPv4, padded here to a multiple of four
	// Extensions are the IPv6 extension headers, outermost first.
	Extensions []Extension
}

// Extension is one IPv6 extension header. Body follows the two bytes of next
// header and length, and is padded here so that the whole is a multiple of
// eight bytes.
type Extension struct {
	Protocol uint8 // its own number: 0 hop-by-hop, 43 routing, 60 destination
	Body     []byte
}

// Bytes is the packet from its IP header on.
func (s Segment) Bytes() []byte {
	tcp := s.tcp()
	if s.Src.Addr().Is4() {
		return s.ipv4(tcp, 0, false)
	}
	chain, next := s.chain(unix.IPPROTO_TCP)
	return s.ipv6(next, append(chain, tcp...))
}

// Fragments is the packet in two fragments: the first holds the TCP header
// and the given number of bytes after it (a multiple of eight in all).
func (s Segment) Fragments(payload int) [2][]byte {
	tcp := s.tcp()
	cut := int(tcp[12]>>4)*4 + payload
	cut = min((cut+7)&^7, len(tcp)&^7)
	if s.Src.Addr().Is4() {
		return [2][]byte{s.ipv4(tcp[:cut], 0, true), s.ipv4(tcp[cut:], cut, false)}
	}
	var packets [2][]byte
	for i, part := range [2][]byte{tcp[:cut], tcp[cut:]} {
		fragment := make([]byte, 8, 8+len(part))
		fragment[0] = unix.IPPROTO_TCP
		offset := uint16(0)
		if i == 0 {
			offset |= 1 // more fragments
		} else {
			offset |= uint16(cut)
		}
		binary.BigEndian.PutUint16(fragment[2:], offset)
		binary.BigEndian.PutUint32(fragment[4:], uint32(s.IPID)|0x77000000)
		chain, next := s.chain(unix.IPPROTO_FRAGMENT)
		packets[i] = s.ipv6(next, append(chain, append(fragment, part...)...))
	}
	return packets
}

func (s Segment) tcp() []byte {
	options := pad(s.Options, 4)
	b := make([]byte, 20, 20+len(options)+len(s.Payload))
	binary.BigEndian.PutUint16(b[0:], s.Src.Port())
	binary.BigEndian.PutUint16(b[2:], s.Dst.Port())
	binary.BigEndian.PutUint32(b[4:], s.Seq)
	binary.BigEndian.PutUint32(b[8:], s.Ack)
	b[12] = byte(20+len(options))/4<<4 | s.Reserved&0xf
	b[13] = byte(s.Flags)
	binary.BigEndian.PutUint16(b[14:], s.Window)
	binary.BigEndian.PutUint16(b[18:], s.Urgent)
	b = append(append(b, options...), s.Payload...)
	sum := checksum(s.pseudo(len(b)), b)
	if s.BadChecksum {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(b[16:], sum)
	return b
}

func (s Segment) pseudo(length int) []byte {
	src, dst := s.Src.Addr().AsSlice(), s.Dst.Addr().AsSlice()
	b := append(append([]byte(nil), src...), dst...)
	b = binary.BigEndian.AppendUint32(b, uint32(length))
	return binary.BigEndian.AppendUint32(b, unix.IPPROTO_TCP)
}

func (s Segment) ipv4(body []byte, offset int, more bool) []byte {
	options := pad(s.IPOptions, 4)
	b := make([]byte, 20, 20+len(options)+len(body))
	b[0] = 4<<4 | byte(20+len(options))/4
	b[1] = s.TOS
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(options)+len(body)))
	binary.BigEndian.PutUint16(b[4:], s.IPID)
	fragment := uint16(offset / 8)
	if more {
		fragment |= 1 << 13
	}
	if s.DF {
		fragment |= 1 << 14
	}
	binary.BigEndian.PutUint16(b[6:], fragment)
	b[8], b[9] = s.ttl(), unix.IPPROTO_TCP
	copy(b[12:], s.Src.Addr().AsSlice())
	copy(b[16:], s.Dst.Addr().AsSlice())
	b = append(b, options...)
	binary.BigEndian.PutUint16(b[10:], checksum(b))
	return append(b, body...)
}

func (s Segment) ipv6(next uint8, body []byte) []byte {
	b := make([]byte, 40, 40+len(body))
	binary.BigEndian.PutUint32(b, 6<<28|uint32(s.TOS)<<20|s.FlowLabel&0xfffff)
	binary.BigEndian.PutUint16(b[4:], uint16(len(body)))
	b[6], b[7] = next, s.ttl()
	copy(b[8:], s.Src.Addr().AsSlice())
	copy(b[24:], s.Dst.Addr().AsSlice())
	return append(b, body...)
}

// chain is the extension headers, the last of which announces protocol, and
// the number of the first.
func (s Segment) chain(protocol uint8) (b []byte, first uint8) {
	next := protocol
	for i := len(s.Extensions) - 1; i >= 0; i-- {
		e := s.Extensions[i]
		header := pad(append([]byte{next, 0}, e.Body...), 8)
		header[1] = byte(len(header)/8 - 1)
		b = append(header, b...)
		next = e.Protocol
	}
	return b, next
}

func (s Segment) ttl() uint8 {
	if s.TTL == 0 {
		return 64
	}
	return s.TTL
}

// pad appends zeros, which are end-of-list or Pad1 wherever they go here.
func pad(b []byte, multiple int) []byte {
	padded := append([]byte(nil), b...)
	for len(padded)%multiple != 0 {
		padded = append(padded, 0)
	}
	return padded
}

// checksum is the Internet checksum (RFC 1071) over the parts, each but the
// last of even length.
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, b := range parts {
		for len(b) >= 2 {
			sum += uint32(b[0])<<8 | uint32(b[1])
			b = b[2:]
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
