package recall

import (
	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// sentSlots is how many RSTs that are final at once are remembered for their
// twins, which are told within moments: a power of two.
const sentSlots = 4096

// sentTable remembers RSTs that were sent and not kept, each in the slot of its
// packet: a newer one takes an older one's place.
type sentTable struct{ slots []sent }

type sent struct {
	packet     packetKey
	src, dst   reset.Endpoint
	mono       int64
	netns      uint64
	id         reset.ID // zero: not recorded
	sender     reset.Sender
	cause      reset.Cause
	confidence reset.Confidence
}

func (t *sentTable) note(packet packetKey, r *reset.Reset, recorded bool) {
	if packet == 0 {
		return
	}
	if t.slots == nil {
		t.slots = make([]sent, sentSlots)
	}
	s := &t.slots[packet%sentSlots]
	if s.mono > r.MonoNS.V {
		return
	}
	*s = sent{
		packet: packet, src: r.Src, dst: r.Dst, mono: r.MonoNS.V, netns: r.Netns.ID, sender: r.Sender, cause: r.Cause, confidence: r.Confidence,
	}
	if recorded {
		s.id = r.ID
	}
}

// findSent fills the twin of a RST that was seen elsewhere, or over the loopback
// device, and that was final as it was sent.
func (m *Memory) findSent(s *subject, a *attribute.After) {
	if m.sent.slots == nil || s.packet == 0 {
		return
	}
	from := &m.sent.slots[s.packet%sentSlots]
	if from.packet != s.packet || from.mono > s.mono || s.mono-from.mono > m.window ||
		from.netns == s.Netns.ID && s.Direction != reset.In || !m.leadsTo(s, from.src, from.dst, s.Src, s.Dst) {
		return
	}
	m.twin = attribute.Twin{ID: from.id, Sender: from.sender, Cause: from.cause, Confidence: from.confidence}
	a.Twin = &m.twin
}
