package query

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// host reads an IP address.
func (p *parser) host(t token, q qualifiers) (node, error) {
	addr, err := netip.ParseAddr(t.text)
	if err != nil {
		if _, err := netip.ParsePrefix(t.text); err == nil {
			return nil, p.errorAt(t.at, "write: net "+t.text, "%q is a network, not an address", t.text)
		}
		if _, err := parseMAC(t.text); err == nil {
			return nil, p.errorAt(t.at, "write: ether host "+t.text, "%q is a hardware address", t.text)
		}
		return nil, p.errorAt(t.at, "use an address", "names are not resolved: %q is no IP address", t.text)
	}
	if addr.Zone() != "" {
		hint := "write: host " + addr.WithZone("").String() + " and interface " + addr.Zone()
		return nil, p.errorAt(t.at, hint, "an address in a packet has no zone")
	}
	if err := p.checkVersion(t, q.proto, addr); err != nil {
		return nil, err
	}
	return &host{q.ends, addr}, nil
}

func (p *parser) checkVersion(t token, proto string, addr netip.Addr) error {
	if proto == "ip" && !addr.Is4() || proto == "ip6" && addr.Is4() {
		return p.errorAt(t.at, "", "%s cannot stand before %s", proto, t.text)
	}
	return nil
}

// net reads a network: an address and a length, an address and a mask, or an
// IPv4 number that is cut short.
func (p *parser) net(t token, q qualifiers) (node, error) {
	base, bits, err := p.network(t)
	if err != nil {
		return nil, err
	}
	if err := p.checkVersion(t, q.proto, base); err != nil {
		return nil, err
	}
	mask, err := p.peek()
	if err != nil {
		return nil, err
	}
	if mask.kind == tokenWord && mask.text == "mask" {
		p.pos = mask.end
		return p.masked(t, base, q)
	}
	prefix := netip.PrefixFrom(base, bits)
	if prefix.Masked() != prefix {
		return nil, p.errorAt(t.at, "write: net "+prefix.Masked().String(), "%s has bits set beyond its length", t.text)
	}
	return &network{q.ends, prefix}, nil
}

func (p *parser) network(t token) (base netip.Addr, bits int, err error) {
	number, length, hasLength := strings.Cut(t.text, "/")
	base, err = netip.ParseAddr(number)
	bits = base.BitLen()
	if err != nil {
		base, bits, err = shortNetwork(number)
	}
	if err != nil || base.Zone() != "" {
		const hint = "write it as 192.0.2.0/24 or 2001:db8::/32"
		return base, 0, p.errorAt(t.at, hint, "names are not resolved: %q is no network", t.text)
	}
	if hasLength {
		bits, err = strconv.Atoi(length)
		if err != nil || bits < 0 || bits > base.BitLen() || length[0] == '+' {
			return base, 0, p.errorAt(t.at, "", "%q is no length of a network: 0 to %d bits", length, base.BitLen())
		}
	}
	return base, bits, nil
}

// shortNetwork reads one to three numbers with dots between: as many bytes of
// a network.
func shortNetwork(number string) (netip.Addr, int, error) {
	parts := strings.Split(number, ".")
	if len(parts) > 3 || number == "0" {
		return netip.Addr{}, 0, strconv.ErrSyntax
	}
	var b [4]byte
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return netip.Addr{}, 0, err
		}
		b[i] = byte(v)
	}
	return netip.AddrFrom4(b), 8 * len(parts), nil
}

// masked reads the mask after "net N mask".
func (p *parser) masked(t token, base netip.Addr, q qualifiers) (node, error) {
	m, err := p.next()
	if err != nil {
		return nil, err
	}
	mask, err := netip.ParseAddr(m.text)
	if err != nil || !mask.Is4() || !base.Is4() || strings.Contains(t.text, "/") {
		return nil, p.errorAt(m.at, "write: net 192.0.2.0 mask 255.255.255.0", "a mask goes with an IPv4 network without a length")
	}
	b4, m4 := base.As4(), mask.As4()
	n := &maskedNetwork{q.ends, binary.BigEndian.Uint32(b4[:]), binary.BigEndian.Uint32(m4[:])}
	if n.base&^n.mask != 0 {
		return nil, p.errorAt(t.at, "", "%s has bits set beyond its mask", t.text)
	}
	if ones := bits.LeadingZeros32(^n.mask); n.mask<<ones == 0 {
		return &network{q.ends, netip.PrefixFrom(base, ones)}, nil
	}
	return n, nil
}

// ports reads a port, or a range of them, each a number or a service's name.
func (p *parser) ports(t token, q qualifiers) (node, error) {
	if port, ok := lookupPort(t.text); ok {
		return &ports{q.ends, port, port}, nil
	}
	first, last, ok := strings.Cut(t.text, "-")
	if ok {
		from, ok1 := lookupPort(first)
		to, ok2 := lookupPort(last)
		if ok1 && ok2 && q.kind == "port" {
			return nil, p.errorAt(t.at, "write: portrange "+t.text, "port takes one port")
		}
		if ok1 && ok2 {
			return &ports{q.ends, min(from, to), max(from, to)}, nil
		}
	}
	if v, err := parseNumber(t.text); err == nil && v > 65535 {
		return nil, p.errorAt(t.at, "", "port %s is more than 65535", t.text)
	}
	hint := "use the port's number"
	if near := nearest(t.text, serviceNames()); near != "" {
		hint = "did you mean " + near + "?"
	}
	return nil, p.errorAt(t.at, hint, "%q is neither a port nor a known service", t.text)
}

// hardware reads a link-layer address.
func (p *parser) hardware(t token, e ends) (node, error) {
	mac, err := parseMAC(t.text)
	if err != nil {
		return nil, p.errorAt(t.at, "write it as 52:54:00:aa:01:fe", "%q is no hardware address", t.text)
	}
	return &hardware{e, mac}, nil
}

// parseMAC reads the forms of pcap-filter(7): six groups of one or two digits
// with one of ":", "-" or "." between, three groups of four with dots, or
// twelve digits.
func parseMAC(text string) (mac [6]byte, err error) {
	if groups := strings.Split(text, "."); len(groups) == 3 && len(text) == 14 && len(groups[0]) == 4 && len(groups[1]) == 4 {
		text = strings.Join(groups, "")
	}
	if len(text) == 12 {
		_, err := hex.Decode(mac[:], []byte(text))
		return mac, err
	}
	for _, separator := range []string{":", "-", "."} {
		groups := strings.Split(text, separator)
		if len(groups) != 6 {
			continue
		}
		for i, group := range groups {
			v, err := strconv.ParseUint(group, 16, 8)
			if err != nil || len(group) > 2 {
				return mac, strconv.ErrSyntax
			}
			mac[i] = byte(v)
		}
		return mac, nil
	}
	return mac, strconv.ErrSyntax
}
