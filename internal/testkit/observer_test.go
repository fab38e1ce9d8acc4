package testkit

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// observer watches the devices of every namespace of a lab through packet
// sockets: a witness that shares nothing with the makers, nor with the sensors.
type observer struct {
	lab   *Lab
	socks map[*Node]int
	seen  []glimpse
}

// glimpse is one RST as one device handled it.
type glimpse struct {
	Observation
	node     *Node
	outgoing bool
	ttl      uint8
	window   uint16
}

func newObserver(t *testing.T, l *Lab) *observer {
	t.Helper()
	o := &observer{lab: l, socks: map[*Node]int{}}
	for _, n := range l.Nodes() {
		err := n.Do(func() error {
			const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, all)
			o.socks[n] = fd
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		fd := o.socks[n]
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeFD(fd) })
	}
	return o
}

// read takes in what has arrived.
func (o *observer) read() error {
	buf := make([]byte, 65536)
	for n, fd := range o.socks {
		for {
			size, from, err := unix.Recvfrom(fd, buf, 0)
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if err != nil {
				return err
			}
			g, ok := decode(buf[:size])
			if !ok {
				continue
			}
			g.node, g.Netns = n, n.Inode
			g.outgoing = from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING
			o.seen = append(o.seen, g)
		}
	}
	return nil
}

// observations tells passing from sending: what came in to a namespace in the
// middle and went out of it was forwarded, what only went out it made itself.
func (o *observer) observations() []Observation {
	var all []Observation
	forwarded, left := map[Observation]int{}, map[Observation]int{}
	for _, g := range o.seen {
		if g.outgoing && (g.node == o.lab.Router || g.node == o.lab.Bridge) {
			left[g.Observation]++
		}
	}
	for _, g := range o.seen {
		middle := g.node == o.lab.Router || g.node == o.lab.Bridge
		key := g.Observation
		switch {
		case middle && !g.outgoing && left[key] > 0:
			left[key]--
			forwarded[key]++
			g.Direction = reset.Forward
		case middle && g.outgoing && forwarded[key] > 0:
			forwarded[key]--
			continue
		case g.outgoing:
			g.Direction = reset.Out
		default:
			g.Direction = reset.In
		}
		all = append(all, g.Observation)
	}
	return all
}

// decode finds a RST in an Ethernet frame, by hand and without any package
// under test.
func decode(b []byte) (g glimpse, ok bool) {
	b = b[12:]
	for b[0] == 0x81 && b[1] == 0 {
		b = b[4:]
	}
	protocol, src, dst := byte(0), netip.Addr{}, netip.Addr{}
	switch binary.BigEndian.Uint16(b) {
	case unix.ETH_P_IP:
		b = b[2:]
		if binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
			return g, false // a later fragment
		}
		protocol, g.ttl = b[9], b[8]
		src, dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		b = b[int(b[0]&15)*4:]
	case unix.ETH_P_IPV6:
		b = b[2:]
		protocol, g.ttl = b[6], b[7]
		src, dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		b = b[40:]
		for protocol == 0 || protocol == 43 || protocol == 60 {
			protocol, b = b[0], b[8+int(b[1])*8:]
		}
		if protocol == unix.IPPROTO_FRAGMENT {
			if binary.BigEndian.Uint16(b[2:])&0xfff8 != 0 {
				return g, false
			}
			protocol, b = b[0], b[8:]
		}
	}
	if protocol != unix.IPPROTO_TCP || b[13]&byte(reset.RST) == 0 {
		return g, false
	}
	g.Src = reset.EndpointFrom(src, binary.BigEndian.Uint16(b[0:]))
	g.Dst = reset.EndpointFrom(dst, binary.BigEndian.Uint16(b[2:]))
	g.Seq = reset.Some(binary.BigEndian.Uint32(b[4:]))
	g.Ack = reset.Some(binary.BigEndian.Uint32(b[8:]))
	g.Flags = reset.Flags(b[13])
	g.window = binary.BigEndian.Uint16(b[14:])
	return g, true
}

// TestMakersMakeWhatTheyClaim holds every maker in every scene against what
// packet sockets see: each RST claimed, no other, with its TTL and window.
func TestMakersMakeWhatTheyClaim(t *testing.T) {
	l := NewLab(t, WithSpare())
	for _, m := range Makers() {
		for _, s := range m.ScenesIn(l) {
			t.Run(m.Name+"/"+s.String(), func(t *testing.T) {
				if m.Slow && testing.Short() {
					t.Skip("slow: waits for a timer of the kernel")
				}
				o := newObserver(t, l)
				expects := m.MustMake(t, l, s, 3)
				visible := Unjoined(Visible(expects, Device|Bridged))
				l.AwaitCompare(t, visible, 2*time.Millisecond, func() []Observation {
					if err := o.read(); err != nil {
						t.Fatal(err)
					}
					return o.observations()
				})
				checkHeaders(t, visible, o.seen)
				if Total(expects) < 3 {
					t.Errorf("claims %d records, expected at least 3", Total(expects))
				}
			})
		}
	}
}

func checkHeaders(t *testing.T, expects []Expect, seen []glimpse) {
	t.Helper()
	checked := 0
	for _, g := range seen {
		for _, e := range expects {
			o := g.Observation
			o.Direction = e.Direction
			// A router's two devices see two values of the TTL: it is checked
			// at the ends.
			if e.Direction == reset.Forward || !e.fits(o) {
				continue
			}
			if e.TTL.OK && e.TTL.V != g.ttl {
				t.Errorf("%s: TTL is %d, claimed %d", e, g.ttl, e.TTL.V)
			}
			if e.Window.OK && e.Window.V != g.window {
				t.Errorf("%s: window is %d, claimed %d", e, g.window, e.Window.V)
			}
			checked++
			break
		}
	}
	if checked == 0 && len(expects) > 0 {
		t.Error("no header was checked")
	}
}
