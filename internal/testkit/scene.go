package testkit

import (
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Route is the way between the two ends of a connection.
type Route uint8

// The routes. Loopback is inside the server's namespace. Behind stacked devices
// are namespaces of their own, as Lab.Stack makes them, in place of both.
const (
	Routed Route = iota
	OverBridge
	Loopback
	BehindVLAN
	BehindMacvlan
	BehindIpvlan
)

// StackedRoutes are the routes that Lab.Stack can make.
func StackedRoutes() []Route { return []Route{BehindVLAN, BehindMacvlan, BehindIpvlan} }

// String is the word that tests are named with.
func (r Route) String() string {
	return [...]string{"routed", "bridged", "loopback", "vlan", "macvlan", "ipvlan"}[r]
}

// Scene is where a maker acts.
type Scene struct {
	Family reset.Family
	Route  Route
}

// String is the word that tests are named with, "ipv4-routed".
func (s Scene) String() string { return s.Family.String() + "-" + s.Route.String() }

// side is one end of a scene's way.
type side struct {
	node   *Node
	addr   netip.Addr
	device string
}

// ends returns the client's and the server's side of the scene.
func (l *Lab) ends(s Scene) (client, server side) {
	i := 0
	if s.Family == reset.IPv6 {
		i = 1
	}
	switch s.Route {
	case OverBridge:
		return side{l.Client, prefixes(3, 2)[i].Addr(), "c1"}, side{l.Server, prefixes(3, 3)[i].Addr(), "s1"}
	case Loopback:
		end := l.Server.loopback(s.Family)
		return end, end
	case BehindVLAN, BehindMacvlan, BehindIpvlan:
		nodes, nets := l.stacked[s.Route], stackedNets(s.Route)
		return side{nodes[0], prefixes(nets[0], stackedHost)[i].Addr(), stackedDevice},
			side{nodes[1], prefixes(nets[1], stackedHost)[i].Addr(), stackedDevice}
	default:
		return side{l.Client, prefixes(1, 2)[i].Addr(), "c0"}, side{l.Server, prefixes(2, 2)[i].Addr(), "s0"}
	}
}

// loopback is both ends of a connection inside the namespace.
func (n *Node) loopback(family reset.Family) side {
	if family == reset.IPv6 {
		return side{n, netip.IPv6Loopback(), "lo"}
	}
	return side{n, netip.AddrFrom4([4]byte{127, 0, 0, 1}), "lo"}
}

// middle is the namespace between the two ends, where there is one, and how a
// packet shows itself there.
func (l *Lab) middle(s Scene) (*Node, Hooks) {
	switch s.Route {
	case OverBridge:
		return l.Bridge, Bridged
	case Loopback:
		return nil, 0
	default:
		return l.Router, Inet | Device
	}
}

// Scenes are the scenes that the lab can play, all families and routes.
func (l *Lab) Scenes() []Scene {
	routes := []Route{Routed}
	if l.Bridge != nil {
		routes = append(routes, OverBridge)
	}
	routes = append(routes, Loopback)
	var scenes []Scene
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		for _, route := range routes {
			scenes = append(scenes, Scene{family, route})
		}
	}
	return scenes
}
