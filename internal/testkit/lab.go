package testkit

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// labs numbers the labs of this process, so that names are never used twice:
// the one piece of state that must outlive a lab.
var labs atomic.Uint64

// Lab is a client, a router and a server:
//
//	client c0 ── 10.77.1.0/24, fd77:1::/64 ── r0 router r1 ── 10.77.2.0/24, fd77:2::/64 ── s0 server
//
// and, with WithBridge, a second way between the same two:
//
//	client c1 ── p0 bridge(br0) p1 ── s1 server     10.77.3.0/24, fd77:3::/64
//
// The hosts are .2 and ::2, on the last net the server is .3; router and bridge
// are .1 and ::1.
//
// A Lab is not for concurrent use.
type Lab struct {
	Client, Router, Server *Node
	Bridge                 *Node // nil without WithBridge

	t       testing.TB
	id      uint64
	nodes   []*Node
	stacked map[Route][2]*Node // made by Stack
	port    uint16
	pace    pace
	box     *middlebox    // nil before a maker wants it
	silence time.Duration // as Silence says
}

// Option changes what NewLab builds.
type Option func(*labOptions)

type labOptions struct{ bridge, spare bool }

// WithBridge adds a namespace with a bridge that joins client and server.
func WithBridge() Option { return func(o *labOptions) { o.bridge = true } }

// WithSpare adds the third host on the bridge from the beginning, for those who
// watch only what is there when they begin.
func WithSpare() Option { return func(o *labOptions) { o.bridge, o.spare = true, true } }

// NewLab builds a lab that ends with the test. It skips the test without root,
// or fails it where Required says so.
func NewLab(t testing.TB, options ...Option) *Lab {
	t.Helper()
	RequireRoot(t)
	var o labOptions
	for _, option := range options {
		option(&o)
	}
	l, err := newBareLab(t)
	if err == nil {
		err = l.build(o)
	}
	if err == nil && o.spare {
		_, err = l.Spare()
	}
	if err != nil {
		t.Fatalf("building lab: %v", err)
	}
	return l
}

func newBareLab(t testing.TB) (*Lab, error) {
	if err := prepareNetnsDir(); err != nil {
		return nil, err
	}
	removeLeftovers()
	l := &Lab{t: t, id: labs.Add(1)}
	// Labs that run side by side have the same addresses: different ports help
	// to tell them apart where no namespace is shown.
	l.port = 10000 + uint16((uint64(os.Getpid())*97+l.id*1009)%14000)
	t.Cleanup(l.close)
	return l, nil
}

func (l *Lab) close() {
	if l.box != nil {
		l.box.close()
		l.box = nil
	}
	for _, n := range l.nodes {
		n.remove()
	}
	l.nodes = nil
}

// Nodes are all namespaces of the lab, those made late included.
func (l *Lab) Nodes() []*Node { return append([]*Node(nil), l.nodes...) }

// NewNode makes a further namespace, with nothing but loopback in it, while
// the lab is running.
func (l *Lab) NewNode(role string) (*Node, error) {
	name := fmt.Sprintf("%s%d-%d-%s", namePrefix, os.Getpid(), l.id, role)
	n, err := newNode(l, role, name)
	if err != nil {
		return nil, err
	}
	l.nodes = append(l.nodes, n)
	return n, nil
}

// RemoveNode deletes a namespace before the lab ends, as `ip netns del` would.
func (l *Lab) RemoveNode(n *Node) {
	for i, have := range l.nodes {
		if have == n {
			l.nodes = append(l.nodes[:i:i], l.nodes[i+1:]...)
		}
	}
	n.remove()
}

// NextPort returns a TCP port that no socket of the lab has used yet, below
// the ephemeral range.
func (l *Lab) NextPort() uint16 {
	l.port++
	return l.port
}

func (l *Lab) build(o labOptions) error {
	var err error
	for _, want := range []struct {
		role string
		node **Node
		skip bool
	}{{"client", &l.Client, false}, {"router", &l.Router, false}, {"server", &l.Server, false}, {"bridge", &l.Bridge, !o.bridge}} {
		if want.skip {
			continue
		}
		if *want.node, err = l.NewNode(want.role); err != nil {
			return err
		}
	}
	if err := l.buildRouted(); err != nil || !o.bridge {
		return err
	}
	return l.buildBridged()
}

