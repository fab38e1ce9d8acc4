package testkit

import (
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Flow is the two ends of a packet, as it bears them at one place.
type Flow struct{ Src, Dst reset.Endpoint }

func flow(from, to netip.AddrPort) Flow {
	return Flow{reset.EndpointFrom(from.Addr(), from.Port()), reset.EndpointFrom(to.Addr(), to.Port())}
}

// way is the addresses of one RST at each place that it passes.
type way struct {
	sentStack, sentInet   Flow // the sender's
	left                  Flow // on the sender's device
	passed, passedOn      Flow // a router's FORWARD, and as it leaves the router
	came                  Flow // on the receiver's device
	takenInet, takenStack Flow // the receiver's
}

// fromServer is the way of a RST to the client. What of a reply conntrack
// takes back where: the translated source after OUTPUT (in POSTROUTING) or at
// the end of INPUT, the translated destination before INPUT and FORWARD (in
// PREROUTING) or at the beginning of OUTPUT.
func (k natted) fromServer(r *run, n names) way {
	own, halfway, whole := flow(n.server, n.caller), flow(n.server, n.client), flow(n.dialled, n.client)
	switch {
	case k.by == byRouter:
		return way{own, own, own, halfway, whole, whole, whole, whole}
	case k.by == byServer || r.scene.Route == Loopback:
		return way{own, halfway, whole, whole, whole, whole, whole, whole}
	default:
		return way{own, own, own, own, own, own, halfway, whole}
	}
}

// fromClient is the way of a RST that the client sends and translates: the
// destination in OUTPUT, the source after it.
func fromClient(n names) way {
	wire := flow(n.caller, n.server)
	return way{flow(n.client, n.dialled), flow(n.client, n.server), wire, wire, wire, wire, wire, wire}
}

// tell writes the addresses into what is expected of one namespace.
func (w way) tell(e *Expect) {
	wire := w.came
	switch e.Direction {
	case reset.Out:
		wire = w.left
		e.AtStack, e.AtInet = w.sentStack, w.sentInet
	case reset.Forward:
		wire = w.left
		e.AtInet, e.Leaves = w.passed, w.passedOn
	case reset.In:
		e.AtStack, e.AtInet = w.takenStack, w.takenInet
	}
	e.Src, e.Dst = wire.Src, wire.Dst
	for _, at := range []*Flow{&e.AtStack, &e.AtInet, &e.Leaves} {
		if *at == wire {
			*at = Flow{}
		}
	}
}

// Unjoined is what a sensor has that knows a packet by its addresses alone: of
// one that a router translates two records, as it came and as it left.
func Unjoined(expects []Expect) []Expect {
	var all []Expect
	for _, e := range expects {
		if e.Leaves == (Flow{}) {
			all = append(all, e)
			continue
		}
		came, left := e, e
		came.Direction, came.Leaves = reset.In, Flow{}
		left.Direction, left.Leaves = reset.Out, Flow{}
		left.Src, left.Dst = e.Leaves.Src, e.Leaves.Dst
		all = append(all, came, left)
	}
	return all
}

// beside is an address of the same net that nobody has.
func beside(a netip.Addr) netip.Addr {
	b := a.AsSlice()
	b[len(b)-1] = 9
	other, _ := netip.AddrFromSlice(b)
	return other
}

// router is the router's address on the client's net.
func (l *Lab) router(f reset.Family) netip.Addr {
	if f == reset.IPv6 {
		return prefixes(1, 1)[1].Addr()
	}
	return prefixes(1, 1)[0].Addr()
}
