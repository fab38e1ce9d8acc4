package rule

import (
	"slices"
)

// candidate is a rule that may have rejected the packet.
type candidate struct {
	where *chain
	rule  *rule
}

// The bounds of one search: what leads further is given up.
const (
	maxDepth = 16 // NFT_JUMP_STACK_SIZE
	maxRules = 4096
)

// search leads one packet through a ruleset.
type search struct {
	rules   *ruleset
	machine *machine
	found   []candidate
	left    int // rules that may still be looked at
}

// find returns the rules that may have rejected the packet, in the order in
// which it met them, and how many were looked at: maxRules where the search was
// given up.
func (s *ruleset) find(p Packet) (found []candidate, looked int) {
	m := &search{rules: s, machine: newMachine(p), left: maxRules}
	for _, c := range s.bases {
		if !m.meets(c) {
			continue
		}
		if m.walk(c, true, 0) {
			break
		}
	}
	return m.found, maxRules - m.left
}

// meets tells whether the packet can have come through a hook.
func (m *search) meets(c *chain) bool {
	switch c.family {
	case familyIPv4, familyIPv6:
		if c.family != m.machine.family {
			return false
		}
	case familyNetdev:
		return m.machine.packet.Interface == "" || len(c.devices) == 0 || slices.Contains(c.devices, m.machine.packet.Interface)
	case familyBridge:
		return true
	case familyInet:
	default:
		return false
	}
	from := m.rules.isLocal(m.machine.packet.Src.Addr())
	to := m.rules.isLocal(m.machine.packet.Dst.Addr())
	switch c.hook {
	case hookInput:
		return to
	case hookForward:
		return !to && !from
	case hookOutput:
		return from
	case hookPrerouting, hookIngress:
		return to || !from
	}
	return false
}

// walk leads the packet through the rules of a chain; sure says that it came
// there. It reports true where a rule surely rejected it: it went no further.
func (m *search) walk(c *chain, sure bool, depth int) bool {
	for i := range c.rules {
		if m.left--; m.left <= 0 {
			return true
		}
		r := &c.rules[i]
		got := m.machine.evaluate(m.rules, c, r)
		if got == no {
			continue
		}
		certain := sure && got == yes
		if r.rejects() {
			if !slices.ContainsFunc(m.found, func(f candidate) bool { return f.rule == r }) {
				m.found = append(m.found, candidate{c, r})
			}
			if certain {
				return true
			}
			continue
		}
		if depth < maxDepth && m.follow(c, r, certain, depth) {
			return true
		}
	}
	return false
}

// follow goes on in the chains to which a rule leads.
func (m *search) follow(c *chain, r *rule, certain bool, depth int) bool {
	targets := m.rules.targets(c, r)
	for i := range r.steps {
		st := &r.steps[i]
		if st.op != opMap {
			continue
		}
		e, found := m.machine.lookup(m.rules, c, st)
		if found == yes {
			targets = []place{{c.family, c.table, e.chain, c.legacy}}
		}
	}
	for _, p := range targets {
		if next := m.rules.chains[p]; next != nil && m.walk(next, certain && len(targets) == 1, depth+1) {
			return true
		}
	}
	return false
}
