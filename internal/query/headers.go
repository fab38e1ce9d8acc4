package query

import (
	"net/netip"
	"strconv"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// ends says which of a packet's two ends a primitive is about.
type ends uint8

const (
	eitherEnd ends = iota
	source
	destination
	bothEnds
)

func (e ends) of(src, dst bool) bool {
	switch e {
	case source:
		return src
	case destination:
		return dst
	case bothEnds:
		return src && dst
	}
	return src || dst
}

// prefix is what stands before the kind, in canonical form.
func (e ends) prefix() string {
	return [...]string{"", "src ", "dst ", "src and dst "}[e]
}

// familyOf is the IP version: the addresses', or the packet's where they are
// not known.
func familyOf(r *reset.Reset) reset.Family {
	addr := r.Src.Addr()
	if !addr.IsValid() {
		addr = r.Dst.Addr()
	}
	switch {
	case addr.Is4():
		return reset.IPv4
	case addr.Is6():
		return reset.IPv6
	}
	return r.Packet.Family
}

func family(addr netip.Addr) reset.Family {
	if addr.Is4() {
		return reset.IPv4
	}
	return reset.IPv6
}

// protocol is ip, ip6 or tcp alone. Every record is about TCP.
type protocol struct{ name string }

func (n *protocol) match(r *reset.Reset) bool {
	switch n.name {
	case "ip":
		return familyOf(r) == reset.IPv4
	case "ip6":
		return familyOf(r) == reset.IPv6
	}
	return true
}

func (n *protocol) needs() Fields {
	if n.name == "tcp" {
		return 0
	}
	return FieldAddress
}

func (n *protocol) appendTo(b []byte) []byte { return append(b, n.name...) }

// host is an address.
type host struct {
	ends ends
	addr netip.Addr
}

func (n *host) match(r *reset.Reset) bool {
	return n.ends.of(r.Src.Addr() == n.addr, r.Dst.Addr() == n.addr)
}
func (n *host) needs() Fields { return FieldAddress }
func (n *host) appendTo(b []byte) []byte {
	return n.addr.AppendTo(append(append(b, n.ends.prefix()...), "host "...))
}

// network is a network with a length. Its addresses have no zones.
type network struct {
	ends   ends
	prefix netip.Prefix
}

func (n *network) match(r *reset.Reset) bool {
	return n.ends.of(n.prefix.Contains(r.Src.Addr()), n.prefix.Contains(r.Dst.Addr()))
}
func (n *network) needs() Fields { return FieldAddress }
func (n *network) appendTo(b []byte) []byte {
	return n.prefix.AppendTo(append(append(b, n.ends.prefix()...), "net "...))
}

// maskedNetwork is an IPv4 network with a mask, which may have holes.
type maskedNetwork struct {
	ends       ends
	base, mask uint32
}

func (n *maskedNetwork) match(r *reset.Reset) bool {
	return n.ends.of(n.contains(r.Src.Addr()), n.contains(r.Dst.Addr()))
}

func (n *maskedNetwork) contains(addr netip.Addr) bool {
	return addr.Is4() && number4(addr)&n.mask == n.base
}
func (n *maskedNetwork) needs() Fields { return FieldAddress }
func (n *maskedNetwork) appendTo(b []byte) []byte {
	b = append(append(b, n.ends.prefix()...), "net "...)
	return address4(n.mask).AppendTo(append(address4(n.base).AppendTo(b), " mask "...))
}

func number4(addr netip.Addr) uint32 {
	b := addr.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func address4(v uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// ports is a range of ports, ends included.
type ports struct {
	ends     ends
	from, to uint16
}

func (n *ports) match(r *reset.Reset) bool {
	return n.ends.of(n.contains(r.Src), n.contains(r.Dst))
}

func (n *ports) contains(e reset.Endpoint) bool {
	return e.IsValid() && n.from <= e.Port() && e.Port() <= n.to
}
func (n *ports) needs() Fields { return FieldPort }
func (n *ports) appendTo(b []byte) []byte {
	b = append(b, n.ends.prefix()...)
	if n.from == n.to {
		return strconv.AppendUint(append(b, "port "...), uint64(n.from), 10)
	}
	b = strconv.AppendUint(append(b, "portrange "...), uint64(n.from), 10)
	return strconv.AppendUint(append(b, '-'), uint64(n.to), 10)
}

// hardware is a link-layer address.
type hardware struct {
	ends ends
	mac  [6]byte
}

func (n *hardware) match(r *reset.Reset) bool {
	return n.ends.of(string(r.Packet.MACSrc) == string(n.mac[:]), string(r.Packet.MACDst) == string(n.mac[:]))
}
func (n *hardware) needs() Fields { return FieldMAC }
func (n *hardware) appendTo(b []byte) []byte {
	b = append(append(append(b, "ether "...), n.ends.prefix()...), "host "...)
	return append(b, reset.MAC(n.mac[:]).String()...)
}

// vlan is a VLAN, or any.
type vlan struct {
	any bool
	id  uint16
}

func (n *vlan) match(r *reset.Reset) bool {
	return r.Packet.VLAN.OK && (n.any || r.Packet.VLAN.V == n.id)
}
func (n *vlan) needs() Fields { return FieldVLAN }
func (n *vlan) appendTo(b []byte) []byte {
	b = append(b, "vlan"...)
	if n.any {
		return b
	}
	return strconv.AppendUint(append(b, ' '), uint64(n.id), 10)
}

// length is less or greater.
type length struct {
	greater bool
	bytes   uint32
}

func (n *length) match(r *reset.Reset) bool {
	l := r.Packet.Length
	if n.greater {
		return l.OK && l.V >= n.bytes
	}
	return l.OK && l.V <= n.bytes
}
func (n *length) needs() Fields { return FieldLength }
func (n *length) appendTo(b []byte) []byte {
	if n.greater {
		b = append(b, "greater "...)
	} else {
		b = append(b, "less "...)
	}
	return strconv.AppendUint(b, uint64(n.bytes), 10)
}
