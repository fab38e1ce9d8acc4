package rules

import "strings"

// multiportMatch is xt_multiport.
type multiportMatch struct {
	set      bool
	src, dst bool // which ports are looked at
	ports    []portRange
	invert   bool
}

func (m *multiportMatch) match(p *packet) answer {
	if !p.r.Src.IsValid() || !p.r.Dst.IsValid() {
		return unknown
	}
	for _, r := range m.ports {
		if m.src && r.has(p.r.Src.Port()) || m.dst && r.has(p.r.Dst.Port()) {
			return answerOf(!m.invert)
		}
	}
	return answerOf(m.invert)
}

func (m *multiportMatch) clone() match  { return m }
func (m *multiportMatch) needs() Fields { return 0 }

func (m *multiportMatch) check(r *rule) *problem {
	switch {
	case !m.set:
		return bad("-m multiport without --sports, --dports or --ports")
	case !r.ip.protocol.set || r.ip.protocol.invert:
		return bad("-m multiport needs a -p of a protocol with ports")
	}
	return nil
}

// maxPorts is XT_MULTI_PORTS; a range takes two places.
const maxPorts = 15

func (m *multiportMatch) option(ps *parser, word string) *problem {
	list, p := ps.argument(word)
	if p != nil {
		return p
	}
	if m.set {
		return bad("%s: a second list of ports", word).with("write -m multiport before it once more")
	}
	m.set, m.invert = true, ps.invert
	m.src = word == "--sports" || word == "--source-ports" || word == "--ports"
	m.dst = word == "--dports" || word == "--destination-ports" || word == "--ports"
	places := 0
	for one := range strings.SplitSeq(list, ",") {
		r, p := parsePorts(word, one)
		if p != nil {
			return p
		}
		m.ports = append(m.ports, r)
		if places++; strings.Contains(one, ":") {
			places++
		}
	}
	if places > maxPorts {
		return bad("%s: more than %d ports", word, maxPorts)
	}
	return nil
}
