package packet

import (
	"encoding/binary"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Ports by which tunnels over UDP are known (IANA's registry; 8472 is that of
// Linux's VXLAN before it had one).
const (
	portVXLAN    = 4789
	portVXLANOld = 8472
	portVXLANGPE = 4790
	portGeneve   = 6081
	portGTPU     = 2152
	portTeredo   = 3544
)

const udpHeader = 8

// udp reads a UDP header and the tunnel's own behind it.
func (l *Layers) udp(body []byte, h *outer) (next int, kind inside, ok bool) {
	at := h.payload
	if len(body) < at+udpHeader {
		return 0, 0, false
	}
	src, dst := binary.BigEndian.Uint16(body[at:]), binary.BigEndian.Uint16(body[at+2:])
	at += udpHeader
	either := func(port uint16) bool { return src == port || dst == port }
	switch {
	case dst == portVXLAN || dst == portVXLANOld:
		return l.vxlan(body, h, at, src, dst)
	case dst == portVXLANGPE:
		return l.vxlanGPE(body, h, at, src, dst)
	case dst == portGeneve:
		return l.geneve(body, h, at, src, dst)
	case either(portGTPU):
		return l.gtp(body, h, at, src, dst)
	case either(portTeredo):
		return l.teredo(body, h, at, src, dst)
	}
	return 0, 0, false
}

// vxlan reads RFC 7348, 5.
func (l *Layers) vxlan(body []byte, h *outer, at int, src, dst uint16) (next int, kind inside, ok bool) {
	if len(body) < at+8 || body[at]&0x08 == 0 {
		return 0, 0, false
	}
	l.noteUDP(h, "vxlan", reset.Some(binary.BigEndian.Uint32(body[at+4:])>>8), src, dst)
	return at + 8 + 12, insideEther, true
}

// vxlanGPE reads draft-ietf-nvo3-vxlan-gpe: the last byte of the first word says
// what follows.
func (l *Layers) vxlanGPE(body []byte, h *outer, at int, src, dst uint16) (next int, kind inside, ok bool) {
	if len(body) < at+8 || body[at]&0x08 == 0 {
		return 0, 0, false
	}
	l.noteUDP(h, "vxlan-gpe", reset.Some(binary.BigEndian.Uint32(body[at+4:])>>8), src, dst)
	switch body[at+3] {
	case 1, 2:
		return at + 8, insideIP, true
	case 3:
		return at + 8 + 12, insideEther, true
	}
	return 0, 0, false
}

// geneve reads RFC 8926, 3.4.
func (l *Layers) geneve(body []byte, h *outer, at int, src, dst uint16) (next int, kind inside, ok bool) {
	if len(body) < at+8 || body[at]>>6 != 0 {
		return 0, 0, false
	}
	protocol := int(binary.BigEndian.Uint16(body[at+2:]))
	l.noteUDP(h, "geneve", reset.Some(binary.BigEndian.Uint32(body[at+4:])>>8), src, dst)
	next, ok = l.byEtherType(body, at+8+int(body[at]&0x3f)*4, protocol)
	return next, insideIP, ok
}

// gtp reads a G-PDU of 3GPP TS 29.281, 5.1, with its extension headers.
func (l *Layers) gtp(body []byte, h *outer, at int, src, dst uint16) (next int, kind inside, ok bool) {
	const version1, gpdu, someOptional, extended = 0x30, 255, 0x07, 0x04
	if len(body) < at+8 || body[at]&0xf0 != version1 || body[at+1] != gpdu {
		return 0, 0, false
	}
	l.noteUDP(h, "gtp", reset.Some(binary.BigEndian.Uint32(body[at+4:])), src, dst)
	flags := body[at]
	at += 8
	if flags&someOptional == 0 {
		return at, insideIP, true
	}
	if len(body) < at+4 {
		return 0, 0, false
	}
	following := body[at+3]
	at += 4
	for n := 0; flags&extended != 0 && following != 0; n++ {
		if len(body) <= at || body[at] == 0 || n == maxExtensions {
			return 0, 0, false
		}
		at += int(body[at]) * 4
		if len(body) < at {
			return 0, 0, false
		}
		following = body[at-1]
	}
	return at, insideIP, true
}

// teredo reads RFC 4380, 5.1.1: an authentication and an origin may stand before
// the IPv6 packet.
func (l *Layers) teredo(body []byte, h *outer, at int, src, dst uint16) (next int, kind inside, ok bool) {
	if len(body) >= at+13 && body[at] == 0 && body[at+1] == 1 {
		at += 13 + int(body[at+2]) + int(body[at+3])
	}
	if len(body) >= at+8 && body[at] == 0 && body[at+1] == 0 {
		at += 8
	}
	if len(body) <= at || body[at]>>4 != 6 {
		return 0, 0, false
	}
	l.noteUDP(h, "teredo", reset.Opt[uint32]{}, src, dst)
	return at, insideIP, true
}
