package query

import "github.com/rstwatch/rstwatch/internal/reset"

// Filter is a parsed filter. It is immutable and safe for use by many
// goroutines. The zero Filter matches everything.
type Filter struct{ root node }

// node is one primitive, or an operator and what it combines.
type node interface {
	match(r *reset.Reset) bool
	appendTo(b []byte) []byte // the canonical form
	needs() Fields            // of this node alone
	// prefilter is a condition that holds for every reset for which match
	// returns want.
	prefilter(want bool) Prefilter
}

// Parse reads a filter. The empty text is a filter that matches everything.
// The error is a *SyntaxError.
func Parse(text string) (*Filter, error) {
	p := parser{scanner: scanner{text: text}}
	root, err := p.filter()
	if err != nil {
		return nil, err
	}
	return &Filter{root}, nil
}

// Match reports whether the filter matches the reset. It allocates nothing.
func (f *Filter) Match(r *reset.Reset) bool { return f.root == nil || f.root.match(r) }

// String returns the canonical form: every primitive written out, parentheses
// wherever and and or meet. Parsing it gives an equal filter.
func (f *Filter) String() string {
	if f.root == nil {
		return ""
	}
	return string(f.root.appendTo(nil))
}

// Needs returns the fields that the filter reads.
func (f *Filter) Needs() Fields {
	var all Fields
	walk(f.root, func(n node) bool {
		all |= n.needs()
		return true
	})
	return all
}

// Check returns an *UnsupportedError if the filter reads a field that is not
// in have. where names the place in the message: "the klog sensor".
func (f *Filter) Check(have Fields, where string) (err error) {
	walk(f.root, func(n node) bool {
		if missing := n.needs() &^ have; missing != 0 {
			err = &UnsupportedError{Primitive: string(n.appendTo(nil)), Missing: missing, Where: where}
		}
		return err == nil
	})
	return err
}

// walk calls visit for n and every node under it, until visit returns false.
func walk(n node, visit func(node) bool) bool {
	if n == nil {
		return true
	}
	if !visit(n) {
		return false
	}
	switch n := n.(type) {
	case *not:
		return walk(n.term, visit)
	case *conjunction:
		return walkAll(n.terms, visit)
	case *disjunction:
		return walkAll(n.terms, visit)
	}
	return true
}

func walkAll(terms []node, visit func(node) bool) bool {
	for _, term := range terms {
		if !walk(term, visit) {
			return false
		}
	}
	return true
}
