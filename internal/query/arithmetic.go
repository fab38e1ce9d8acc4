package query

import (
	"strconv"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// expression is one side of a relation: 32-bit numbers without sign, as BPF
// computes. eval's second result is false where a field is absent or a divisor
// is 0; then the relation is false.
type expression interface {
	eval(r *reset.Reset) (uint32, bool)
	appendTo(b []byte) []byte
}

type (
	constant uint32
	// packetLength is len: bytes of the IP packet.
	packetLength struct{}
	// load is proto[offset:size], of bytes that a record keeps.
	load struct {
		proto        string
		offset, size uint8
	}
	negative  struct{ of expression }
	operation struct {
		operator    string
		left, right expression
	}
)

// relation compares two expressions.
type relation struct {
	operator    string // one of = != < <= > >=
	left, right expression
}

func (n *relation) match(r *reset.Reset) bool {
	a, ok := n.left.eval(r)
	if !ok {
		return false
	}
	b, ok := n.right.eval(r)
	if !ok {
		return false
	}
	switch n.operator {
	case "=":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}

func (n *relation) needs() (f Fields) {
	walkArithmetic(n.left, n.right, func(l *load) {
		if l.proto == "len" {
			f |= FieldLength
			return
		}
		for i := range l.size {
			f |= headerField(l.proto, int(l.offset+i))
		}
	})
	return f
}

func (n *relation) appendTo(b []byte) []byte {
	b = append(append(appendOperand(b, n.left), ' '), n.operator...)
	return appendOperand(append(b, ' '), n.right)
}

// walkArithmetic calls visit for every load; len is a load of that name.
func walkArithmetic(left, right expression, visit func(*load)) {
	for _, e := range []expression{left, right} {
		switch e := e.(type) {
		case packetLength:
			visit(&load{proto: "len"})
		case *load:
			visit(e)
		case *negative:
			walkArithmetic(e.of, constant(0), visit)
		case *operation:
			walkArithmetic(e.left, e.right, visit)
		}
	}
}

func (c constant) eval(*reset.Reset) (uint32, bool) { return uint32(c), true }

func (packetLength) eval(r *reset.Reset) (uint32, bool) {
	return r.Packet.Length.V, r.Packet.Length.OK
}

func (l *load) eval(r *reset.Reset) (v uint32, ok bool) {
	for i := range l.size {
		b, ok := headerByte(r, l.proto, int(l.offset+i))
		if !ok {
			return 0, false
		}
		v = v<<8 | uint32(b)
	}
	return v, true
}

func (n *negative) eval(r *reset.Reset) (uint32, bool) {
	v, ok := n.of.eval(r)
	return -v, ok
}

func (n *operation) eval(r *reset.Reset) (uint32, bool) {
	a, ok := n.left.eval(r)
	if !ok {
		return 0, false
	}
	b, ok := n.right.eval(r)
	if !ok {
		return 0, false
	}
	switch n.operator {
	case "+":
		return a + b, true
	case "-":
		return a - b, true
	case "*":
		return a * b, true
	case "&":
		return a & b, true
	case "|":
		return a | b, true
	case "^":
		return a ^ b, true
	case "<<":
		return a << b, true
	case ">>":
		return a >> b, true
	}
	if b == 0 {
		return 0, false
	}
	if n.operator == "/" {
		return a / b, true
	}
	return a % b, true
}

func (c constant) appendTo(b []byte) []byte   { return strconv.AppendUint(b, uint64(c), 10) }
func (packetLength) appendTo(b []byte) []byte { return append(b, "len"...) }

func (l *load) appendTo(b []byte) []byte {
	b = strconv.AppendUint(append(append(b, l.proto...), '['), uint64(l.offset), 10)
	if l.size != 1 {
		b = strconv.AppendUint(append(b, ':'), uint64(l.size), 10)
	}
	return append(b, ']')
}

func (n *negative) appendTo(b []byte) []byte {
	return append(n.of.appendTo(append(b, "-("...)), ')')
}

func (n *operation) appendTo(b []byte) []byte {
	b = append(append(appendOperand(b, n.left), ' '), n.operator...)
	return appendOperand(append(b, ' '), n.right)
}

// appendOperand puts parentheses around every operation, so that nobody has to
// know the precedences.
func appendOperand(b []byte, e expression) []byte {
	if _, ok := e.(*operation); ok {
		return append(e.appendTo(append(b, '(')), ')')
	}
	return e.appendTo(b)
}
