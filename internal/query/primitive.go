package query

// primitive reads qualifiers and the values after them. The next word is a
// keyword.
func (p *parser) primitive() (node, qualifiers, error) {
	t, err := p.next()
	if err != nil {
		return nil, qualifiers{}, err
	}
	if why := foreign(t.text); why != "" {
		return nil, qualifiers{}, p.errorAt(t.at, why, "%q of pcap-filter is not available here", t.text)
	}
	switch t.text {
	case "vlan":
		n, err := p.vlan()
		return n, qualifiers{}, err
	case "less", "greater":
		n, err := p.length(t.text)
		return n, qualifiers{}, err
	case "ip", "ip6", "tcp", "ether", "src", "dst", "host", "net", "port", "portrange":
		return p.header(t)
	}
	q := qualifiers{kind: t.text}
	n, err := p.values(q)
	return n, q, err
}

// header reads a primitive about addresses or ports: [proto] [ends] [kind].
func (p *parser) header(first token) (node, qualifiers, error) {
	var q qualifiers
	t := first
	switch t.text {
	case "ip", "ip6", "tcp", "ether":
		q.proto = t.text
		next, err := p.peek()
		if err != nil {
			return nil, q, err
		}
		if !continues(next) {
			n, err := p.bareProtocol(t, next)
			return n, qualifiers{}, err
		}
		p.pos, t = next.end, next
	}
	if t.text == "src" || t.text == "dst" {
		var err error
		if q.ends, err = p.ends(t.text); err != nil {
			return nil, q, err
		}
		q.kind = "host"
		next, err := p.peek()
		if err != nil {
			return nil, q, err
		}
		if !isKind(next) {
			n, err := p.qualified(first, q)
			return n, q, err
		}
		p.pos, t = next.end, next
	}
	q.kind = t.text
	n, err := p.qualified(first, q)
	return n, q, err
}

// qualified refuses the combinations that libpcap refuses, and reads the values.
func (p *parser) qualified(first token, q qualifiers) (node, error) {
	ports := q.kind == "port" || q.kind == "portrange"
	switch {
	case ports && q.proto != "" && q.proto != "tcp":
		return nil, p.errorAt(first.at, "write: "+q.proto+" and "+q.kind+" …", "%s cannot stand before %s", q.proto, q.kind)
	case !ports && q.proto == "tcp":
		return nil, p.errorAt(first.at, "leave tcp out", "tcp cannot stand before %s", q.kind)
	case q.proto == "ether" && q.kind != "host":
		return nil, p.errorAt(first.at, "", "ether cannot stand before %s", q.kind)
	}
	return p.values(q)
}

func isKind(t token) bool {
	return t.kind == tokenWord && (t.text == "host" || t.text == "net" || t.text == "port" || t.text == "portrange")
}

// continues reports whether a word after ip, ip6, tcp or ether belongs to them.
func continues(t token) bool {
	return isKind(t) || t.kind == tokenWord && (t.text == "src" || t.text == "dst")
}

// bareProtocol makes a primitive of ip, ip6 or tcp alone.
func (p *parser) bareProtocol(t, next token) (node, error) {
	if next.kind == tokenWord && foreign(next.text) != "" {
		return nil, p.errorAt(next.at, foreign(next.text), "%s %s of pcap-filter is not available here", t.text, next.text)
	}
	if t.text == "ether" {
		return nil, p.missing(next, "host, src or dst, after ether")
	}
	return &protocol{t.text}, nil
}

// ends reads what may follow src or dst: "or dst", "and dst" and their like.
func (p *parser) ends(first string) (ends, error) {
	one, other := source, "dst"
	if first == "dst" {
		one, other = destination, "src"
	}
	operator, err := p.peek()
	if err != nil || operator.kind != tokenAnd && operator.kind != tokenOr {
		return one, err
	}
	saved := p.pos
	p.pos = operator.end
	next, err := p.next()
	if err != nil || next.kind != tokenWord || next.text != other {
		p.pos = saved
		return one, err
	}
	if operator.kind == tokenAnd {
		return bothEnds, nil
	}
	return eitherEnd, nil
}
