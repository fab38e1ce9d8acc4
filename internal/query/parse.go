package query

// Bounds of a filter, so that hostile text costs little.
const (
	maxText  = 64 << 10
	maxDepth = 100
	maxNodes = 4096
)

// parser reads a filter by recursive descent. The grammar is libpcap's: not
// binds tightest; and and or are equal and group to the left; a value without a
// keyword takes the qualifiers of the primitive before it.
//
//	filter    = [ expr ]
//	expr      = term { ( and | or ) term }
//	term      = not term | "(" expr ")" | primitive | relation | value
//	primitive = qualifiers values
//	values    = value | not values | "(" values { ( and | or ) values } ")"
type parser struct {
	scanner
	depth, nodes int
}

// qualifiers are what stands before a value and is taken over by a value
// without any. The zero value takes over nothing.
type qualifiers struct {
	kind  string // the keyword that says what the value is: host, port, sender, …
	proto string // ip, ip6, tcp, ether or empty
	ends  ends
}

func (p *parser) filter() (node, error) {
	if len(p.text) > maxText {
		return nil, &SyntaxError{Text: p.text[:maxText], Message: "the filter is longer than 64 kB"}
	}
	t, err := p.peek()
	if err != nil || t.kind == tokenEnd {
		return nil, err
	}
	n, err := p.expr(qualifiers{})
	if err != nil {
		return nil, err
	}
	if t, err = p.next(); err != nil {
		return nil, err
	}
	switch t.kind {
	case tokenEnd:
		return n, nil
	case tokenClose:
		return nil, p.errorAt(t.at, "", "this parenthesis was not opened")
	case tokenWord, tokenQuoted, tokenOpen, tokenNot:
		return nil, p.errorAt(t.at, "put and or or between primitives", "%q stands after a complete filter", p.text[t.at:t.end])
	}
	return nil, p.errorAt(t.at, "", "%q is not expected here", t.text)
}

func (p *parser) expr(q qualifiers) (node, error) {
	left, q, err := p.term(q)
	for err == nil {
		operator, peekErr := p.peek()
		if peekErr != nil {
			return nil, peekErr
		}
		if operator.kind != tokenAnd && operator.kind != tokenOr {
			break
		}
		p.pos = operator.end
		var right node
		if right, q, err = p.term(q); err == nil {
			left = join(operator.kind, left, right)
		}
	}
	return left, err
}

// enter counts depth and size; leave is its end.
func (p *parser) enter(at int) error {
	if p.depth++; p.depth > maxDepth {
		return p.errorAt(at, "", "more than %d levels deep", maxDepth)
	}
	if p.nodes++; p.nodes > maxNodes {
		return p.errorAt(at, "", "more than %d primitives and operators", maxNodes)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// term reads one term, and returns the qualifiers that a following value may
// take over.
func (p *parser) term(q qualifiers) (node, qualifiers, error) {
	t, err := p.peek()
	if err != nil {
		return nil, q, err
	}
	if err := p.enter(t.at); err != nil {
		return nil, q, err
	}
	defer p.leave()
	if t.kind == tokenNot {
		p.pos = t.end
		n, q, err := p.term(q)
		if err != nil {
			return nil, q, err
		}
		return &not{n}, q, nil
	}
	if n, ok, err := p.relation(t); ok || err != nil {
		return n, qualifiers{}, err
	}
	switch t.kind {
	case tokenOpen:
		n, err := p.parenthesis(t, q)
		return n, q, err
	case tokenWord, tokenQuoted:
		if t.kind == tokenWord && isKeyword(t.text) {
			return p.primitive()
		}
		if q.kind == "" {
			return nil, q, p.unknownWord(t)
		}
		n, err := p.value(q)
		return n, q, err
	}
	return nil, q, p.missing(t, "a primitive such as: host 192.0.2.1")
}

func (p *parser) parenthesis(open token, q qualifiers) (node, error) {
	p.pos = open.end
	n, err := p.expr(q)
	if err != nil {
		return nil, err
	}
	return n, p.close(open)
}

// close reads the parenthesis that closes open.
func (p *parser) close(open token) error {
	t, err := p.next()
	if err != nil || t.kind == tokenClose {
		return err
	}
	if t.kind == tokenEnd {
		return p.errorAt(open.at, "", "this parenthesis is not closed")
	}
	return p.errorAt(t.at, "put and or or between primitives", "%q stands where ) or an operator is expected", p.text[t.at:t.end])
}

func (p *parser) missing(t token, want string) error {
	if t.kind == tokenEnd {
		return p.errorAt(t.at, "", "the filter ends where there should be %s", want)
	}
	return p.errorAt(t.at, "", "%q stands where there should be %s", p.text[t.at:t.end], want)
}

// values reads what stands after qualifiers.
func (p *parser) values(q qualifiers) (node, error) {
	t, err := p.peek()
	if err != nil {
		return nil, err
	}
	if err := p.enter(t.at); err != nil {
		return nil, err
	}
	defer p.leave()
	switch t.kind {
	case tokenNot:
		p.pos = t.end
		n, err := p.values(q)
		return &not{n}, err
	case tokenOpen:
		p.pos = t.end
		left, err := p.values(q)
		for err == nil {
			operator, peekErr := p.peek()
			if peekErr != nil || operator.kind != tokenAnd && operator.kind != tokenOr {
				break
			}
			p.pos = operator.end
			var right node
			if right, err = p.values(q); err == nil {
				left = join(operator.kind, left, right)
			}
		}
		if err != nil {
			return nil, err
		}
		return left, p.close(t)
	}
	return p.value(q)
}
