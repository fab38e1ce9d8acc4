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

// stackedNet is the number of the net that the namespace has its address in: a
// VLAN is a net of its own, the others share the server's.
func stackedNet(r Route) byte {
	if r == BehindVLAN {
		return 6
	}
	return 2
}

// Stack puts a namespace behind a device that stands on the server's, as
// containers have it: a VLAN, a macvlan or an ipvlan. The server's namespace
// passes on what goes there, and is itself no end of it.
//
// A lab has room for one: macvlan and ipvlan want the device for themselves. An
// error of type *UnsupportedError says that this kernel has no such device.
func (l *Lab) Stack(route Route) error {
	node, err := l.NewNode(route.String())
	if err != nil {
		return err
	}
	parent, err := l.Server.rt.LinkByName("s0")
	if err != nil {
		return fmt.Errorf("finding the server's device: %w", err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.Namespace = stackedDevice, parent.Attrs().Index, netlink.NsFd(node.fd)
	var link netlink.Link
	switch route {
	case BehindVLAN:
		link = &netlink.Vlan{LinkAttrs: attrs, VlanId: stackedVLAN, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}
		err = l.Router.addVLAN("r1", "r1.78", stackedVLAN, prefixes(6, 1)[:2])
	case BehindMacvlan:
		link = &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
	case BehindIpvlan:
		link = &netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2}
	default:
		return fmt.Errorf("stacking %s: no such device", route)
	}
	if err != nil {
		return err
	}
	if err := l.Server.rt.LinkAdd(link); err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) {
			return &UnsupportedError{Need: "devices of type " + link.Type()}
		}
		return fmt.Errorf("stacking a %s: %w", route, err)
	}
	net := stackedNet(route)
	if err := node.configure(stackedDevice, prefixes(net, stackedHost)[:2]...); err != nil {
		return err
	}
	for i := range 2 { // IPv4, IPv6
		if err := node.route(prefixes(1, 0)[i].Masked(), prefixes(net, 1)[i].Addr()); err != nil {
			return err
		}
		if route != BehindVLAN {
			continue
		}
		if err := l.Client.route(prefixes(net, 0)[i].Masked(), prefixes(1, 1)[i].Addr()); err != nil {
			return err
		}
	}
	l.stacked = map[Route]*Node{route: node}
	return node.awaitUp(stackedDevice)
}

// Stacked is the namespace that Stack made; nil without.
func (l *Lab) Stacked(route Route) *Node { return l.stacked[route] }

// passedOn adds what the server's namespace may have of a RST that only crosses
// its device: a device is no namespace's business alone, so a record is right,
// and so is none.
func (r *run) passedOn(add func(*Node, reset.Direction, Hooks) *Expect) {
	for _, d := range []reset.Direction{reset.In, reset.Out, reset.Forward} {
		add(r.lab.Server, d, Device).Optional = true
	}
}
