package incident

import (
	"cmp"
	"math"
	"slices"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Grouper makes incidents of resets. It is not safe for concurrent use.
type Grouper struct {
	cfg     Config
	groups  map[*group]bool // that stand for themselves and are not over
	byID    map[reset.ID]tied
	ring    []reset.ID // of byID, the oldest at next
	next    int
	bursts  map[burst]*lately
	now     reset.Time
	swept   reset.Time
	done    []*group
	dropped int // incidents that found no room
}

// tied is the group of an id that was read, or that a reset names.
type tied struct {
	group   *group
	cause   bool // a reset names it as its cause, or as what followed from it
	counted bool // a record of its packet was read
	packet  packet
}

// lately is the group of a burst, and when it had its last reset.
type lately struct {
	group *group
	last  reset.Time
}

// burst is what the resets of one event have in common.
type burst struct {
	host     string
	netns    uint64
	outgoing bool
	pid      uint32
	end      reset.Endpoint
	sender   reset.Sender
	cause    reset.Cause
}

// New returns a grouper that has read nothing.
func New(cfg Config) *Grouper {
	return &Grouper{
		cfg: cfg, groups: make(map[*group]bool), byID: make(map[reset.ID]tied),
		ring: make([]reset.ID, max(cfg.MaxResets, 1)), bursts: make(map[burst]*lately),
	}
}

// Add takes the next reset, in its last revision; it keeps nothing of it.
func (g *Grouper) Add(r *reset.Reset) {
	g.now = max(g.now, r.Time)
	if g.now-g.swept >= reset.Time(g.cfg.Idle)/4 {
		g.sweep(reset.Time(g.cfg.Idle))
	}
	if len(g.groups) >= g.cfg.MaxOpen || len(g.bursts) >= g.cfg.MaxOpen {
		g.thin()
	}
	mine := &group{}
	g.groups[mine] = true
	mine.note(r)
	mine, linked := g.tie(mine, r)
	g.count(mine, r, linked)
	mine = g.join(mine, r)
	g.remember(r.ID, tied{group: mine})
}

// count counts the packet of a record that was tied to its group: once, whichever
// of its records come, and as all of them together tell.
func (g *Grouper) count(mine *group, r *reset.Reset, linked bool) {
	id := packetID(r)
	p := packetOf(r)
	p.linked = linked
	if known := g.byID[id]; known.counted {
		mine.count(&known.packet, -1)
		p = known.packet.and(p)
	} else {
		mine.resets++
	}
	mine.count(&p, 1)
	g.remember(id, tied{group: mine, counted: true, packet: p})
}

// tie merges the group with those of the resets that the record names, and with
// those that named it. It is linked where one of them led to the other.
func (g *Grouper) tie(mine *group, r *reset.Reset) (_ *group, linked bool) {
	linked = g.byID[r.ID].cause
	named := func(id reset.ID, cause bool) {
		if id.IsZero() {
			return
		}
		if other := g.byID[id].group; other != nil {
			mine = g.unite(other, mine)
			linked = linked || cause
		}
		if id != r.ID {
			g.remember(id, tied{group: mine, cause: cause})
		}
	}
	named(r.ID, false)
	named(r.Twin, false)
	for _, id := range r.CausedBy {
		named(id, true)
	}
	for _, id := range r.Related {
		named(id, true)
	}
	return mine, linked
}

// join merges the group with that of the burst that the reset is of. One that
// names its cause belongs there and to no burst: a busy proxy passes on the resets
// of many.
func (g *Grouper) join(mine *group, r *reset.Reset) *group {
	if len(r.CausedBy) > 0 {
		return mine
	}
	key := burstOf(r)
	was := g.bursts[key]
	if was == nil {
		g.bursts[key] = &lately{mine, r.Time}
		return mine
	}
	other := was.group.top()
	if r.Time-was.last <= reset.Time(g.cfg.Gap) && other != mine {
		mine = g.unite(other, mine)
		mine.grouped.Burst++
	}
	was.group, was.last = mine, max(was.last, r.Time)
	return mine
}

// burstOf is the event that a reset may share with others: what a process did,
// what became of a port here, what a service or the way to it did.
func burstOf(r *reset.Reset) burst {
	b := burst{host: r.Host, netns: r.Netns.ID, outgoing: r.Direction == reset.Out, sender: r.Sender, cause: r.Cause}
	switch {
	case b.outgoing && actorOf(r) != nil && actorOf(r).PID.V != 0:
		b.pid, b.netns = actorOf(r).PID.V, 0
	case b.outgoing:
		b.end = r.Src
	case r.Src.Port() < r.Dst.Port(): // the service is nearly always at the lower port
		b.end = r.Src
	default:
		b.end = r.Dst
	}
	return b
}

// unite merges two groups; the larger stands for both.
func (g *Grouper) unite(a, b *group) *group {
	a, b = a.top(), b.top()
	if a == b {
		return a
	}
	if b.resets > a.resets {
		a, b = b, a
	}
	g.reopen(a)
	g.reopen(b)
	delete(g.groups, b)
	a.merge(b)
	return a
}

// reopen takes back a group that seemed to be over.
func (g *Grouper) reopen(one *group) {
	if !g.groups[one] {
		g.done = slices.DeleteFunc(g.done, func(d *group) bool { return d == one })
		g.groups[one] = true
	}
}

func (g *Grouper) remember(id reset.ID, to tied) {
	if before, known := g.byID[id]; known {
		to.cause = to.cause || before.cause
		if !to.counted {
			to.counted, to.packet = before.counted, before.packet
		}
		g.byID[id] = to
		return
	}
	delete(g.byID, g.ring[g.next])
	g.ring[g.next] = id
	g.next = (g.next + 1) % len(g.ring)
	g.byID[id] = to
}

// sweep puts away what had nothing new for so long.
func (g *Grouper) sweep(idle reset.Time) {
	g.swept = g.now
	before := g.now - idle
	for key, l := range g.bursts {
		if l.last < before {
			delete(g.bursts, key)
		}
	}
	for one := range g.groups {
		if one.until < before {
			g.finish(one)
		}
	}
}

// thin makes room where more happens at once than can be followed: of a scan,
// each port is an event of its own.
func (g *Grouper) thin() {
	for idle := reset.Time(g.cfg.Idle) / 2; idle > 0 && len(g.groups)+len(g.bursts) > g.cfg.MaxOpen; idle /= 4 {
		g.sweep(idle)
	}
	for _, least := range []int{2, math.MaxInt} {
		for key, l := range g.bursts {
			if len(g.bursts) > g.cfg.MaxOpen/2 && l.group.top().resets < least {
				delete(g.bursts, key)
			}
		}
	}
	for one := range g.groups {
		if len(g.groups) > g.cfg.MaxOpen/2 {
			g.finish(one)
		}
	}
}

// finish keeps a group if it is an incident.
func (g *Grouper) finish(one *group) {
	delete(g.groups, one)
	if !g.isIncident(one) {
		return
	}
	g.done = append(g.done, one)
	if len(g.done) > g.cfg.MaxIncidents {
		smallest := slices.MinFunc(g.done, func(a, b *group) int {
			return cmp.Or(cmp.Compare(a.resets, b.resets), cmp.Compare(a.from, b.from))
		})
		g.done = slices.DeleteFunc(g.done, func(d *group) bool { return d == smallest })
		g.dropped++
	}
}

func (g *Grouper) isIncident(one *group) bool {
	return one.resets >= 2 && (one.grouped.Links > 0 || one.resets >= g.cfg.MinBurst)
}

// Incidents ends the reading and returns what was found, in the order of time,
// and how many small ones found no room.
func (g *Grouper) Incidents() (list []Incident, dropped int) {
	for one := range g.groups {
		g.finish(one)
	}
	slices.SortFunc(g.done, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.from, b.from), slices.Compare(a.first.ID[:], b.first.ID[:]))
	})
	for _, one := range g.done {
		list = append(list, one.incident())
	}
	return list, g.dropped
}
