package recall

import (
	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// findNeverSent asks, of a RST that is not known to have left anywhere on this
// host, whether its source is a namespace that is watched. It waits until all
// that left has been told: until the last revision.
func (m *Memory) findNeverSent(s *subject, a *attribute.After) {
	if s.self == nil || a.Twin != nil || m.cfg.OtherEnd == nil || m.isCrowded(s) {
		return
	}
	// A refused SYN has no other end; the table may still have an older one.
	if s.Connection != nil && s.Connection.State == "SYN_SENT" {
		return
	}
	netns, ok := m.cfg.OtherEnd(s.Reset)
	if !ok || m.sentFrom(s, netns) {
		return
	}
	m.netns = netns
	a.NeverSent = &m.netns
}

// isCrowded reports whether what left at the time of the reset may be forgotten.
func (m *Memory) isCrowded(s *subject) bool {
	return m.crowded.OK && s.mono-m.crowded.V <= 2*m.window && m.crowded.V-s.mono <= 2*m.window
}

// sentFrom reports whether the namespace sent any RST of these addresses: another
// than this one, if something on the way changed its numbers.
func (m *Memory) sentFrom(s *subject, netns reset.Netns) bool {
	for e := range m.index.tuples.of(tupleKey{netns.ID, s.Src, s.Dst}, s.self) {
		if e.record.Direction == reset.Out && m.near(s, e) {
			return true
		}
	}
	return false
}
