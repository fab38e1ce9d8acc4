package query

import "github.com/rstwatch/rstwatch/internal/reset"

// conjunction is and, disjunction is or; both have at least two terms.
type (
	not         struct{ term node }
	conjunction struct{ terms []node }
	disjunction struct{ terms []node }
)

func (n *not) match(r *reset.Reset) bool { return !n.term.match(r) }

func (n *conjunction) match(r *reset.Reset) bool {
	for _, term := range n.terms {
		if !term.match(r) {
			return false
		}
	}
	return true
}

func (n *disjunction) match(r *reset.Reset) bool {
	for _, term := range n.terms {
		if term.match(r) {
			return true
		}
	}
	return false
}

func (n *not) needs() Fields         { return 0 }
func (n *conjunction) needs() Fields { return 0 }
func (n *disjunction) needs() Fields { return 0 }

func (n *not) appendTo(b []byte) []byte         { return appendTerm(append(b, "not "...), n.term) }
func (n *conjunction) appendTo(b []byte) []byte { return appendTerms(b, " and ", n.terms) }
func (n *disjunction) appendTo(b []byte) []byte { return appendTerms(b, " or ", n.terms) }

func appendTerms(b []byte, operator string, terms []node) []byte {
	for i, term := range terms {
		if i > 0 {
			b = append(b, operator...)
		}
		b = appendTerm(b, term)
	}
	return b
}

// appendTerm puts parentheses around and and or. A relation gets them too: in
// libpcap's grammar as in ours it needs none, but "not a & b = c" is hard to
// read.
func appendTerm(b []byte, n node) []byte {
	switch n.(type) {
	case *conjunction, *disjunction, *relation:
		return append(n.appendTo(append(b, '(')), ')')
	}
	return n.appendTo(b)
}

func (n *not) prefilter(want bool) Prefilter { return n.term.prefilter(!want) }

func (n *conjunction) prefilter(want bool) Prefilter { return combine(n.terms, want, want) }
func (n *disjunction) prefilter(want bool) Prefilter { return combine(n.terms, want, !want) }

// combine joins the conditions of all terms, or those of any of them.
func combine(terms []node, want, all bool) Prefilter {
	result := terms[0].prefilter(want)
	for _, term := range terms[1:] {
		if all {
			result = result.intersect(term.prefilter(want))
		} else {
			result = result.union(term.prefilter(want))
		}
	}
	return result
}

// join makes one node of two, and of chains of the same operator one list. left
// belongs to nobody else.
func join(operator tokenKind, left, right node) node {
	if operator == tokenAnd {
		if l, ok := left.(*conjunction); ok {
			return &conjunction{append(l.terms, right)}
		}
		return &conjunction{[]node{left, right}}
	}
	if l, ok := left.(*disjunction); ok {
		return &disjunction{append(l.terms, right)}
	}
	return &disjunction{[]node{left, right}}
}
