package rules

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const protocolTCP = 6

// header is what a rule asks of the IP header and the devices; the kernel
// looks at it before any match (ip_packet_match).
type header struct {
	protocol      protocol
	src, dst      address
	in, out       device
	laterFragment bool // -f: no TCP header, so never a reset
}

type protocol struct {
	set    bool
	number uint8 // 0: any
	invert bool
}

func (p protocol) allowsTCP() bool {
	return !p.set || p.number == 0 && !p.invert || (p.number == protocolTCP) != p.invert
}

type address struct {
	prefix prefix
	invert bool
}

// prefix is an address and a mask, which need not be contiguous.
type prefix struct{ ip, mask netip.Addr }

func (a address) match(ip netip.Addr) answer {
	if !a.prefix.ip.IsValid() {
		return yes
	}
	if !ip.IsValid() {
		return unknown
	}
	if ip.Is4() != a.prefix.ip.Is4() {
		return no
	}
	want, mask, got := a.prefix.ip.AsSlice(), a.prefix.mask.AsSlice(), ip.AsSlice()
	same := true
	for i := range want {
		same = same && want[i]&mask[i] == got[i]&mask[i]
	}
	return answerOf(same != a.invert)
}

// device is a name, or with "+" behind it the start of one.
type device struct {
	name   string
	invert bool
}

func (d device) match(name string) answer {
	if d.name == "" {
		return yes
	}
	start, wild := strings.CutSuffix(d.name, "+")
	if wild {
		return answerOf(strings.HasPrefix(name, start) != d.invert)
	}
	return answerOf((name == d.name) != d.invert)
}

func (ps *parser) protocol(word string) *problem {
	name, p := ps.argument(word)
	if p != nil {
		return p
	}
	known := map[string]uint8{
		"all": 0, "icmp": 1, "tcp": protocolTCP, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51,
		"icmpv6": 58, "ipv6-icmp": 58, "sctp": 132, "mh": 135, "ipv6-mh": 135, "udplite": 136,
	}
	number, ok := known[strings.ToLower(name)]
	if v, err := strconv.ParseUint(name, 0, 8); err == nil {
		number, ok = uint8(v), true
	}
	if !ok {
		return bad("protocol %q is not known", name).with("write its number")
	}
	if number == 0 && ps.invert {
		return bad("! -p all matches nothing")
	}
	ps.rule.ip.protocol = protocol{set: true, number: number, invert: ps.invert}
	ps.tcpHere = number == protocolTCP && !ps.invert
	return nil
}

func (ps *parser) device(word string, into *device) *problem {
	name, p := ps.argument(word)
	switch {
	case p != nil:
		return p
	case name == "" || len(name) > 15:
		return bad("%s %q: a device has 1 to 15 characters", word, name)
	case strings.ContainsAny(name, " /"):
		return bad("%s %q: no device can have that name", word, name)
	}
	*into = device{name: name, invert: ps.invert}
	return nil
}

// addresses reads ADDRESS[/MASK][,…].
func (ps *parser) addresses(word string, into *[]prefix, place *address) *problem {
	list, p := ps.argument(word)
	if p != nil {
		return p
	}
	all := strings.Split(list, ",")
	if len(all) > 1 && ps.invert {
		return bad("! with several addresses").with("iptables refuses it: write one rule for each")
	}
	if len(all) > 256 {
		return bad("%s: more than 256 addresses", word)
	}
	*into = nil
	place.invert = ps.invert
	for _, one := range all {
		one, p := parsePrefix(word, one)
		if p != nil {
			return p
		}
		family := reset.IPv4
		if one.ip.Is6() {
			family = reset.IPv6
		}
		if ps.rule.family != reset.FamilyNone && ps.rule.family != family {
			return bad("IPv4 and IPv6 addresses in one rule")
		}
		ps.rule.family = family
		*into = append(*into, one)
	}
	return nil
}

func parsePrefix(word, text string) (prefix, *problem) {
	ipText, maskText, masked := strings.Cut(text, "/")
	ip, err := netip.ParseAddr(ipText)
	if err != nil || ip.Zone() != "" {
		return prefix{}, bad("%s %q: no IP address", word, text).with("write numbers: names are not looked up")
	}
	if !masked {
		maskText = strconv.Itoa(ip.BitLen())
	}
	if bits, err := strconv.ParseUint(maskText, 10, 8); err == nil && int(bits) <= ip.BitLen() {
		return prefix{ip: ip, mask: maskOf(ip, int(bits))}, nil
	}
	mask, err := netip.ParseAddr(maskText)
	if err != nil || mask.Is4() != ip.Is4() || mask.Zone() != "" {
		return prefix{}, bad("%s %q: no mask", word, text)
	}
	return prefix{ip: ip, mask: mask}, nil
}

func maskOf(ip netip.Addr, bits int) netip.Addr {
	mask := make([]byte, ip.BitLen()/8)
	for i := range bits {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(mask)
	return a
}
