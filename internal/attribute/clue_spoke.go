package attribute

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// spoke holds where the RST's source sent on as if it had sent none: data or a
// SYN+ACK that no stack sends after its own RST.
var spoke = clue{
	fact: factSpoke, says: "its source sent on, within two seconds, as if it had sent none",
	value: func(c *Case) string {
		return "it sent " + spokeWhat(c.After.PeerSpoke) + " " + span(c.After.PeerSpokeNS) + " after the RST"
	},
	holds: func(c *Case) bool {
		t := c.After.PeerSpoke
		if t == nil || c.After.PeerSpokeNS < 0 || c.After.PeerSpokeNS > int64(2*time.Second) {
			return false
		}
		if t.Flags&(reset.SYN|reset.ACK) == reset.SYN|reset.ACK {
			return true
		}
		rst := c.packet().Seq
		return t.Flags&(reset.SYN|reset.RST) == 0 && t.Seq.OK && rst.OK && !before(t.Seq.V, rst.V) && near(t.Seq.V, rst.V, reach)
	},
}

// spokeNew holds where that was data, a FIN or an acknowledgement beyond the
// RST's own: what cannot have been sent before it.
var spokeNew = clue{
	fact: factSpoke, says: "its source sent something new, within two seconds, as if it had sent none", value: spoke.value,
	holds: func(c *Case) bool {
		if !spoke.holds(c) {
			return false
		}
		t, p := c.After.PeerSpoke, c.packet()
		further := p.Flags&reset.ACK != 0 && p.Ack.OK && t.Ack.OK && before(p.Ack.V, t.Ack.V)
		return further || t.Flags&reset.FIN != 0 || carriesData(p.Family, t)
	},
}

func spokeWhat(t *reset.Trigger) string {
	switch {
	case t.Flags&reset.SYN != 0:
		return "a SYN with ACK"
	case t.Flags&reset.FIN != 0:
		return "a FIN"
	case t.Flags&reset.PSH != 0:
		return "data"
	}
	return "a packet of the connection"
}
