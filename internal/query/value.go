package query

import (
	"strconv"
	"strings"
)

// value reads one value of the kind that q says.
func (p *parser) value(q qualifiers) (node, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	if t.kind != tokenWord && t.kind != tokenQuoted {
		return nil, p.missing(t, "a value for "+q.kind)
	}
	switch q.kind {
	case "host":
		if q.proto == "ether" {
			return p.hardware(t, q.ends)
		}
		return p.host(t, q)
	case "net":
		return p.net(t, q)
	case "port", "portrange":
		return p.ports(t, q)
	case "interface", "comm", "container":
		return p.pattern(t, q.kind)
	case "netns":
		return p.netns(t)
	case "pid", "uid", "mark":
		v, err := p.number(t, q.kind, 1<<32-1)
		return &number{q.kind, uint32(v)}, err
	}
	return p.word(t, q.kind)
}

// number reads a number as C has them: decimal, 0x hexadecimal, 0 octal.
func (p *parser) number(t token, kind string, most uint64) (uint64, error) {
	v, err := parseNumber(t.text)
	if err != nil || t.kind == tokenQuoted {
		return 0, p.errorAt(t.at, "", "%s takes a number, not %q", kind, t.text)
	}
	if v > most {
		return 0, p.errorAt(t.at, "", "%s %s is more than %d", kind, t.text, most)
	}
	return v, nil
}

// parseNumber reads a number of C: strconv's base 0 would also take 0b1, 0o1
// and 1_000.
func parseNumber(text string) (uint64, error) {
	if hex, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok {
		return strconv.ParseUint(hex, 16, 64)
	}
	if len(text) > 1 && text[0] == '0' {
		return strconv.ParseUint(text[1:], 8, 64)
	}
	return strconv.ParseUint(text, 10, 64)
}

// vlan reads the number that may follow vlan.
func (p *parser) vlan() (node, error) {
	t, err := p.peek()
	if err != nil || t.kind != tokenWord || t.text[0] < '0' || t.text[0] > '9' {
		return &vlan{any: true}, err
	}
	p.pos = t.end
	v, err := p.number(t, "vlan", 4095)
	return &vlan{id: uint16(v)}, err
}

func (p *parser) length(kind string) (node, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	if t.kind != tokenWord {
		return nil, p.missing(t, "a number of bytes")
	}
	v, err := p.number(t, kind, 1<<32-1)
	return &length{greater: kind == "greater", bytes: uint32(v)}, err
}

func (p *parser) pattern(t token, kind string) (node, error) {
	if t.text == "" {
		return nil, p.errorAt(t.at, "to ask whether there is any, write: "+kind+" *", "%s takes a name", kind)
	}
	return &text{kind, t.text}, nil
}

// netns reads a number, which is the namespace's inode, or a name. A name of
// digits is written in quotes.
func (p *parser) netns(t token) (node, error) {
	if t.kind == tokenWord && t.text[0] >= '0' && t.text[0] <= '9' {
		if v, err := parseNumber(t.text); err == nil && v != 0 {
			return &netnsID{v}, nil
		} else if err == nil {
			return nil, p.errorAt(t.at, "", "no namespace has the number 0")
		}
	}
	return p.pattern(t, "netns")
}

// word reads a word of one of the closed lists.
func (p *parser) word(t token, kind string) (node, error) {
	for i := range wordKinds {
		if wordKinds[i].keyword != kind {
			continue
		}
		words := wordKinds[i].words()
		for value, word := range words {
			if word == t.text {
				return &word8{wordKind(i), uint8(value + 1)}, nil
			}
		}
		hint := kind + " is one of: " + strings.Join(words, ", ")
		if near := nearest(t.text, words); near != "" {
			hint = "did you mean " + near + "?"
		}
		return nil, p.errorAt(t.at, hint, "%q is no %s", t.text, kind)
	}
	return nil, p.errorAt(t.at, "", "%q takes no value", kind)
}
