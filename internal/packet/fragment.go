package packet

import (
	"encoding/binary"
)

// Fragment is one piece of an IP packet (RFC 791, 3.2; RFC 8200, 4.5).
type Fragment struct {
	Key    FragmentKey
	Offset int    // of the piece in what was divided
	Data   []byte // the piece; of the fragment that was read
	More   bool   // others follow
	Head   []byte // the headers before what was divided, the fragment header left out
	Cut    bool   // the capture ends within the piece
}

// FragmentKey is what the pieces of one packet share.
type FragmentKey struct {
	Version  uint8
	Protocol byte // what was divided, of IPv4; of IPv6 the first piece says it
	ID       uint32
	Src, Dst Address
}

// ReadFragment reads an IP packet that is a piece of one; ok is false of whole
// ones, and of those whose headers were not captured.
func ReadFragment(raw []byte, into *Fragment) (ok bool) {
	switch {
	case len(raw) >= ipv4Fixed && raw[0]>>4 == 4:
		return fragmentIPv4(raw, into)
	case len(raw) >= ipv6Fixed && raw[0]>>4 == 6:
		return fragmentIPv6(raw, into)
	}
	return false
}

const moreFragments = 0x2000

func fragmentIPv4(raw []byte, into *Fragment) bool {
	place := binary.BigEndian.Uint16(raw[6:8])
	header, total := int(raw[0]&15)*4, int(binary.BigEndian.Uint16(raw[2:4]))
	if place&(moreFragments|0x1fff) == 0 || header < ipv4Fixed || header > len(raw) || header >= total {
		return false
	}
	end := min(total, len(raw))
	*into = Fragment{
		Key: FragmentKey{
			Version: 4, Protocol: raw[9], ID: uint32(binary.BigEndian.Uint16(raw[4:6])),
			Src: Address{Lo: 0xffff<<32 | uint64(binary.BigEndian.Uint32(raw[12:16]))},
			Dst: Address{Lo: 0xffff<<32 | uint64(binary.BigEndian.Uint32(raw[16:20]))},
		},
		Offset: int(place&0x1fff) * 8, More: place&moreFragments != 0,
		Head: raw[:header:header], Data: raw[header:end:end], Cut: end < total,
	}
	return true
}

func fragmentIPv6(raw []byte, into *Fragment) bool {
	total := int(binary.BigEndian.Uint16(raw[4:6])) + ipv6Fixed
	l := layout{version: 6}
	l.bound(len(raw), total)
	at, next := ipv6Fixed, raw[6]
	for range maxExtensions {
		if next == fragment {
			break
		}
		length, following, err := l.extension(raw, at, next)
		if err != nil {
			return false
		}
		at, next = at+length, following
	}
	if next != fragment || at+8 > l.end || at+8 >= total {
		return false
	}
	header := raw[at : at+8]
	place := binary.BigEndian.Uint16(header[2:4])
	if place&0xfff9 == 0 {
		return false // an atomic fragment is whole (RFC 6946)
	}
	*into = Fragment{
		Key: FragmentKey{
			Version: 6, ID: binary.BigEndian.Uint32(header[4:8]),
			Src: Address{binary.BigEndian.Uint64(raw[8:16]), binary.BigEndian.Uint64(raw[16:24])},
			Dst: Address{binary.BigEndian.Uint64(raw[24:32]), binary.BigEndian.Uint64(raw[32:40])},
		},
		Offset: int(place &^ 7), More: place&1 != 0,
		Head: raw[: at+8 : at+8], Data: raw[at+8 : l.end : l.end], Cut: l.end < total,
	}
	return true
}

// maxPacket is the longest IP packet, jumbograms left out.
const maxPacket = 1<<16 - 1

// Whole writes the packet that the pieces made: the headers of the first piece,
// and all that was divided. It appends to b; ok is false where that would be
// longer than an IP packet can be.
func Whole(b, head, divided []byte) (packet []byte, ok bool) {
	total := len(head) + len(divided)
	start := len(b)
	b = append(append(b, head...), divided...)
	raw := b[start:]
	switch {
	case len(head) >= ipv4Fixed && head[0]>>4 == 4:
		if total > maxPacket {
			return b[:start], false
		}
		binary.BigEndian.PutUint16(raw[2:4], uint16(total))
		place := binary.BigEndian.Uint16(raw[6:8])
		binary.BigEndian.PutUint16(raw[6:8], place&^(moreFragments|0x1fff))
	case len(head) >= ipv6Fixed+8 && head[0]>>4 == 6:
		if total-ipv6Fixed > maxPacket {
			return b[:start], false
		}
		binary.BigEndian.PutUint16(raw[4:6], uint16(total-ipv6Fixed))
		place := raw[len(head)-6 : len(head)-4] // it stays, as one that is whole
		place[0], place[1] = 0, place[1]&0x06
	default:
		return b[:start], false
	}
	return b, true
}
