package incident

import (
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// packet is what one packet adds to its incident, whichever of its records are
// read, and in whichever order. The record of the end that sent it knows best
// whom it met.
type packet struct {
	sent      bool // as the end that sent it tells
	harm      reset.Harm
	peer      netip.Addr
	arrived   bool // a record of the end that it reached was read
	alone     bool // sent, and its other end is not recorded
	received  bool // received likewise
	ownerless bool // an application's, and it is not known whose
	open      bool // without a last revision
	linked    bool // a record names what led to it, or names it
}

// packetID is the id under which the records of one packet are known: that of the
// record at the end that sent it, where there is one.
func packetID(r *reset.Reset) reset.ID {
	if r.Direction == reset.Out || r.Twin.IsZero() {
		return r.ID
	}
	return r.Twin
}

func packetOf(r *reset.Reset) packet {
	p := packet{sent: r.Direction == reset.Out, harm: r.Harm, peer: peerOf(r).Addr(), open: !r.Final}
	p.arrived = r.Direction == reset.In
	p.alone, p.received = p.sent && r.Twin.IsZero(), !p.sent && r.Twin.IsZero()
	p.ownerless = p.sent && (r.Sender == reset.LocalApp || r.Sender == reset.LocalInject) && processOf(r) == ""
	return p
}

// and is what two records of the packet tell together.
func (p packet) and(other packet) packet {
	if other.sent && !p.sent {
		p, other = other, p
	}
	p.harm = p.harm.Worse(other.harm)
	p.arrived = p.arrived || other.arrived
	p.alone, p.received = p.alone && !p.arrived, false
	p.open = p.open || other.open
	p.linked = p.linked || other.linked
	return p
}

// count adds what a packet is to its group, or takes it out again: n is 1 or -1.
func (g *group) count(p *packet, n int) {
	if int(p.harm) < len(g.harm) {
		g.harm[p.harm] += n
	}
	g.addPeer(Peer{Address: p.peer.String(), Resets: n})
	for _, part := range []struct {
		holds bool
		total *int
	}{{p.alone, &g.alone}, {p.received, &g.received}, {p.ownerless, &g.ownerless}, {p.open, &g.open}, {p.linked, &g.grouped.Links}} {
		if part.holds {
			*part.total += n
		}
	}
}
