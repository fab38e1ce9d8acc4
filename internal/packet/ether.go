package packet

import (
	"encoding/binary"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// FromEther returns where the innermost IP packet begins in a frame whose
// EtherType is at an offset of data, past VLAN tags, MPLS, PPPoE and whatever
// tunnels the IP packet bears.
func (l *Layers) FromEther(data []byte, at int) (inner int, ok bool) { return l.fromEther(data, at) }

func (l *Layers) fromEther(data []byte, at int) (inner int, ok bool) {
	ip, ok := l.etherToIP(data, at)
	if !ok {
		return 0, false
	}
	return l.FromIP(data, ip)
}

// FromType is FromEther where the EtherType stands elsewhere: what it speaks of
// is at the offset.
func (l *Layers) FromType(data []byte, at int, etherType uint16) (inner int, ok bool) {
	if isTag(etherType) {
		return l.fromEther(data, at+2)
	}
	ip, ok := l.byEtherType(data, at, int(etherType))
	if !ok {
		return 0, false
	}
	return l.FromIP(data, ip)
}

// etherToIP reads an EtherType and passes tags over.
func (l *Layers) etherToIP(data []byte, at int) (ip int, ok bool) {
	for range maxTags + 1 {
		if len(data) < at+2 {
			return 0, false
		}
		kind := int(binary.BigEndian.Uint16(data[at:]))
		switch {
		case isTag(uint16(kind)):
			at += 4
		case kind < 0x0600: // a length: IEEE 802.2 follows
			return snap(data, at+2)
		default:
			return l.byEtherType(data, at+2, kind)
		}
	}
	return 0, false
}

// snap reads the headers of IEEE 802.2 with a SNAP extension (RFC 1042).
func snap(data []byte, at int) (ip int, ok bool) {
	if len(data) < at+8 || data[at] != 0xaa || data[at+1] != 0xaa {
		return 0, false
	}
	switch binary.BigEndian.Uint16(data[at+6:]) {
	case etherIPv4, etherIPv6:
		return at + 8, true
	}
	return 0, false
}

// FromSNAP is FromEther for links whose frames begin with IEEE 802.2 at an
// offset.
func (l *Layers) FromSNAP(data []byte, at int) (inner int, ok bool) {
	ip, ok := snap(data, at)
	if !ok {
		return 0, false
	}
	return l.FromIP(data, ip)
}

// byEtherType returns where the IP packet begins in what has that EtherType.
func (l *Layers) byEtherType(data []byte, at, kind int) (ip int, ok bool) {
	switch kind {
	case etherIPv4, etherIPv6:
		return at, true
	case etherMPLS, etherMPLSMulti:
		return l.mpls(data, at)
	case etherPPPoE:
		return l.pppoe(data, at)
	case etherPPP:
		return l.ppp(data, at)
	case etherBridge:
		if l.walked++; l.walked > maxLayers {
			return 0, false
		}
		return l.etherToIP(data, at+12)
	}
	return 0, false
}

// mpls reads a stack of labels (RFC 3032, 2.1). What is below says itself
// whether it is IP; a pseudowire's Ethernet frame may follow a control word
// (RFC 4448).
func (l *Layers) mpls(data []byte, at int) (ip int, ok bool) {
	const maxLabels = 16
	for range maxLabels {
		if len(data) < at+4 {
			return 0, false
		}
		entry := binary.BigEndian.Uint32(data[at:])
		at += 4
		if len(l.List) < maxLayers {
			l.List = append(l.List, reset.Tunnel{Kind: "mpls", ID: reset.Some(entry >> 12), TTL: reset.Some(uint8(entry))})
		}
		if entry&0x100 == 0 {
			continue
		}
		if len(data) <= at {
			return 0, false
		}
		switch data[at] >> 4 {
		case 4, 6:
			return at, true
		case 0: // a control word
			if l.walked++; l.walked > maxLayers {
				return 0, false
			}
			return l.etherToIP(data, at+4+12)
		}
		return 0, false
	}
	return 0, false
}

// pppoe reads the header of a session (RFC 2516, 4).
func (l *Layers) pppoe(data []byte, at int) (ip int, ok bool) {
	if len(data) < at+6 || data[at] != 0x11 || data[at+1] != 0 {
		return 0, false
	}
	l.List = append(l.List, reset.Tunnel{Kind: "pppoe", ID: reset.Some(uint32(binary.BigEndian.Uint16(data[at+2:])))})
	return l.ppp(data, at+6)
}

// ppp reads a protocol number (RFC 1661, 2), which may be of one byte and have
// the address and control of HDLC before it (RFC 1662, 3.1).
func (l *Layers) ppp(data []byte, at int) (ip int, ok bool) {
	const ipv4, ipv6, mpls = 0x21, 0x57, 0x281
	if len(data) >= at+2 && data[at] == 0xff && data[at+1] == 0x03 {
		at += 2
	}
	if len(data) < at+2 {
		return 0, false
	}
	protocol := int(data[at])
	at++
	if protocol&1 == 0 { // of two bytes
		protocol = protocol<<8 | int(data[at])
		at++
	}
	switch protocol {
	case ipv4, ipv6:
		return at, true
	case mpls:
		return l.mpls(data, at)
	}
	return 0, false
}

// FromPPP is FromEther for links whose frames are PPP's.
func (l *Layers) FromPPP(data []byte, at int) (inner int, ok bool) {
	ip, ok := l.ppp(data, at)
	if !ok {
		return 0, false
	}
	return l.FromIP(data, ip)
}

// FromPPPoE is FromEther for frames that begin with a session's header.
func (l *Layers) FromPPPoE(data []byte, at int) (inner int, ok bool) {
	ip, ok := l.pppoe(data, at)
	if !ok {
		return 0, false
	}
	return l.FromIP(data, ip)
}
