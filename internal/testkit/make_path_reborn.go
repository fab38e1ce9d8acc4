package testkit

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// rebornMaker is a peer that lost everything.
func rebornMaker() Maker {
	return Maker{Name: "peer-reborn", Kernel: "tcp_v4_rcv, no_tcp_socket", Scenes: throughBox, make: makeReborn}
}

// makeReborn takes the peer's whole network namespace away and gives its
// address to a new one, as a reboot does, or a container that is started again.
func makeReborn(r *run) error {
	i := 0
	if r.scene.Family == reset.IPv6 {
		i = 1
	}
	away, via := prefixes(6, 0)[i].Masked(), prefixes(1, 1)[i].Addr()
	if err := r.client.node.route(away, via); err != nil {
		return err
	}
	r.cleanup(func() error { return r.client.node.unroute(away, via) })
	return r.onReborn(i)
}

func (r *run) onReborn(family int) error {
	// The link of the last one stays until here: who watches asks for the names of
	// devices late.
	_ = r.lab.Router.removeLink("r6")
	first, err := r.guest(family)
	if err != nil {
		return err
	}
	var clients, servers []*sock
	defer func() {
		for _, c := range append(clients, servers...) {
			c.vanish()
		}
	}()
	for range r.n {
		client, server, err := r.connect()
		if err != nil {
			return err
		}
		clients, servers = append(clients, client), append(servers, server)
	}
	for _, s := range servers {
		s.vanish() // it is a namespace's end that says nothing, not its sockets'
	}
	if err := r.lab.Router.removeLink("r6"); err != nil {
		return err
	}
	r.lab.RemoveNode(first)
	if _, err := r.guest(family); err != nil {
		return err
	}
	for _, c := range clients {
		if err := c.locate(); err != nil {
			return err
		}
		if err := c.write([]byte("hello again")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := c.awaitReset(); err != nil {
			return fmt.Errorf("from a peer that was born again: %w", err)
		}
		r.sent(shot{
			from: r.server, to: r.client, srcPort: c.remote.Port(), dstPort: c.local.Port(),
			flags: reset.RST, seq: reset.Some(c.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.NoConnection, reason: "NO_SOCKET", verdict: reset.Accepted,
			seen: seen(reset.Peer, reset.PeerNoConnection, reset.CauseUnknown),
		})
	}
	r.late(0)
	return nil
}

// late marks what a namespace sent that came while others were watching: who
// watches only what was there before has none of its records.
func (r *run) late(first int) {
	for i := first; i < len(r.expects); i++ {
		e := &r.expects[i]
		e.Optional, e.Silent = e.Optional || e.Direction == reset.Out, true
	}
}

// guest makes a namespace beside the server, on a net of its own, and lets it
// be the server of the scene.
func (r *run) guest(family int) (*Node, error) {
	n, err := r.lab.NewNode(fmt.Sprintf("guest%d", r.lab.NextPort()))
	if err != nil {
		return nil, err
	}
	if err := r.lab.Link(End{r.lab.Router, "r6", prefixes(6, 1)}, End{n, "s0", prefixes(6, 2)}); err != nil {
		return nil, err
	}
	if err := n.route(prefixes(1, 0)[family].Masked(), prefixes(6, 1)[family].Addr()); err != nil {
		return nil, err
	}
	if err := n.introduce("s0", r.lab.Router, "r6", prefixes(6, 1)[family].Addr(), prefixes(6, 2)[family].Addr()); err != nil {
		return nil, err
	}
	r.server = side{n, prefixes(6, 2)[family].Addr(), "s0"}
	return n, nil
}

// introduce makes two neighbours known to each other: what must wait for an
// answer to "who has" may be sent again in between.
func (n *Node) introduce(device string, other *Node, otherDevice string, otherAddr, addr netip.Addr) error {
	mac, err := other.MAC(otherDevice)
	if err != nil {
		return err
	}
	if err := n.neighbour(device, otherAddr, mac); err != nil {
		return err
	}
	if mac, err = n.MAC(device); err != nil {
		return err
	}
	return other.neighbour(otherDevice, addr, mac)
}

// neighbour fixes the link-layer address of a neighbour.
func (n *Node) neighbour(device string, addr netip.Addr, mac net.HardwareAddr) error {
	link, err := n.rt.LinkByName(device)
	if err != nil {
		return fmt.Errorf("finding %s in %s: %w", device, n.Role, err)
	}
	entry := &netlink.Neigh{LinkIndex: link.Attrs().Index, IP: addr.AsSlice(), HardwareAddr: mac, State: netlink.NUD_PERMANENT}
	if err := n.rt.NeighSet(entry); err != nil {
		return fmt.Errorf("introducing %s to %s: %w", addr, n.Role, err)
	}
	return nil
}
