package rule

import (
	"encoding/binary"
	"net/netip"
)

// portMatch is iptables' match on ports and flags: of its matches tcp and
// multiport.
type portMatch struct {
	source, target []span // any of them; nil: every port
	either         []span // the one or the other
	notSource      bool
	notTarget      bool
	notEither      bool
	mask, flags    uint8
	notFlags       bool
	options        bool // it looks at TCP options, which are not known here
}

// span is from one port to another, both included.
type span struct{ from, to uint16 }

// addressMatch is what every rule of the older iptables begins with.
type addressMatch struct {
	source, target       netip.Addr
	sourceMask           []byte
	targetMask           []byte
	notSource, notTarget bool
	protocol             uint8 // 0: every
	notProtocol          bool
	devices              bool // it looks at devices, which are not known here
}

// The bits of inversion of xt_tcp (linux/netfilter/xt_tcpudp.h).
const (
	invertSource  = 1
	invertTarget  = 2
	invertFlags   = 4
	invertOptions = 8
)

// decodeMatch reads one of iptables' matches; numbers are in the machine's
// order.
func decodeMatch(name string, revision uint32, b []byte) step {
	order := binary.NativeEndian
	switch {
	case name == "comment":
		return step{op: opNothing, name: text(b)}
	case name == "tcp" && len(b) >= 12:
		m := &portMatch{mask: b[9], flags: b[10], options: b[8] != 0}
		m.source = ports(order.Uint16(b), order.Uint16(b[2:]))
		m.target = ports(order.Uint16(b[4:]), order.Uint16(b[6:]))
		m.notSource, m.notTarget = b[11]&invertSource != 0, b[11]&invertTarget != 0
		m.notFlags = b[11]&invertFlags != 0
		return step{op: opPorts, ports: m}
	case name == "multiport" && revision == 1 && len(b) >= 48:
		return multiport(b)
	}
	return step{op: opUnknown}
}

// ports is nil where they are all.
func ports(from, to uint16) []span {
	if from == 0 && to == 0xffff {
		return nil
	}
	return []span{{from, to}}
}

// multiport reads xt_multiport_v1: which ports, how many, the ports, whether
// each begins a span, whether it is all inverted.
func multiport(b []byte) step {
	list := []span{}
	for i := 0; i < min(int(b[1]), 15); i++ {
		s := span{binary.NativeEndian.Uint16(b[2+2*i:]), binary.NativeEndian.Uint16(b[2+2*i:])}
		if b[32+i] != 0 && i+1 < 15 {
			i++
			s.to = binary.NativeEndian.Uint16(b[2+2*i:])
		}
		list = append(list, s)
	}
	m, not := &portMatch{}, b[47] != 0
	switch b[0] {
	case 0:
		m.source, m.notSource = list, not
	case 1:
		m.target, m.notTarget = list, not
	default:
		m.either, m.notEither = list, not
	}
	return step{op: opPorts, ports: m}
}

// The number by which REJECT is told to send a RST is another in each family:
// enum ipt_reject_with and enum ip6t_reject_with. Which family it is, the table
// says.
const (
	withReset4 = 7
	withReset6 = 6
)

// decodeTarget reads one of iptables' targets. Whether REJECT sends a RST is
// left to the caller: see resets.
func decodeTarget(name string, b []byte) step {
	if name == "REJECT" && len(b) >= 4 {
		return step{op: opReject, key: binary.NativeEndian.Uint32(b), name: name}
	}
	return step{op: opNothing}
}

// resets tells whether a reject of iptables, in a table of the family, sends a
// RST; nftables' always does.
func (s *step) resets(family uint8) bool {
	switch {
	case s.name != "REJECT":
		return true
	case family == familyIPv6:
		return s.key == withReset6
	}
	return s.key == withReset4
}
