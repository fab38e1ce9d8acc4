package packet

import (
	"encoding/binary"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// EtherTypes, of IEEE's registry.
const (
	etherIPv4      = 0x0800
	etherIPv6      = 0x86dd
	etherBridge    = 0x6558 // Transparent Ethernet bridging
	etherPPP       = 0x880b
	etherMPLS      = 0x8847
	etherMPLSMulti = 0x8848
	etherPPPoE     = 0x8864
	etherERSPAN    = 0x88be // types I and II
	etherERSPAN3   = 0x22eb
)

// The bits of a GRE header (RFC 2784, RFC 2890; RFC 2637 for version 1).
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greAck      = 0x0080
)

// gre reads a GRE header and what Cisco's mirroring puts behind it.
func (l *Layers) gre(body []byte, h *outer) (next int, kind inside, ok bool) {
	at := h.payload
	if len(body) < at+4 {
		return 0, 0, false
	}
	flags, protocol := binary.BigEndian.Uint16(body[at:]), int(binary.BigEndian.Uint16(body[at+2:]))
	at += 4
	version := flags & 7
	if version > 1 || flags&greRouting != 0 {
		return 0, 0, false
	}
	if flags&greChecksum != 0 {
		at += 4
	}
	var id reset.Opt[uint32]
	if flags&greKey != 0 {
		if len(body) < at+4 {
			return 0, 0, false
		}
		if id = reset.Some(binary.BigEndian.Uint32(body[at:])); version == 1 {
			id = reset.Some(id.V & 0xffff) // after the payload's length, the call
		}
		at += 4
	}
	if flags&greSequence != 0 {
		at += 4
	}
	if version == 1 && flags&greAck != 0 {
		at += 4
	}
	switch protocol {
	case etherERSPAN:
		return l.erspan(body, h, at, flags&greSequence != 0)
	case etherERSPAN3:
		return l.erspan3(body, h, at)
	}
	name := "gre"
	if protocol == etherBridge {
		name = "gretap"
	}
	l.note(h, name, id)
	next, ok = l.byEtherType(body, at, protocol)
	return next, insideIP, ok
}

// erspan reads types I (no header, no sequence) and II (8 bytes:
// draft-foschiano-erspan, 4.2). The id is the session.
func (l *Layers) erspan(body []byte, h *outer, at int, second bool) (next int, kind inside, ok bool) {
	var session reset.Opt[uint32]
	if second {
		if len(body) < at+8 {
			return 0, 0, false
		}
		session = reset.Some(uint32(binary.BigEndian.Uint16(body[at+2:]) & 0x3ff))
		at += 8
	}
	l.note(h, "erspan", session)
	return at + 12, insideEther, true
}

// erspan3 reads type III: 12 bytes, and 8 more where the lowest bit says so.
func (l *Layers) erspan3(body []byte, h *outer, at int) (next int, kind inside, ok bool) {
	if len(body) < at+12 {
		return 0, 0, false
	}
	session := uint32(binary.BigEndian.Uint16(body[at+2:]) & 0x3ff)
	if body[at+11]&1 != 0 {
		at += 8
	}
	l.note(h, "erspan", reset.Some(session))
	return at + 12 + 12, insideEther, true
}
