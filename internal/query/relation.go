package query

import "strings"

// relation tries to read a comparison of two expressions at t. A text that
// begins like an address, or a parenthesis around primitives, may turn out to
// be none: then ok is false and nothing was read.
func (p *parser) relation(t token) (n node, ok bool, err error) {
	certain := p.startsLoad(t)
	switch {
	case certain, t.kind == tokenOpen:
	case t.kind == tokenWord && startsNumber(t.text):
	default:
		return nil, false, nil
	}
	pos, depth, nodes := p.pos, p.depth, p.nodes
	left, err := p.operation(0)
	var operator string
	if err == nil {
		if operator = p.comparison(); operator == "" {
			err = p.errorAt(p.pos, "write for example: tcp[tcpflags] & tcp-ack != 0", "a comparison is missing after the expression")
		}
	}
	if err != nil && !certain && operator == "" {
		p.pos, p.depth, p.nodes = pos, depth, nodes
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	right, err := p.operation(0)
	if err != nil {
		return nil, false, err
	}
	return &relation{operator, left, right}, true, nil
}

// startsNumber reports whether a word may begin with a number, a name of one,
// or len: the word may go on, since - and its like may stand in words.
func startsNumber(word string) bool {
	return '0' <= word[0] && word[0] <= '9' || word[0] == '-' ||
		strings.HasPrefix(word, "len") || strings.HasPrefix(word, "tcp-") || strings.HasPrefix(word, "tcpflags")
}

// startsLoad reports whether t is len, or the name of a header before a
// bracket.
func (p *parser) startsLoad(t token) bool {
	if t.kind != tokenWord {
		return false
	}
	rest := strings.TrimLeft(p.text[t.end:], " \t\n\r")
	return t.text == "len" || isKeyword(t.text) && strings.HasPrefix(rest, "[")
}

// take goes past the first of the operators that stands here, the longest
// first, and returns it.
func (p *parser) take(operators ...string) string {
	p.skipSpace()
	for _, operator := range operators {
		if strings.HasPrefix(p.text[p.pos:], operator) {
			p.pos += len(operator)
			return operator
		}
	}
	return ""
}

func (p *parser) comparison() string {
	switch operator := p.take("==", "=", "!=", "<=", ">=", "<", ">"); operator {
	case "==":
		return "="
	default:
		return operator
	}
}

// levels are the operators of arithmetic, loosest first, as in libpcap: looser
// than comparisons there is none, unlike in C.
var levels = [...][]string{{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}

// operation reads an expression whose operators bind at least as tightly as
// level.
func (p *parser) operation(level int) (expression, error) {
	if level == len(levels) {
		return p.operand()
	}
	left, err := p.operation(level + 1)
	for err == nil {
		p.skipSpace()
		if strings.HasPrefix(p.text[p.pos:], "&&") || strings.HasPrefix(p.text[p.pos:], "||") {
			return left, nil
		}
		at := p.pos
		operator := p.take(levels[level]...)
		if operator == "" {
			return left, nil
		}
		var right expression
		if right, err = p.operation(level + 1); err != nil {
			return nil, err
		}
		if p.nodes++; p.nodes > maxNodes {
			return nil, p.errorAt(at, "", "more than %d primitives and operators", maxNodes)
		}
		if (operator == "/" || operator == "%") && right == expression(constant(0)) {
			return nil, p.errorAt(at, "", "division by zero")
		}
		left = &operation{operator, left, right}
	}
	return left, err
}

// operand reads a number, a name of one, len, a load, or an expression in
// parentheses.
func (p *parser) operand() (expression, error) {
	p.skipSpace()
	at := p.pos
	if err := p.enter(at); err != nil {
		return nil, err
	}
	defer p.leave()
	if p.take("(") != "" {
		e, err := p.operation(0)
		if err == nil && p.take(")") == "" {
			err = p.errorAt(p.pos, "", "an operator or ) is expected here")
		}
		return e, err
	}
	if p.take("-") != "" {
		e, err := p.operand()
		return &negative{e}, err
	}
	name := p.name()
	if name == "" {
		return nil, p.errorAt(at, "", "a number, len or a header such as tcp[13] is expected here")
	}
	if v, ok := flagNumber(name); ok {
		return constant(v), nil
	}
	if name[0] >= '0' && name[0] <= '9' {
		v, err := parseNumber(name)
		if err != nil || v > 1<<32-1 {
			return nil, p.errorAt(at, "", "%q is no number of 32 bits", name)
		}
		return constant(v), nil
	}
	if name == "len" {
		return packetLength{}, nil
	}
	return p.load(at, name)
}

// name reads letters and digits; the names of flags have a hyphen, which is
// otherwise an operator.
func (p *parser) name() string {
	start := p.pos
	for p.pos < len(p.text) && isNameByte(p.text[p.pos]) {
		p.pos++
	}
	name := p.text[start:p.pos]
	if name == "tcp" && strings.HasPrefix(p.text[p.pos:], "-") {
		end := p.pos + 1
		for end < len(p.text) && isNameByte(p.text[end]) {
			end++
		}
		if _, ok := flagNumber(p.text[start:end]); ok {
			p.pos = end
		}
	}
	return p.text[start:p.pos]
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.'
}

// flagNumber returns the number that a name of pcap-filter(7) stands for.
func flagNumber(name string) (uint32, bool) {
	if name == "tcpflags" {
		return 13, true
	}
	for i, flag := range [...]string{"tcp-fin", "tcp-syn", "tcp-rst", "tcp-push", "tcp-ack", "tcp-urg", "tcp-ece", "tcp-cwr"} {
		if flag == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// load reads what stands in brackets after the name of a header.
func (p *parser) load(at int, name string) (expression, error) {
	if p.take("[") == "" {
		const hint = "names are tcp-fin, tcp-syn, tcp-rst, tcp-push, tcp-ack, tcp-urg, tcp-ece, tcp-cwr, tcpflags"
		return nil, p.errorAt(at, hint, "%q is no number", name)
	}
	offset, err := p.operation(0)
	if err != nil {
		return nil, err
	}
	size := expression(constant(1))
	if p.take(":") != "" {
		sizeAt := p.pos
		if size, err = p.operand(); err != nil {
			return nil, err
		}
		if size != expression(constant(1)) && size != expression(constant(2)) && size != expression(constant(4)) {
			return nil, p.errorAt(sizeAt, "", "a size is 1, 2 or 4 bytes")
		}
	}
	if p.take("]") == "" {
		return nil, p.errorAt(p.pos, "", "] is expected here")
	}
	first, ok := offset.(constant)
	if !ok {
		return nil, p.errorAt(at, "", "the offset in brackets must be a number")
	}
	return p.checkLoad(at, name, first, size.(constant))
}

// checkLoad refuses bytes that a record does not keep.
func (p *parser) checkLoad(at int, name string, offset, size constant) (expression, error) {
	switch name {
	case "ip", "ip6", "tcp":
	case "ether":
		return nil, p.errorAt(at, "write: ether host ADDRESS, ether src ADDRESS, vlan", "the bytes of the link layer cannot be read")
	default:
		if why := foreign(name); why != "" {
			return nil, p.errorAt(at, why, "%s[…] of pcap-filter is not available here", name)
		}
		return nil, p.errorAt(at, "the headers are ip, ip6 and tcp", "%q is no header", name)
	}
	for i := uint64(offset); i < uint64(offset)+uint64(size); i++ {
		if i > 255 || headerField(name, int(i)) == 0 {
			const hint = "a record has of ip bytes 0-5, 8, 9, 12-19, of ip6 0-5, 7-39, of tcp 0-15, 18, 19"
			return nil, p.errorAt(at, hint, "byte %d of the %s header is not kept", i, name)
		}
	}
	return &load{name, uint8(offset), uint8(size)}, nil
}
