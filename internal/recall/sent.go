package recall

import (
	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// RSTs that are final at once are remembered for their twins, which are told
// within moments: the last sentWays of each of sentSets, a power of two.
const (
	sentSets = 512
	sentWays = 8
)

// sentTable remembers RSTs that were sent and not kept, each in the set of its
// packet, where the newest takes the oldest's place.
type sentTable struct{ sets []sentSet }

type sentSet struct {
	packets [sentWays]packetKey
	next    uint8
	ways    [sentWays]sent
}

type sent struct {
	src, dst   reset.Endpoint
	mono       int64
	netns      uint64
	id         reset.ID // zero: not recorded
	sender     reset.Sender
	cause      reset.Cause
	confidence reset.Confidence
	rule       string
	// Of one that found no room: what a refusal cost depends on what was told
	// before it.
	harm     reset.Harm
	causedBy reset.ID
}

func (t *sentTable) note(packet packetKey, r *reset.Reset, recorded bool) {
	if packet == 0 {
		return
	}
	if t.sets == nil {
		t.sets = make([]sentSet, sentSets)
	}
	set := &t.sets[packet%sentSets]
	way := set.next % sentWays
	set.next++
	set.packets[way] = packet
	s := &set.ways[way]
	*s = sent{src: r.Src, dst: r.Dst, mono: r.MonoNS.V, netns: r.Netns.ID, sender: r.Sender, cause: r.Cause, confidence: r.Confidence, rule: r.Rule}
	if recorded {
		s.id = r.ID
	}
	if !isTrivial(r) {
		s.harm = r.Harm
		if len(r.CausedBy) > 0 {
			s.causedBy = r.CausedBy[0]
		}
	}
}

// findForgotten fills the twin of a RST that was seen elsewhere, or over the
// loopback device, and whose sending is not kept: it was final at once.
func (m *Memory) findForgotten(s *subject, a *attribute.After) {
	from := m.departed(s)
	switch {
	case s.self != nil && s.self.twinMono != 0 && (from == nil || from.mono < s.self.twinMono):
		m.twin, m.twinMono = s.self.twin, s.self.twinMono
	case from != nil:
		m.twin = attribute.Twin{ID: from.id, Sender: from.sender, Cause: from.cause, Confidence: from.confidence, Rule: from.rule, Harm: from.harm}
		if !from.causedBy.IsZero() {
			m.twin.CausedBy = []reset.ID{from.causedBy}
		}
		m.twinMono = from.mono
	default:
		return
	}
	a.Twin = &m.twin
	if !m.twin.ID.IsZero() {
		s.Twin = m.twin.ID
	}
}

// departed finds where the packet left, the last before it was seen here.
func (m *Memory) departed(s *subject) (found *sent) {
	if m.sent.sets == nil || s.packet == 0 {
		return nil
	}
	set := &m.sent.sets[s.packet%sentSets]
	for way := range set.packets {
		if set.packets[way] != s.packet {
			continue
		}
		from := &set.ways[way]
		if from.mono > s.mono || s.mono-from.mono > m.window || from.netns == s.Netns.ID && s.Direction != reset.In ||
			found != nil && found.mono >= from.mono || !m.leadsTo(s, from.src, from.dst, s.Src, s.Dst) {
			continue
		}
		found = from
	}
	return found
}
