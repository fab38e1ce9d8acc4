package testkit

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// What is the same behind every stacked device.
const (
	stackedDevice = "up0"
	stackedHost   = 5
	stackedVLAN   = 78
)

// stackedNets are the numbers of the nets that the two namespaces have their
// addresses in: a VLAN is a net of its own, the others share those of the ends.
func stackedNets(r Route) [2]byte {
	if r == BehindVLAN {
		return [2]byte{5, 6}
	}
	return [2]byte{1, 2}
}

// Stack puts a namespace behind a device that stands on the client's and one
// behind the server's, as containers have it: a VLAN, a macvlan or an ipvlan.
// They are the ends of that route; client and server only pass on what goes
// there.
//
// A lab has room for one such route: macvlan and ipvlan want the device for
// themselves. An error of type *UnsupportedError says that this kernel has no
// such device.
func (l *Lab) Stack(route Route) error {
	var made [2]*Node
	nets := stackedNets(route)
	for i, lower := range []struct {
		node    *Node
		device  string
		gateway string // the router's device on the same link
		away    byte   // the other end's net
	}{{l.Client, "c0", "r0", nets[1]}, {l.Server, "s0", "r1", nets[0]}} {
		node, err := l.NewNode(fmt.Sprintf("%s-%s", route, lower.node.Role))
		if err != nil {
			return err
		}
		if err := lower.node.stack(node, lower.device, route); err != nil {
			return err
		}
		if route == BehindVLAN {
			err := l.Router.addVLAN(lower.gateway, lower.gateway+".78", stackedVLAN, prefixes(nets[i], 1))
			if err != nil {
				return err
			}
		}
		if err := node.configure(stackedDevice, prefixes(nets[i], stackedHost)...); err != nil {
			return err
		}
		if err := node.awaitStacked(); err != nil {
			return err
		}
		for family := range 2 { // IPv4, IPv6
			away, via := prefixes(lower.away, 0)[family].Masked(), prefixes(nets[i], 1)[family].Addr()
			if err := node.route(away, via); err != nil {
				return err
			}
		}
		made[i] = node
	}
	l.stacked = map[Route][2]*Node{route: made}
	return nil
}

// stack makes the device in this namespace and gives it to the other one.
func (n *Node) stack(upper *Node, device string, route Route) error {
	lower, err := n.rt.LinkByName(device)
	if err != nil {
		return fmt.Errorf("finding %s in %s: %w", device, n.Role, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.Namespace = stackedDevice, lower.Attrs().Index, netlink.NsFd(upper.fd)
	var link netlink.Link
	switch route {
	case BehindVLAN:
		link = &netlink.Vlan{LinkAttrs: attrs, VlanId: stackedVLAN, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}
	case BehindMacvlan:
		link = &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
	case BehindIpvlan:
		link = &netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2}
	default:
		return fmt.Errorf("stacking %s: no such device", route)
	}
	err = n.rt.LinkAdd(link)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return &UnsupportedError{Need: "devices of type " + link.Type()}
	}
	if err != nil {
		return fmt.Errorf("stacking a %s: %w", route, err)
	}
	return nil
}

// awaitStacked waits until the device carries packets. An ipvlan has no state
// of operation before Linux 6: it is running when its flags say so.
func (n *Node) awaitStacked() error {
	return poll("device "+stackedDevice+" in "+n.Role+" to come up", func() (bool, error) {
		link, err := n.rt.LinkByName(stackedDevice)
		if err != nil {
			return false, err
		}
		state := link.Attrs().OperState
		running := link.Attrs().RawFlags&unix.IFF_RUNNING != 0
		return state == netlink.OperUp || state == netlink.OperUnknown && running, nil
	})
}

// Stacked are the namespaces that Stack made, the client's first; nil without.
func (l *Lab) Stacked(route Route) [2]*Node { return l.stacked[route] }

// passedOn adds what client and server may have of a RST that only crosses
// their devices: a record is right, and so is none.
func (r *run) passedOn(add func(*Node, reset.Direction, Hooks) *Expect) {
	for _, node := range []*Node{r.lab.Client, r.lab.Server} {
		for _, d := range []reset.Direction{reset.In, reset.Out, reset.Forward} {
			add(node, d, Device).Optional = true
		}
	}
}
