package rule

import (
	"cmp"
	"net/netip"
	"slices"
)

// The families of tables (linux/netfilter.h, NFPROTO_*).
const (
	familyInet   = 1
	familyIPv4   = 2
	familyNetdev = 5
	familyBridge = 7
	familyIPv6   = 10
)

var familyNames = map[uint8]string{
	familyInet: "inet", familyIPv4: "ip", familyNetdev: "netdev", familyBridge: "bridge", familyIPv6: "ip6",
}

// The hooks of the families other than netdev.
const (
	hookPrerouting = 0
	hookInput      = 1
	hookForward    = 2
	hookOutput     = 3
	hookIngress    = 5 // of inet
)

// place names a chain.
type place struct {
	family uint8
	table  string
	chain  string
	legacy bool // of the iptables before nftables
}

// chain is a list of rules, those that lead to no reject left out.
type chain struct {
	place
	base     bool // a hook leads to it
	hook     uint32
	priority int32
	devices  []string // of netdev's ingress
	rules    []rule
}

// rule is a rule that rejects with a RST, or that leads to another chain.
type rule struct {
	position int // in its chain, from 1
	handle   uint64
	comment  string
	steps    []step
}

// setName names a set of elements.
type setName struct {
	family uint8
	table  string
	set    string
}

// element is a value of a set, or a span of values, and where a map leads from
// it.
type element struct {
	from, to []byte // to is nil for a single value
	end      bool   // as it was read: no value, but the end of an interval
	chain    string
}

// ruleset is what was read of one namespace.
type ruleset struct {
	generation uint32
	bases      []*chain // in the order in which packets meet them
	chains     map[place]*chain
	sets       map[setName][]element // without those that were too large
	local      map[netip.Addr]bool
	legacy     bool // there are rules of the older iptables, whose changes have no number
	partial    bool // something was too large to be read, so that nothing can be excluded
}

func newRuleset() *ruleset {
	return &ruleset{chains: make(map[place]*chain), sets: make(map[setName][]element), local: make(map[netip.Addr]bool)}
}

// isLocal tells whether an address is one of the namespace's own.
func (s *ruleset) isLocal(a netip.Addr) bool { return a.IsLoopback() || s.local[a] }

// at returns the chain of that place, which is made if need be.
func (s *ruleset) at(p place) *chain {
	c := s.chains[p]
	if c == nil {
		c = &chain{place: p}
		s.chains[p] = c
	}
	return c
}

// settle leaves out the chains from which no reject can be reached, and orders
// the rest.
func (s *ruleset) settle() {
	useful := s.useful()
	for p, c := range s.chains {
		if !useful[p] {
			delete(s.chains, p)
			continue
		}
		c.rules = slices.DeleteFunc(c.rules, func(r rule) bool {
			return !r.rejects() && !slices.ContainsFunc(s.targets(c, &r), func(p place) bool { return useful[p] })
		})
		if c.base {
			s.bases = append(s.bases, c)
		}
	}
	slices.SortFunc(s.bases, func(a, b *chain) int {
		return cmp.Or(cmp.Compare(a.layer(), b.layer()), cmp.Compare(a.hook, b.hook), cmp.Compare(a.priority, b.priority),
			cmp.Compare(a.family, b.family), cmp.Compare(a.table, b.table), cmp.Compare(a.chain, b.chain))
	})
}

// layer orders the families as packets meet them.
func (c *chain) layer() int {
	switch c.family {
	case familyNetdev:
		return 0
	case familyBridge:
		return 1
	}
	return 2
}

// useful are the chains that have a reject or lead to one that is useful.
func (s *ruleset) useful() map[place]bool {
	from := make(map[place][]place) // by where they lead
	var queue []place
	useful := make(map[place]bool)
	for p, c := range s.chains {
		for i := range c.rules {
			if c.rules[i].rejects() && !useful[p] {
				useful[p] = true
				queue = append(queue, p)
			}
			for _, target := range s.targets(c, &c.rules[i]) {
				from[target] = append(from[target], p)
			}
		}
	}
	for len(queue) > 0 {
		p := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, source := range from[p] {
			if !useful[source] {
				useful[source] = true
				queue = append(queue, source)
			}
		}
	}
	return useful
}

// targets are the chains to which a rule leads.
func (s *ruleset) targets(c *chain, r *rule) []place {
	var list []place
	to := func(name string) {
		list = append(list, place{c.family, c.table, name, c.legacy})
	}
	for i := range r.steps {
		switch st := &r.steps[i]; st.op {
		case opJump:
			to(st.name)
		case opMap:
			for _, e := range s.sets[setName{c.family, c.table, st.name}] {
				if e.chain != "" {
					to(e.chain)
				}
			}
		}
	}
	return list
}

func (r *rule) rejects() bool {
	return slices.ContainsFunc(r.steps, func(s step) bool { return s.op == opReject })
}
