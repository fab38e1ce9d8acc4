package recall

import (
	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// subject is the reset that is judged, and its own entry if it has one.
type subject struct {
	*reset.Reset
	context *reset.Context
	mono    int64
	pid     uint32
	packet  packetKey
	self    *entry
}

// lookAround fills what other records say of the case's reset, and what of it
// belongs into the record. self is its own entry; nil: it is not kept yet.
func (m *Memory) lookAround(c *attribute.Case, self *entry) {
	s := &subject{
		Reset: c.Reset, context: c.Context, mono: c.Reset.MonoNS.V, pid: pidOf(c.Reset, c.Context),
		packet: m.packet, self: self,
	}
	if self != nil {
		s.packet = self.packet
	}
	a := &c.After
	m.findTwin(s, a)
	m.related = m.related[:0] // the twin may have been judged for it
	switch s.Direction {
	case reset.In:
		m.findSpeech(s, a)
		m.findOthers(s, a)
		m.findSharedIPID(s, a)
		a.QuietLike, a.QuietOf = m.quiet.like(s.Reset)
		a.ScansBySource = m.scans.all(s.Reset)
		m.findNeverSent(s, a)
	case reset.Forward:
		m.findOthers(s, a)
		m.findSharedIPID(s, a)
		m.findNeverSent(s, a)
		m.findTracked(s, a)
	case reset.Out:
		m.findTracked(s, a)
		m.findAddress(s, a)
		m.findDeath(s, a)
		if a.Death == nil && a.Siblings == 0 {
			m.findRelayed(s, a)
		}
	}
}

// near reports whether an entry lies within a window of the subject.
func (m *Memory) near(s *subject, e *entry) bool {
	return e.mono-s.mono <= m.window && s.mono-e.mono <= m.window
}
