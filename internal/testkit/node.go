package testkit

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Node is one network namespace of a lab.
type Node struct {
	Role   string // client, router, server, bridge, or as NewNode was told
	Name   string // in /run/netns
	Path   string // of that name
	Inode  uint64 // in nsfs
	Cookie uint64 // SO_NETNS_COOKIE; 0 where the kernel has none (before 5.14)

	lab *Lab
	fd  int
	rt  *netlink.Handle
}

// nodeSysctls make addresses usable at once, let spoofed packets through, and
// keep one test's connections from colouring the next one's. Kernel defaults
// that shape a RST are left alone.
var nodeSysctls = []string{
	"ipv4/conf/all/rp_filter=0",
	"ipv4/conf/default/rp_filter=0",
	"ipv4/tcp_no_metrics_save=1",
	"ipv6/conf/all/accept_dad=0",
	"ipv6/conf/default/accept_dad=0",
	"ipv6/conf/default/accept_ra=0",
	"ipv6/conf/default/addr_gen_mode=1",
}

func newNode(lab *Lab, role, name string) (*Node, error) {
	fd, err := newNamespace(name)
	if err != nil {
		return nil, err
	}
	n := &Node{Role: role, Name: name, Path: filepath.Join(netnsDir, name), lab: lab, fd: fd}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		n.remove()
		return nil, fmt.Errorf("reading namespace %q: %w", name, err)
	}
	n.Inode = stat.Ino
	if err := n.Do(n.prepare); err != nil {
		n.remove()
		return nil, fmt.Errorf("preparing namespace %q: %w", name, err)
	}
	return n, nil
}

func (n *Node) prepare() error {
	sock, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	// Before 5.14 there is no cookie; zero says so.
	n.Cookie, _ = unix.GetsockoptUint64(sock, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	for _, setting := range nodeSysctls {
		if err := setSysctl(setting); err != nil {
			return err
		}
	}
	if n.rt, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("opening rtnetlink: %w", err)
	}
	lo, err := n.rt.LinkByName("lo")
	if err != nil {
		return err
	}
	return n.rt.LinkSetUp(lo)
}

// remove deletes the name and lets go of the namespace.
func (n *Node) remove() {
	if n.rt != nil {
		n.rt.Close()
		n.rt = nil
	}
	if n.fd >= 0 {
		unix.Close(n.fd)
		n.fd = -1
	}
	removeNamespace(n.Name)
}

// Do runs f on a thread inside the namespace; see InNamespace.
func (n *Node) Do(f func() error) error { return InNamespace(n.fd, f) }

// FD is an open file of the namespace, valid until the lab ends.
func (n *Node) FD() int { return n.fd }

// Netns is the namespace as records bear it.
func (n *Node) Netns() reset.Netns {
	return reset.Netns{ID: n.Inode, Cookie: n.Cookie, Name: n.Name}
}

// Sysctl sets a variable below /proc/sys/net in the namespace, for example
// "ipv4/tcp_abort_on_overflow=1", and returns what it was.
func (n *Node) Sysctl(setting string) (old string, err error) {
	key, _, _ := strings.Cut(setting, "=")
	err = n.Do(func() error {
		data, err := os.ReadFile("/proc/sys/net/" + key)
		if err != nil {
			return err
		}
		old = strings.TrimSpace(string(data))
		return setSysctl(setting)
	})
	return old, err
}

// setSysctl acts on the namespace of the calling thread.
func setSysctl(setting string) error {
	key, value, _ := strings.Cut(setting, "=")
	if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0o644); err != nil {
		return fmt.Errorf("setting %q: %w", setting, err)
	}
	return nil
}

// configure gives a device its addresses and sets it up.
func (n *Node) configure(device string, addrs ...netip.Prefix) error {
	link, err := n.rt.LinkByName(device)
	if err != nil {
		return fmt.Errorf("finding %s in %s: %w", device, n.Role, err)
	}
	if err := n.rt.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting %s up in %s: %w", device, n.Role, err)
	}
	for _, a := range addrs {
		addr := &netlink.Addr{IPNet: ipNet(a)}
		if a.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := n.rt.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("adding %s to %s in %s: %w", a, device, n.Role, err)
		}
	}
	return nil
}

// route sends everything to dst through via.
func (n *Node) route(dst netip.Prefix, via netip.Addr) error {
	r := &netlink.Route{Dst: ipNet(dst), Gw: via.AsSlice()}
	if err := n.rt.RouteAdd(r); err != nil {
		return fmt.Errorf("routing %s via %s in %s: %w", dst, via, n.Role, err)
	}
	return nil
}

// unroute takes a route away.
func (n *Node) unroute(dst netip.Prefix, via netip.Addr) error {
	if err := n.rt.RouteDel(&netlink.Route{Dst: ipNet(dst), Gw: via.AsSlice()}); err != nil {
		return fmt.Errorf("removing the route to %s in %s: %w", dst, n.Role, err)
	}
	return nil
}

// awaitUp waits until the kernel's link watcher has activated the device: what
// is sent before that is dropped without a word.
func (n *Node) awaitUp(device string) error {
	return poll("device "+device+" in "+n.Role+" to come up", func() (bool, error) {
		link, err := n.rt.LinkByName(device)
		if err != nil {
			return false, err
		}
		return link.Attrs().OperState == netlink.OperUp, nil
	})
}

// addVLAN puts a VLAN device on another one.
func (n *Node) addVLAN(parent, device string, id int, addrs []netip.Prefix) error {
	link, err := n.rt.LinkByName(parent)
	if err != nil {
		return fmt.Errorf("finding %s in %s: %w", parent, n.Role, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = device, link.Attrs().Index
	err = n.rt.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: id, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return &UnsupportedError{Need: "CONFIG_VLAN_8021Q"}
	}
	if err != nil {
		return fmt.Errorf("adding %s in %s: %w", device, n.Role, err)
	}
	if err := n.configure(device, addrs...); err != nil {
		return err
	}
	return n.awaitUp(device)
}

func (n *Node) removeLink(device string) error {
	link, err := n.rt.LinkByName(device)
	if err == nil {
		err = n.rt.LinkDel(link)
	}
	if err != nil {
		return fmt.Errorf("removing %s in %s: %w", device, n.Role, err)
	}
	return nil
}

// MAC returns the link-layer address of a device.
func (n *Node) MAC(device string) (net.HardwareAddr, error) {
	link, err := n.rt.LinkByName(device)
	if err != nil {
		return nil, fmt.Errorf("finding %s in %s: %w", device, n.Role, err)
	}
	return link.Attrs().HardwareAddr, nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// patience bounds every wait of the package; a wait that ends well takes
// microseconds to milliseconds.
const patience = 10 * time.Second

// poll calls ready until it says so or fails, for at most patience.
func poll(what string, ready func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for pause := 20 * time.Microsecond; ; pause = min(2*pause, 5*time.Millisecond) {
		ok, err := ready()
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for %s: nothing within %s", what, patience)
		}
		time.Sleep(pause)
	}
}
