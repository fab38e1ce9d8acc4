package testkit

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// middlebox is a program on the path: what the router would pass on goes
// through it, packet by packet, and it may hold, drop and rewrite that, and add
// packets in anybody's name. It is a firewall, a NAT or a censor, as react says.
//
// For the two ends it is no hop of its own. The router has each packet twice:
// before the box and after it.
type middlebox struct {
	tap   *os.File
	queue chan held
	done  sync.WaitGroup

	mu sync.Mutex
	boxState
}

// boxState is what a maker makes of the box.
type boxState struct {
	client netip.Addr
	// away is by how many hops the server is further than the router.
	away uint8
	// delay is how long each packet takes to get from the box to the server's
	// side or back: the box is beside the client.
	delay time.Duration
	react reaction

	forged []Segment
	passed int // RSTs of the two ends
	kept   []*passing
	let    map[[2]uint32]bool // what was held, by the client's port and SEQ, and is no more
	again  bool               // let through what is sent again, then
	err    error
}

// reaction is what a middlebox does about a packet: what it sends before it
// passes the packet on, if it does.
type reaction func(p *passing) (forge []Segment, pass bool)

// held is a packet on its way.
type held struct {
	frame []byte
	reset bool
	due   time.Time
}

const (
	boxDevice = "mb0"
	boxTable  = 77 // the routing table that leads into the box
	boxHeader = 14 // of Ethernet
)

// middlebox puts the lab's box in the router's place for as long as the maker
// runs. away is by how many hops it makes the server seem further.
func (r *run) middlebox(away uint8, delay time.Duration, react reaction) (*middlebox, error) {
	b, err := r.lab.openBox()
	if err != nil {
		return nil, err
	}
	if away > 0 {
		// A host that is now near and now far would be a riddle of its own.
		if err := r.alias(100 + away); err != nil {
			return nil, err
		}
	}
	b.begin(r.client.addr, away, delay, react)
	n := r.lab.Router
	for _, device := range []string{"r0", "r1"} {
		rule := netlink.NewRule()
		rule.IifName, rule.Table, rule.Priority, rule.Family = device, boxTable, 100, addressFamily(r.scene.Family)
		if err := n.rt.RuleAdd(rule); err != nil {
			return nil, fmt.Errorf("leading %s into the middlebox: %w", device, err)
		}
		r.cleanup(func() error { return n.rt.RuleDel(rule) })
	}
	r.boxed, r.hidden = true, away
	r.cleanup(func() error {
		r.boxed, r.hidden = false, 0
		return b.trouble()
	})
	return b, nil
}

// alias gives the server a further address of its net and lets the scene be
// played with that one; the address stays. It is one of the loopback device,
// since REDIRECT sends packets to the newest address of the device they came by.
func (r *run) alias(host byte) error {
	addr := prefixes(2, host)[0]
	if r.scene.Family == reset.IPv6 {
		addr = prefixes(2, host)[1]
	}
	r.server.addr = addr.Addr()
	err := r.server.node.configure("lo", netip.PrefixFrom(addr.Addr(), addr.Addr().BitLen()))
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	// Nobody answers for it on the way, and a question for a neighbour could be lost.
	mac, err := r.server.node.MAC(r.server.device)
	if err != nil {
		return err
	}
	return r.lab.Router.neighbour("r1", addr.Addr(), mac)
}

// openBox makes the lab's middlebox, which then stays: only packets that are
// led to it reach it.
func (l *Lab) openBox() (*middlebox, error) {
	if l.box != nil {
		return l.box, nil
	}
	b := &middlebox{queue: make(chan held, 1024)}
	if err := l.Router.Do(b.open); err != nil {
		return nil, err
	}
	l.box = b
	b.done.Add(2)
	go b.read()
	go b.pass()
	if err := l.Router.configure(boxDevice); err != nil {
		return nil, err
	}
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		if err := l.Router.lead(boxDevice, family); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// begin makes the box what a maker wants.
func (b *middlebox) begin(client netip.Addr, away uint8, delay time.Duration, react reaction) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.boxState = boxState{client: client, away: away, delay: delay, react: react}
}

// trouble is what went wrong.
func (b *middlebox) trouble() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// open makes the device in the calling thread's namespace. It answers no ARP:
// every frame goes to itself, and comes back as if from a neighbour.
func (b *middlebox) open() error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return &UnsupportedError{Need: "CONFIG_TUN"}
	}
	if err != nil {
		return fmt.Errorf("opening /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(boxDevice)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		closeFD(fd)
		return fmt.Errorf("making the middlebox's device: %w", err)
	}
	b.tap = os.NewFile(uintptr(fd), boxDevice)
	return nil
}

