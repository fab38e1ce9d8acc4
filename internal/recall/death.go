package recall

import (
	"cmp"
	"slices"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	maxDeaths  = 256
	maxRelated = 16 // ids in a record
	// A process that has many sockets takes a while to close them all; a process
	// id is not used again that soon.
	dyingFor  = int64(10 * time.Second)
	closingIn = int64(time.Second) // of its last reset, what the dead process had open
)

// deathTable is the processes that reset connections while they ended, by their
// ids.
type deathTable map[uint32]*death

// death is what one process reset while it ended.
type death struct {
	count       int
	first, last int64
	members     []member // the earliest, in order; the first of them is the first cause
}

// member is one reset of a death.
type member struct {
	mono     int64
	id       reset.ID
	src, dst reset.Endpoint
}

func memberOf(r *reset.Reset) member {
	return member{mono: r.MonoNS.V, id: r.ID, src: r.Src, dst: r.Dst}
}

// compare orders members by time, and those of one moment by their addresses.
func (a member) compare(b member) int {
	switch {
	case a.mono != b.mono:
		return int(max(min(a.mono-b.mono, 1), -1))
	case a.src != b.src:
		return a.src.Compare(b.src.AddrPort)
	}
	return a.dst.Compare(b.dst.AddrPort)
}

// dying is the process whose end brought the reset about, or 0: it sent the reset
// while it ended, or the kernel refused a packet of a connection that it closed
// then.
func dying(r *reset.Reset, c *reset.Context) uint32 {
	switch {
	case r.Direction != reset.Out:
		return 0
	case r.Process != nil && r.Process.Exit != nil:
		return r.Process.PID.V
	case r.Trigger != nil && c != nil && c.Past.Owner != nil && c.Past.Owner.Exit != nil:
		return c.Past.Owner.PID.V
	}
	return 0
}

// note remembers a reset if the end of a process brought it about.
func (t deathTable) note(r *reset.Reset, c *reset.Context, recorded bool) {
	pid := dying(r, c)
	if pid == 0 || !recorded {
		return
	}
	d := t[pid]
	mono := r.MonoNS.V
	if d != nil && mono-d.last > dyingFor {
		d = nil // another process of that id
	}
	if d == nil {
		t.makeRoom()
		d = &death{first: mono, last: mono}
		t[pid] = d
	}
	d.count++
	d.first, d.last = min(d.first, mono), max(d.last, mono)
	one := memberOf(r)
	at, _ := slices.BinarySearchFunc(d.members, one, member.compare)
	if at <= maxRelated {
		d.members = slices.Insert(d.members, at, one)
		d.members = d.members[:min(len(d.members), maxRelated+1)]
	}
}

func (t deathTable) makeRoom() {
	if len(t) < maxDeaths {
		return
	}
	var oldest uint32
	last := int64(-1)
	for pid, d := range t {
		if last < 0 || d.last < last {
			oldest, last = pid, d.last
		}
	}
	delete(t, oldest)
}

// findDeath says with which other resets one shares the end of its process.
func (m *Memory) findDeath(s *subject, a *attribute.After) {
	pid := dying(s.Reset, s.context)
	d := m.deaths[cmp.Or(pid, s.pid)]
	if d == nil {
		return
	}
	if pid == 0 {
		if closedWith(s, d) {
			a.Siblings = d.count
			m.blame(s, a, d.members[0])
		}
		return
	}
	if s.mono-d.last > dyingFor {
		return // another process of that id
	}
	a.Siblings = d.count
	own := memberOf(s.Reset)
	first := d.members[0]
	if s.self != nil && s.self.recorded {
		a.Siblings--
	}
	if own.compare(first) <= 0 {
		m.relate(d, own)
		return
	}
	m.blame(s, a, first)
}

// blame links the reset to the first of a death.
func (m *Memory) blame(s *subject, a *attribute.After, first member) {
	m.links[1] = attribute.Link{ID: first.id, AgoNS: s.mono - first.mono, Src: first.src, Dst: first.dst}
	a.Death = &m.links[1]
}

// relate notes the ids of those that followed for the record of the first.
func (m *Memory) relate(d *death, own member) {
	for _, other := range d.members {
		if other.compare(own) != 0 && len(m.related) < maxRelated {
			m.related = append(m.related, other.id)
		}
	}
}

// closedWith reports whether the kernel refused a packet of a connection that
// the dead process had, and that was closed when it died.
func closedWith(s *subject, d *death) bool {
	if s.Trigger == nil || s.context == nil || !s.context.Past.Known {
		return false
	}
	past := &s.context.Past
	ago := past.FinAgo
	if !ago.OK {
		ago = past.ClosedAgo
	}
	closed := s.mono - ago.V
	return ago.OK && ago.V >= 0 && closed >= d.first-closingIn && closed <= d.last+closingIn
}
