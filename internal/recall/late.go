package recall

import (
	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// lateShare is which part of the memory those may take that no record can tell
// more of, and somebody else may: a flood of them must not crowd out the others.
const lateShare = 16

// lateQueue is RSTs whose verdict stands and whose record may yet be added to, in
// the order in which they were told.
type lateQueue struct {
	oldest, newest *entry
	waiting        int
}

// noteLate makes a RST that would be final at once provisional, if somebody may
// add to its record by then and there is room.
func (m *Memory) noteLate(c *attribute.Case) {
	if m.cfg.Wants == nil || !m.cfg.Wants(c.Reset) {
		return
	}
	if m.late.waiting >= max(m.cfg.MaxKept/lateShare, 1) || m.kept+m.late.waiting >= m.cfg.MaxKept {
		m.counts.Crowded++
		return
	}
	m.promise(c.Reset)
	e := new(entry)
	e.take(c, m.kernel, m.packet, true)
	e.scans = c.After.ScansBySource
	if m.late.newest == nil {
		m.late.oldest = e
	} else {
		m.late.newest.newer = e
	}
	m.late.newest = e
	m.late.waiting++
}

// promise makes a reset provisional.
func (m *Memory) promise(r *reset.Reset) {
	r.Final, r.ProvisionalUntil = false, r.Time+reset.Time(m.window)
	m.counts.Provisional++
	m.counts.Waiting++
}

// finishLate gives the oldest its last revision: the verdict that it had, and
// what emit adds to it.
func (m *Memory) finishLate(emit func(*attribute.Case)) {
	e := m.late.oldest
	if m.late.oldest = e.newer; m.late.oldest == nil {
		m.late.newest = nil
	}
	m.late.waiting--
	m.counts.Waiting--
	e.renew()
	m.again = attribute.Case{Reset: &e.record, Origin: e.origin, Context: e.contextOrNil()}
	m.again.After.ScansBySource = e.scans
	attribute.Judge(&m.again)
	e.record.Revision++
	e.record.Final, e.record.ProvisionalUntil = true, 0
	emit(&m.again)
	m.sent.learn(e.packet, &e.record)
}

// learn takes what was found of a RST after it was noted.
func (t *sentTable) learn(packet packetKey, r *reset.Reset) {
	if t.sets == nil || r.Rule == "" {
		return
	}
	set := &t.sets[packet%sentSets]
	for way := range set.packets {
		if set.packets[way] == packet && set.ways[way].id == r.ID {
			set.ways[way].rule = r.Rule
		}
	}
}