// lead routes everything of the family's table into the device.
func (n *Node) lead(device string, family reset.Family) error {
	link, err := n.rt.LinkByName(device)
	if err == nil {
		err = n.rt.LinkSetARPOff(link)
	}
	if err != nil {
		return fmt.Errorf("setting up %s in %s: %w", device, n.Role, err)
	}
	all := &net.IPNet{IP: make(net.IP, 4), Mask: net.CIDRMask(0, 32)}
	if family == reset.IPv6 {
		all = &net.IPNet{IP: make(net.IP, 16), Mask: net.CIDRMask(0, 128)}
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: all, Table: boxTable, Scope: netlink.SCOPE_LINK}
	if err := n.rt.RouteAdd(route); err != nil {
		return fmt.Errorf("routing into %s in %s: %w", device, n.Role, err)
	}
	return nil
}

func addressFamily(f reset.Family) int {
	if f == reset.IPv6 {
		return netlink.FAMILY_V6
	}
	return netlink.FAMILY_V4
}

func (b *middlebox) close() {
	_ = b.tap.Close()
	b.done.Wait()
}

// read takes in packet after packet and decides on each.
func (b *middlebox) read() {
	defer b.done.Done()
	defer close(b.queue)
	buffer := make([]byte, 65536)
	for {
		n, err := b.tap.Read(buffer)
		if err != nil {
			if !errors.Is(err, os.ErrClosed) {
				b.fail(fmt.Errorf("reading from the middlebox's device: %w", err))
			}
			return
		}
		b.decide(append([]byte(nil), buffer[:n]...))
	}
}

func (b *middlebox) decide(frame []byte) {
	b.mu.Lock()
	client, away, delay, react := b.client, b.away, b.delay, b.react
	b.mu.Unlock()
	p, ok := parsePassing(frame, client)
	if !ok { // not TCP: neighbour discovery and its like end here
		return
	}
	// The box is no hop: the router's two passes count as one.
	hops := -1
	if !p.fromClient {
		hops = int(away) - 1
	}
	p.age(hops)
	var forge []Segment
	pass := true
	if react != nil {
		forge, pass = react(p)
	}
	for _, s := range forge {
		b.send(p.frame, s)
	}
	if pass {
		b.queue <- held{p.frame, p.flags&reset.RST != 0, time.Now().Add(delay)}
	}
}

// send writes a segment at once, whatever else is on its way.
func (b *middlebox) send(like []byte, s Segment) {
	frame := append([]byte(nil), like[:boxHeader]...)
	if _, err := b.tap.Write(append(frame, s.Bytes()...)); err != nil {
		b.fail(fmt.Errorf("forging: %w", err))
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forged = append(b.forged, s)
}

// pass lets packets on when they are due, in the order in which they came.
func (b *middlebox) pass() {
	defer b.done.Done()
	for h := range b.queue {
		time.Sleep(time.Until(h.due))
		if _, err := b.tap.Write(h.frame); err != nil && !errors.Is(err, os.ErrClosed) {
			b.fail(fmt.Errorf("passing on: %w", err))
		}
		if h.reset {
			b.mu.Lock()
			b.passed++
			b.mu.Unlock()
		}
	}
}

func (b *middlebox) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errors.Join(b.err, err)
}

// set changes what the box does from now on.
func (b *middlebox) set(react reaction) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.react = react
}

// await waits until the box has sent n segments of its own and takes them.
func (b *middlebox) await(n int) (forged []Segment, err error) {
	err = poll(fmt.Sprintf("%d packets of the middlebox", n), func() (bool, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.forged) < n {
			return false, b.err
		}
		forged = b.forged
		b.forged = nil
		return true, b.err
	})
	if err == nil && len(forged) != n {
		err = fmt.Errorf("the middlebox sent %d packets of its own, expected %d", len(forged), n)
	}
	return forged, err
}

// awaitPassed waits until n RSTs of the two ends have been passed on.
func (b *middlebox) awaitPassed(n int) error {
	return poll(fmt.Sprintf("%d resets to pass the middlebox", n), func() (bool, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.passed >= n, b.err
	})
}

// hold is a reaction: the client's data stays until release. What is sent again
// is lost, or after release passes, as again says.
func (b *middlebox) hold(p *passing) (forge []Segment, pass bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !p.fromClient || p.payload == 0 {
		return nil, true
	}
	if b.let[p.key()] {
		return nil, b.again
	}
	for _, k := range b.kept {
		if k.key() == p.key() {
			return nil, false
		}
	}
	b.kept = append(b.kept, p)
	return nil, false
}

// key tells the client's segments apart.
func (p *passing) key() [2]uint32 { return [2]uint32{uint32(p.src.Port()), p.seq} }

// awaitHeld waits until n segments are held.
func (b *middlebox) awaitHeld(n int) error {
	return poll(fmt.Sprintf("%d segments to be held", n), func() (bool, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.kept) >= n, b.err
	})
}

// release lets go what is held.
func (b *middlebox) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.let == nil {
		b.let = map[[2]uint32]bool{}
	}
	for _, p := range b.kept {
		b.let[p.key()] = true
		b.queue <- held{p.frame, false, time.Now().Add(b.delay)}
	}
	b.kept = nil
}
