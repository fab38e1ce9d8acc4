package rules

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// tcpOptions are the options of the tcp match.
var tcpOptions = []string{
	"--sport", "--source-port", "--dport", "--destination-port", "--tcp-flags", "--syn", "--tcp-option",
}

// portRange is FIRST:LAST, both in it.
type portRange struct{ first, last uint16 }

func (p portRange) has(port uint16) bool { return p.first <= port && port <= p.last }

// portTest is a range that may be inverted.
type portTest struct {
	set    bool
	ports  portRange
	invert bool
}

func (t portTest) allows(port uint16) bool { return !t.set || t.ports.has(port) != t.invert }

// tcpMatch is xt_tcpudp's tcp_mt.
type tcpMatch struct {
	src, dst    portTest
	flagged     bool
	mask, want  reset.Flags
	invertFlags bool
}

func (m *tcpMatch) match(p *packet) answer {
	if !p.r.Src.IsValid() || !p.r.Dst.IsValid() {
		return unknown
	}
	ok := m.src.allows(p.r.Src.Port()) && m.dst.allows(p.r.Dst.Port()) && m.allowsFlags(p.r.Packet.Flags|reset.RST)
	return answerOf(ok)
}

func (m *tcpMatch) allowsFlags(flags reset.Flags) bool {
	return !m.flagged || (flags&m.mask == m.want) != m.invertFlags
}

// allowsReset reports whether any segment with RST passes the flags.
func (m *tcpMatch) allowsReset() bool {
	for flags := range 256 {
		if reset.Flags(flags)&reset.RST != 0 && m.allowsFlags(reset.Flags(flags)) {
			return true
		}
	}
	return false
}

func (m *tcpMatch) clone() match         { return m }
func (m *tcpMatch) needs() Fields        { return 0 }
func (m *tcpMatch) check(*rule) *problem { return nil }

// tcpOption reads an option of the tcp match, which -p tcp brings along.
func (ps *parser) tcpOption(word string) (*problem, bool) {
	if !slices.Contains(tcpOptions, word) || !ps.tcpHere {
		return nil, false
	}
	m, ok := find[*tcpMatch](ps)
	if !ok {
		m = &tcpMatch{}
		ps.rule.matches = append(ps.rule.matches, m)
	}
	switch word {
	case "--sport", "--source-port":
		return ps.portOption(word, &m.src), true
	case "--dport", "--destination-port":
		return ps.portOption(word, &m.dst), true
	case "--syn":
		m.flagged, m.invertFlags = true, ps.invert
		m.mask, m.want = reset.SYN|reset.RST|reset.ACK|reset.FIN, reset.SYN
		return nil, true
	case "--tcp-flags":
		return ps.flagsOption(word, m), true
	}
	return bad("%s is not supported", word).with(unsupported), true
}

func (ps *parser) portOption(word string, into *portTest) *problem {
	text, p := ps.argument(word)
	if p != nil {
		return p
	}
	ports, p := parsePorts(word, text)
	*into = portTest{set: true, ports: ports, invert: ps.invert}
	return p
}

// parsePorts reads PORT, FIRST:LAST, FIRST: or :LAST.
func parsePorts(word, text string) (portRange, *problem) {
	first, last, isRange := strings.Cut(text, ":")
	r := portRange{0, 65535}
	var p *problem
	if first != "" || !isRange {
		if r.first, p = parsePort(word, first); p != nil {
			return r, p
		}
	}
	if !isRange {
		last = first
	}
	if last != "" {
		if r.last, p = parsePort(word, last); p != nil {
			return r, p
		}
	}
	if r.first > r.last {
		return r, bad("%s %s: the range is backwards", word, text)
	}
	return r, nil
}

func parsePort(word, text string) (uint16, *problem) {
	if v, err := strconv.ParseUint(text, 0, 16); err == nil {
		return uint16(v), nil
	}
	if text != "" && (text[0] < '0' || text[0] > '9') && text[0] != '-' {
		if v, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", text); err == nil { // /etc/services
			return uint16(v), nil
		}
	}
	return 0, bad("%s: no port %q", word, text)
}

func (ps *parser) flagsOption(word string, m *tcpMatch) *problem {
	mask, p := ps.argument(word)
	if p != nil {
		return p
	}
	want, p := ps.argument(word)
	if p != nil {
		return bad("%s needs two lists: those to look at and, of them, those that are set", word)
	}
	if m.mask, p = parseFlags(word, mask); p != nil {
		return p
	}
	if m.want, p = parseFlags(word, want); p != nil {
		return p
	}
	m.flagged, m.invertFlags = true, ps.invert
	return nil
}

func parseFlags(word, list string) (flags reset.Flags, p *problem) {
	known := map[string]reset.Flags{
		"FIN": reset.FIN, "SYN": reset.SYN, "RST": reset.RST, "PSH": reset.PSH, "ACK": reset.ACK, "URG": reset.URG,
		"ALL": 0x3f, "NONE": 0,
	}
	for name := range strings.SplitSeq(list, ",") {
		flag, ok := known[strings.ToUpper(name)]
		if !ok {
			return 0, bad("%s: no flag %q", word, name).with("flags are SYN, ACK, FIN, RST, URG, PSH, ALL and NONE")
		}
		flags |= flag
	}
	return flags, nil
}
