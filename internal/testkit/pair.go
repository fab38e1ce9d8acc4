package testkit

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// Pair is two namespaces on one veth pair, for benchmarks:
//
//	Source l0 ── 10.79.0.0/24, fd79::/64 ── l0 Target
//
// The target routes the storm's addresses, 10.78.0.0/16 and fd78::/64, to a
// neighbour that does not exist: what it sends there reaches the source as
// another host's, which is the cheapest way to be rid of it.
type Pair struct {
	Source, Target *Node

	lab *Lab
}

// Load is a measured amount of traffic.
type Load struct {
	Packets uint64 // as the receiving side's kernel counted them
	Elapsed time.Duration
}

// PerPacket is the mean time for each packet.
func (l Load) PerPacket() time.Duration {
	return l.Elapsed / time.Duration(max(l.Packets, 1))
}

// PerSecond is the mean rate in packets.
func (l Load) PerSecond() float64 { return float64(l.Packets) / l.Elapsed.Seconds() }

// pairAddrs are the IPv4 and IPv6 address of one end.
func pairAddrs(host byte) []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 79, 0, host}), 24),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x79, 15: host}), 64),
	}
}

// NewPair builds a pair that ends with the test or benchmark.
func NewPair(t testing.TB) *Pair {
	t.Helper()
	RequireRoot(t)
	p, err := newPair(t)
	if err != nil {
		t.Fatalf("building pair: %v", err)
	}
	return p
}

func newPair(t testing.TB) (*Pair, error) {
	l, err := newBareLab(t)
	if err != nil {
		return nil, err
	}
	p := &Pair{lab: l}
	if p.Source, err = l.NewNode("source"); err != nil {
		return nil, err
	}
	if p.Target, err = l.NewNode("target"); err != nil {
		return nil, err
	}
	if err := l.Link(End{p.Source, "l0", pairAddrs(1)}, End{p.Target, "l0", pairAddrs(2)}); err != nil {
		return nil, err
	}
	return p, p.sink()
}

// sink gives the target its route to nowhere.
func (p *Pair) sink() error {
	link, err := p.Target.rt.LinkByName("l0")
	if err != nil {
		return err
	}
	storm := []netip.Prefix{netip.MustParsePrefix("10.78.0.0/16"), netip.MustParsePrefix("fd78::/64")}
	for i, gateway := range pairAddrs(99) {
		neighbour := &netlink.Neigh{
			LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: gateway.Addr().AsSlice(),
			HardwareAddr: net.HardwareAddr{0x02, 0x77, 0xff, 0xff, 0xff, 0xff},
		}
		if err := p.Target.rt.NeighAdd(neighbour); err != nil {
			return fmt.Errorf("adding neighbour %s: %w", gateway.Addr(), err)
		}
		if err := p.Target.route(storm[i], gateway.Addr()); err != nil {
			return err
		}
	}
	return nil
}

// counted runs f, which causes want packets, and returns how much a counter of
// the target grew meanwhile. The kernel may lag behind f: what it is still
// working on is waited for, and the time ends with the last growth.
func (p *Pair) counted(counter string, want int, f func() error) (Load, error) {
	before, err := p.Target.Counter(counter)
	if err != nil {
		return Load{}, err
	}
	start := time.Now()
	if err := f(); err != nil {
		return Load{}, err
	}
	var load Load
	for {
		elapsed := time.Since(start)
		now, err := p.Target.Counter(counter)
		if err != nil {
			return Load{}, err
		}
		if grown := now - before; grown > load.Packets || load.Elapsed == 0 {
			load = Load{grown, elapsed}
		}
		if load.Packets >= uint64(want) || elapsed > load.Elapsed+stillness {
			return load, nil
		}
	}
}

// stillness is how long a counter must rest before its growth is over.
const stillness = 100 * time.Millisecond
