package rules

import (
	"slices"
	"strconv"
	"strings"
)

// markMatch is xt_mark.
type markMatch struct {
	set         bool
	value, mask uint32
	invert      bool
}

func (m *markMatch) match(p *packet) answer {
	mark := p.r.Packet.Mark
	if !mark.OK {
		return unknown
	}
	return answerOf((mark.V&m.mask == m.value) != m.invert)
}

func (m *markMatch) clone() match  { return m }
func (m *markMatch) needs() Fields { return FieldMark }

func (m *markMatch) check(*rule) *problem {
	if !m.set {
		return bad("-m mark without --mark")
	}
	return nil
}

func (m *markMatch) option(ps *parser, word string) *problem {
	text, p := ps.argument(word)
	if p != nil {
		return p
	}
	value, mask, masked := strings.Cut(text, "/")
	v, err := strconv.ParseUint(value, 0, 32)
	k := uint64(0xffffffff)
	if err == nil && masked {
		k, err = strconv.ParseUint(mask, 0, 32)
	}
	if err != nil {
		return bad("%s: no mark %q", word, text).with("a mark is a number, or number/mask")
	}
	m.set, m.value, m.mask, m.invert = true, uint32(v), uint32(k), ps.invert
	return nil
}

// stateMatch is the state of xt_conntrack and xt_state.
type stateMatch struct {
	module string
	set    bool
	states []string
	invert bool
}

func (m *stateMatch) match(p *packet) answer {
	if p.state == nil {
		return unknown
	}
	state, ok := p.state(p.r)
	if !ok {
		return unknown
	}
	return answerOf(slices.Contains(m.states, state) != m.invert)
}

func (m *stateMatch) clone() match  { return m }
func (m *stateMatch) needs() Fields { return FieldConntrack }

func (m *stateMatch) check(*rule) *problem {
	if !m.set {
		return bad("-m %s without a state", m.module)
	}
	return nil
}

func (m *stateMatch) option(ps *parser, word string) *problem {
	if (word == "--state") != (m.module == "state") {
		return bad("%s does not belong to -m %s", word, m.module)
	}
	list, p := ps.argument(word)
	if p != nil {
		return p
	}
	known := []string{"INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED"}
	m.set, m.invert, m.states = true, ps.invert, nil
	for state := range strings.SplitSeq(list, ",") {
		state = strings.ToUpper(state)
		switch {
		case slices.Contains(known, state):
			m.states = append(m.states, state)
		case state == "SNAT" || state == "DNAT":
			return bad("%s %s is not supported", word, state).with(unsupported)
		default:
			return bad("%s: no state %q", word, state).with("states are " + strings.Join(known, ", "))
		}
	}
	return nil
}
