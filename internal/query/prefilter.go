package query

import (
	"math/bits"
	"slices"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Prefilter is a condition that every reset which a filter matches fulfils,
// simple enough for a BPF program. It may let more pass: the filter itself
// decides afterwards.
type Prefilter struct {
	Directions uint8    // bit 1<<reset.Direction; bit 0 is a direction that is not known
	Families   uint8    // bit 1<<reset.Family; bit 0 is a family that is not known
	Ports      *PortSet // one of the two ports is in it; nil: any. A reset without ports passes
	NetnsIDs   []uint64 // the namespace is one of these inodes; nil: any; empty: none passes
}

// PortSet has bit p%64 of element p/64 for each port p.
type PortSet [65536 / 64]uint64

// Has reports whether the port is in the set.
func (s *PortSet) Has(port uint16) bool { return s[port/64]&(1<<(port%64)) != 0 }

// Len returns the number of ports in the set.
func (s *PortSet) Len() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// add puts a range of ports into the set, ends included.
func (s *PortSet) add(from, to uint16) {
	for i := from / 64; i <= to/64; i++ {
		word := ^uint64(0)
		if i == from/64 {
			word &= ^uint64(0) << (from % 64)
		}
		if i == to/64 {
			word &= ^uint64(0) >> (63 - to%64)
		}
		s[i] |= word
	}
}

const (
	allDirections = 1<<(reset.Transit+1) - 1
	allFamilies   = 1<<(reset.IPv6+1) - 1
	maxNetnsIDs   = 64
)

// anything is what passes every reset.
func anything() Prefilter { return Prefilter{Directions: allDirections, Families: allFamilies} }

// Prefilter returns the filter's necessary condition.
func (f *Filter) Prefilter() Prefilter {
	if f.root == nil {
		return anything()
	}
	return f.root.prefilter(true)
}

// Pass reports whether the reset fulfils the condition.
func (p *Prefilter) Pass(r *reset.Reset) bool {
	if p.Directions&(1<<r.Direction) == 0 || p.Families&(1<<familyOf(r)) == 0 {
		return false
	}
	if p.NetnsIDs != nil && !slices.Contains(p.NetnsIDs, r.Netns.ID) {
		return false
	}
	return p.Ports == nil || !r.Src.IsValid() || !r.Dst.IsValid() || p.Ports.Has(r.Src.Port()) || p.Ports.Has(r.Dst.Port())
}

// intersect returns a condition for resets that fulfil both. Of two sets of
// ports it keeps the smaller: one port may be in the one and the other in the
// other.
func (p Prefilter) intersect(q Prefilter) Prefilter {
	p.Directions &= q.Directions
	p.Families &= q.Families
	if p.Ports == nil || q.Ports != nil && q.Ports.Len() < p.Ports.Len() {
		p.Ports = q.Ports
	}
	switch {
	case p.NetnsIDs == nil:
		p.NetnsIDs = q.NetnsIDs
	case q.NetnsIDs != nil:
		p.NetnsIDs = slices.DeleteFunc(slices.Clone(p.NetnsIDs), func(id uint64) bool { return !slices.Contains(q.NetnsIDs, id) })
	}
	return p
}

// union returns a condition for resets that fulfil one of them.
func (p Prefilter) union(q Prefilter) Prefilter {
	p.Directions |= q.Directions
	p.Families |= q.Families
	if p.Ports != nil && q.Ports != nil {
		both := *p.Ports
		for i, bits := range q.Ports {
			both[i] |= bits
		}
		p.Ports = &both
	} else {
		p.Ports = nil
	}
	if p.NetnsIDs == nil || q.NetnsIDs == nil {
		p.NetnsIDs = nil
		return p
	}
	p.NetnsIDs = slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.NetnsIDs, q.NetnsIDs))))
	if len(p.NetnsIDs) > maxNetnsIDs {
		p.NetnsIDs = nil
	}
	return p
}

// onlyFamily is the condition of a primitive that is about one IP version.
func onlyFamily(f reset.Family) Prefilter {
	p := anything()
	p.Families = 1 << f
	return p
}

func (n *protocol) prefilter(want bool) Prefilter {
	p := anything()
	var exact uint8
	switch n.name {
	case "ip":
		exact = 1 << reset.IPv4
	case "ip6":
		exact = 1 << reset.IPv6
	default:
		exact = allFamilies
	}
	if want {
		p.Families = exact
	} else {
		p.Families = allFamilies &^ exact
	}
	return p
}

func (n *host) prefilter(want bool) Prefilter {
	if !want {
		return anything()
	}
	return onlyFamily(family(n.addr))
}

func (n *network) prefilter(want bool) Prefilter {
	if !want {
		return anything()
	}
	return onlyFamily(family(n.prefix.Addr()))
}

func (n *maskedNetwork) prefilter(want bool) Prefilter {
	if !want {
		return anything()
	}
	return onlyFamily(reset.IPv4)
}

func (n *ports) prefilter(want bool) Prefilter {
	p := anything()
	if want {
		p.Ports = new(PortSet)
		p.Ports.add(n.from, n.to)
	}
	return p
}

func (n *word8) prefilter(want bool) Prefilter {
	p := anything()
	if n.kind == kindDirection {
		p.Directions = 1 << n.value
		if !want {
			p.Directions = allDirections &^ p.Directions
		}
	}
	return p
}

func (n *netnsID) prefilter(want bool) Prefilter {
	p := anything()
	if want {
		p.NetnsIDs = []uint64{n.id}
	}
	return p
}

func (n *hardware) prefilter(bool) Prefilter { return anything() }
func (n *vlan) prefilter(bool) Prefilter     { return anything() }
func (n *length) prefilter(bool) Prefilter   { return anything() }
func (n *text) prefilter(bool) Prefilter     { return anything() }
func (n *number) prefilter(bool) Prefilter   { return anything() }

// prefilter of a relation that reads an IPv4 or IPv6 header: it is false for
// the other.
func (n *relation) prefilter(want bool) Prefilter {
	p := anything()
	if !want {
		return p
	}
	walkArithmetic(n.left, n.right, func(l *load) {
		switch l.proto {
		case "ip":
			p.Families &= 1 << reset.IPv4
		case "ip6":
			p.Families &= 1 << reset.IPv6
		}
	})
	return p
}
