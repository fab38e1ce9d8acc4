package rules

import "github.com/rstwatch/rstwatch/internal/reset"

// answer is what a match says: a record may not know what it asks for.
type answer uint8

const (
	no answer = iota
	yes
	unknown
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// packet is a reset while it passes a chain.
type packet struct {
	r     *reset.Reset
	state func(*reset.Reset) (string, bool) // conntrack's, or nil
}

// match is one match module of a rule. The kernel asks them in their order and
// stops at the first that says no, which matters to limit.
type match interface {
	match(p *packet) answer
	// clone returns a match with a state of its own.
	clone() match
	// check reports what iptables would refuse once the rule is whole.
	check(r *rule) *problem
	needs() Fields
}

func cloneMatches(all []match) []match {
	clones := make([]match, len(all))
	for i, m := range all {
		clones[i] = m.clone()
	}
	return clones
}

// commentMatch says nothing about packets.
type commentMatch struct{ text *string }

func (m *commentMatch) match(*packet) answer { return yes }
func (m *commentMatch) clone() match         { return m }
func (m *commentMatch) needs() Fields        { return 0 }

func (m *commentMatch) check(*rule) *problem {
	if m.text == nil {
		return bad("-m comment without --comment")
	}
	return nil
}

// module reads "-m NAME".
func (ps *parser) module(word string) *problem {
	name, p := ps.argument(word)
	if p != nil {
		return p
	}
	var m match
	switch name {
	case "tcp":
		if !ps.tcpHere {
			return bad("-m tcp needs -p tcp before it")
		}
		m = &tcpMatch{}
	case "multiport":
		m = &multiportMatch{}
	case "comment":
		m = &commentMatch{}
	case "limit":
		m = newLimit()
	case "mark":
		m = &markMatch{}
	case "conntrack", "state":
		m = &stateMatch{module: name}
	default:
		return bad("match %s is not supported", name).with(unsupported)
	}
	ps.rule.matches = append(ps.rule.matches, m)
	ps.last = m
	return nil
}

// find returns the last match of the type M.
func find[M match](ps *parser) (m M, ok bool) {
	for _, one := range ps.rule.matches {
		if one, is := one.(M); is {
			m, ok = one, true
		}
	}
	return m, ok
}

// moduleOption reads an option of a match that was named before.
func (ps *parser) moduleOption(word string) (p *problem, ok bool) {
	switch word {
	case "--sports", "--source-ports", "--dports", "--destination-ports", "--ports":
		if m, ok := find[*multiportMatch](ps); ok {
			return m.option(ps, word), true
		}
		return bad("%s needs -m multiport before it", word), true
	case "--limit", "--limit-burst":
		if m, ok := find[*limitMatch](ps); ok {
			return m.option(ps, word), true
		}
		return bad("%s needs -m limit before it", word), true
	case "--mark":
		if m, ok := find[*markMatch](ps); ok {
			return m.option(ps, word), true
		}
		return bad("%s needs -m mark before it", word), true
	case "--ctstate", "--state":
		if m, ok := find[*stateMatch](ps); ok {
			return m.option(ps, word), true
		}
		return bad("%s needs -m conntrack before it", word), true
	case "--comment":
		m, ok := find[*commentMatch](ps)
		if !ok {
			return bad("%s needs -m comment before it", word), true
		}
		text, p := ps.argument(word)
		if p == nil && len(text) > 256 {
			p = bad("a comment has at most 256 bytes")
		}
		m.text = &text
		return p, true
	}
	return nil, false
}
