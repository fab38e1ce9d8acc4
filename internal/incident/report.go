package incident

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// incident is the group as it is told.
func (g *group) incident() Incident {
	i := Incident{
		From: g.from, Until: g.until, Resets: g.resets, First: g.first, Grouped: g.grouped,
		Harm: make(map[string]int), Stages: g.stages, Peers: g.peers, MorePeers: g.morePeers, Hosts: g.hosts,
	}
	for harm, n := range g.harm {
		switch {
		case n == 0:
		case reset.Harm(harm) == reset.HarmAbsent:
			i.Harm[reset.HarmUnknown.String()] += n
		default:
			i.Harm[reset.Harm(harm).String()] += n
		}
	}
	slices.SortStableFunc(i.Stages, func(a, b Stage) int { return cmp.Compare(a.From, b.From) })
	slices.SortStableFunc(i.Peers, func(a, b Peer) int { return cmp.Compare(b.Resets, a.Resets) })
	i.Unknown = g.unknown()
	return i
}

// unknown is what the records do not say, in sentences without a full stop.
func (g *group) unknown() (list []string) {
	f := &g.first
	if f.caused {
		list = append(list, "what led to the first of them: it is named, but not among the resets that were read")
	}
	switch {
	case f.Direction == reset.Out || f.twin:
	case f.Sender == reset.Path:
		list = append(list, "which device on the path it was: nothing there records")
	default:
		list = append(list, fmt.Sprintf("what happened at %s: no record of that end is here", f.Src.Addr()))
	}
	if f.Cause == reset.CauseUnknown || f.Cause == reset.CauseNone {
		list = append(list, "why the first of them was sent")
	}
	if g.ownerless > 0 {
		list = append(list, fmt.Sprintf("which process sent %d of them", g.ownerless))
	}
	if g.alone > 0 {
		list = append(list, fmt.Sprintf("what the other ends of %d did next: no record of theirs is here", g.alone))
	}
	if g.open > 0 {
		list = append(list, fmt.Sprintf("the last word on %d of them: the record ends before it", g.open))
	}
	return list
}