func (l *Lab) buildRouted() error {
	err := l.Link(End{l.Client, "c0", prefixes(1, 2)}, End{l.Router, "r0", prefixes(1, 1)})
	if err != nil {
		return err
	}
	err = l.Link(End{l.Router, "r1", prefixes(2, 1)}, End{l.Server, "s0", prefixes(2, 2)})
	if err != nil {
		return err
	}
	for _, setting := range []string{"ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"} {
		if _, err := l.Router.Sysctl(setting); err != nil {
			return err
		}
	}
	for i := range 2 { // IPv4, IPv6
		if err := l.Client.route(prefixes(2, 0)[i].Masked(), prefixes(1, 1)[i].Addr()); err != nil {
			return err
		}
		if err := l.Server.route(prefixes(1, 0)[i].Masked(), prefixes(2, 1)[i].Addr()); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) buildBridged() error {
	bridge := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	bridge.Name = "br0"
	// Multicast snooping would only add packets of its own.
	snooping := false
	bridge.MulticastSnooping = &snooping
	if err := l.Bridge.rt.LinkAdd(bridge); err != nil {
		return fmt.Errorf("adding bridge: %w", err)
	}
	// Without an address and its route the bridge could not reject anything.
	if err := l.Bridge.configure("br0", prefixes(3, 1)...); err != nil {
		return err
	}
	for _, side := range []struct {
		node         *Node
		device, port string
		host         byte
	}{{l.Client, "c1", "p0", 2}, {l.Server, "s1", "p1", 3}} {
		if err := l.Link(End{side.node, side.device, prefixes(3, side.host)}, End{l.Bridge, side.port, nil}); err != nil {
			return err
		}
		port, err := l.Bridge.rt.LinkByName(side.port)
		if err != nil {
			return err
		}
		if err := l.Bridge.rt.LinkSetMaster(port, bridge); err != nil {
			return fmt.Errorf("adding %s to the bridge: %w", side.port, err)
		}
	}
	return nil
}

// End is one end of a veth pair.
type End struct {
	Node   *Node
	Device string
	Addrs  []netip.Prefix
}

// Link joins two namespaces with a veth pair, addresses both ends and waits
// until they carry packets.
func (l *Lab) Link(a, b End) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = a.Device
	attrs.HardwareAddr = l.mac(a)
	veth := &netlink.Veth{
		LinkAttrs: attrs, PeerName: b.Device, PeerHardwareAddr: l.mac(b),
		PeerNamespace: netlink.NsFd(b.Node.fd),
	}
	if err := a.Node.rt.LinkAdd(veth); err != nil {
		return fmt.Errorf("linking %s and %s: %w", a.Node.Role, b.Node.Role, err)
	}
	for _, end := range []End{a, b} {
		if err := end.Node.configure(end.Device, end.Addrs...); err != nil {
			return err
		}
	}
	for _, end := range []End{a, b} {
		if err := end.Node.awaitUp(end.Device); err != nil {
			return err
		}
	}
	return nil
}

// mac makes readable addresses: 02:77, the lab's number, a hash of the end.
func (l *Lab) mac(e End) net.HardwareAddr {
	h := byte(0)
	for _, c := range []byte(e.Node.Role + e.Device) {
		h = h*31 + c
	}
	return net.HardwareAddr{0x02, 0x77, byte(l.id >> 8), byte(l.id), h, e.Device[len(e.Device)-1]}
}

// prefixes are the IPv4 and IPv6 address of one host of one of the lab's nets.
//
// The third one is link-local: without it a router cannot ask for the
// link-layer addresses of its neighbours.
func prefixes(net, host byte) []netip.Prefix {
	v6 := [16]byte{0: 0xfd, 1: 0x77, 3: net, 15: host}
	local := [16]byte{0: 0xfe, 1: 0x80, 15: host}
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, net, host}), 24),
		netip.PrefixFrom(netip.AddrFrom16(v6), 64),
		netip.PrefixFrom(netip.AddrFrom16(local), 64),
	}
}

// closeFD closes a descriptor whose close cannot tell anything of use.
func closeFD(fd int) { _ = unix.Close(fd) }
