package packet

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Layers walks from the outermost header of a frame to the innermost IP packet
// and notes what it passes. It is for the packets that are no TCP as they are;
// its list is used again by the next walk. The zero value is ready.
type Layers struct {
	List   []reset.Tunnel // outermost first
	walked int
}

// maxLayers bounds the walk: no network nests deeper, and a hostile packet may
// try to.
const maxLayers = 8

// Protocols that bear IP, beside those of locate.go (IANA protocol numbers).
const (
	protocolIPIP = 4
	protocolUDP  = 17
	protocolIPv6 = 41
	protocolGRE  = 47
	protocolMPLS = 137
)

// Clone is a copy that later walks leave alone.
func (l *Layers) Clone() Layers { return Layers{slices.Clone(l.List), l.walked} }

// Reset empties the list for another frame.
func (l *Layers) Reset() { l.List, l.walked = l.List[:0], 0 }

// FromIP returns where the innermost IP packet begins, whose outermost IP header
// is at an offset of data. ok is false where what is inside cannot be read: it
// is encrypted, of an unknown kind, or was not captured.
func (l *Layers) FromIP(data []byte, at int) (inner int, ok bool) {
	for l.walked < maxLayers {
		h, ok := outerHeader(data, at)
		if !ok {
			return 0, false
		}
		if h.protocol == protocolTCP {
			return at, true
		}
		l.walked++
		next, kind, ok := l.step(data, &h)
		if !ok {
			return 0, false
		}
		switch kind {
		case insideIP:
			at = next
		case insideEther:
			return l.fromEther(data, next)
		}
	}
	return 0, false
}

// What follows a tunnel's own header.
type inside uint8

const (
	insideIP    inside = iota // an IP header
	insideEther               // an EtherType, and what it says
)

// outer is an IP header that is not TCP's.
type outer struct {
	version  uint8
	protocol byte
	ttl      uint8
	src, dst netip.Addr
	payload  int // offset in data
	end      int // of what belongs to the packet and was captured
}

// outerHeader reads the IP header at an offset, with its extension headers and
// those of AH (RFC 4302).
func outerHeader(data []byte, at int) (h outer, ok bool) {
	if at >= len(data) {
		return h, false
	}
	raw := data[at:]
	h.version = raw[0] >> 4
	var next byte
	var l layout
	switch {
	case h.version == 4 && len(raw) >= ipv4Fixed:
		header, total := int(raw[0]&15)*4, int(binary.BigEndian.Uint16(raw[2:4]))
		l.bound(len(raw), total)
		if header < ipv4Fixed || header > l.end || binary.BigEndian.Uint16(raw[6:8])&0x1fff != 0 {
			return h, false
		}
		h.src, h.dst = netip.AddrFrom4([4]byte(raw[12:16])), netip.AddrFrom4([4]byte(raw[16:20]))
		h.ttl, next, h.payload = raw[8], raw[9], header
	case h.version == 6 && len(raw) >= ipv6Fixed:
		total := int(binary.BigEndian.Uint16(raw[4:6]))
		if total != 0 {
			total += ipv6Fixed
		}
		l.bound(len(raw), total)
		h.src, h.dst = netip.AddrFrom16([16]byte(raw[8:24])), netip.AddrFrom16([16]byte(raw[24:40]))
		h.ttl, next, h.payload = raw[7], raw[6], ipv6Fixed
	default:
		return h, false
	}
	for range maxExtensions {
		if h.version == 4 && next != auth || !isExtension(next) {
			break
		}
		length, following, err := l.extension(raw, h.payload, next)
		if err != nil {
			return h, false
		}
		h.payload, next = h.payload+length, following
	}
	h.protocol, h.end, h.payload = next, at+l.end, h.payload+at
	return h, h.payload <= h.end
}

func isExtension(kind byte) bool {
	switch kind {
	case hopByHop, routing, fragment, auth, destOptions:
		return true
	}
	return false
}

// step reads the header of one tunnel and notes it.
func (l *Layers) step(data []byte, h *outer) (next int, kind inside, ok bool) {
	body := data[:h.end]
	switch h.protocol {
	case protocolIPIP:
		l.note(h, "ipip", reset.Opt[uint32]{})
		return h.payload, insideIP, true
	case protocolIPv6:
		l.note(h, sixKind(h, body), reset.Opt[uint32]{})
		return h.payload, insideIP, true
	case protocolGRE:
		return l.gre(body, h)
	case protocolMPLS:
		l.note(h, "mpls-in-ip", reset.Opt[uint32]{})
		next, ok = l.mpls(body, h.payload)
		return next, insideIP, ok
	case protocolUDP:
		return l.udp(body, h)
	}
	return 0, 0, false
}

// sixKind names what carries IPv6: 6to4 (RFC 3056) where an address of its prefix
// bears the outer one.
func sixKind(h *outer, body []byte) string {
	if h.version == 6 {
		return "ip6ip6"
	}
	if len(body) >= h.payload+ipv6Fixed {
		inner := body[h.payload:]
		for _, ends := range [][2][]byte{{inner[8:24], h.src.AsSlice()}, {inner[24:40], h.dst.AsSlice()}} {
			address, around := ends[0], ends[1]
			if address[0] == 0x20 && address[1] == 0x02 && [4]byte(address[2:6]) == [4]byte(around) {
				return "6to4"
			}
		}
	}
	return "6in4"
}

// note adds a layer.
func (l *Layers) note(h *outer, kind string, id reset.Opt[uint32]) {
	l.List = append(l.List, reset.Tunnel{
		Kind: kind, Src: reset.EndpointFrom(h.src, 0), Dst: reset.EndpointFrom(h.dst, 0), ID: id, TTL: reset.Some(h.ttl),
	})
}

// noteUDP adds one whose ports belong to it.
func (l *Layers) noteUDP(h *outer, kind string, id reset.Opt[uint32], src, dst uint16) {
	l.note(h, kind, id)
	last := &l.List[len(l.List)-1]
	last.Src, last.Dst = reset.EndpointFrom(h.src, src), reset.EndpointFrom(h.dst, dst)
}
