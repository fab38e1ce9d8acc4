package recall

import (
	"net/netip"

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
	src, dst   netip.Addr
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
		packet: packet, src: r.Src.Addr(), dst: r.Dst.Addr(), mono: r.MonoNS.V, netns: r.Netns.ID, sender: r.Sender, cause: r.Cause, confidence: r.Confidence,
	}
	if recorded {
		s.id = r.ID
	}
}

// find fills the twin of a RST that was seen elsewhere, or over the loopback
// device.
func (t *sentTable) find(r *subject, window int64, a *attribute.After, into *attribute.Twin) {
	if t.slots == nil || r.packet == 0 {
		return
	}
	s := &t.slots[r.packet%sentSlots]
	if s.packet != r.packet || s.src != r.Src.Addr() || s.dst != r.Dst.Addr() || s.mono > r.mono || r.mono-s.mono > window || s.netns == r.Netns.ID && r.Direction != reset.In {
		return
	}
	*into = attribute.Twin{ID: s.id, Sender: s.sender, Cause: s.cause, Confidence: s.confidence}
	a.Twin = into
}
