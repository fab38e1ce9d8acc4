package wire

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collector keeps what a sensor says.
type collector struct {
	mu   sync.Mutex
	got  []reset.Sighting
	slow time.Duration // spent in each call of sink
}

// sink copies what is valid only until it returns.
func (c *collector) sink(batch []reset.Sighting) {
	c.mu.Lock()
	defer c.mu.Unlock()
	time.Sleep(c.slow)
	for _, s := range batch {
		s.Packet.Raw = append([]byte(nil), s.Packet.Raw...)
		s.Packet.LinkHeader = append([]byte(nil), s.Packet.LinkHeader...)
		s.Packet.MACSrc = append(reset.MAC(nil), s.Packet.MACSrc...)
		s.Packet.MACDst = append(reset.MAC(nil), s.Packet.MACDst...)
		s.Packet.Payload = append([]byte(nil), s.Packet.Payload...)
		s.Packet.TCPOptions, s.Packet.IPOptions = nil, nil
		c.got = append(c.got, s)
	}
}

func (c *collector) sightings() []reset.Sighting {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]reset.Sighting(nil), c.got...)
}

func (c *collector) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = nil
}

// start runs tracker and sensor over the namespaces whose names select takes,
// until the test ends or stop is called.
func start(t testing.TB, cfg Config, ended func(reset.Coverage)) (s *Sensor, c *collector, stop func()) {
	t.Helper()
	tracker, err := netns.New(netns.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s, err = New(cfg, Deps{Namespaces: tracker, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Ended: ended})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c = &collector{}
	var running sync.WaitGroup
	ready := make(chan struct{})
	running.Go(func() {
		if err := tracker.Run(ctx); err != nil {
			t.Errorf("tracker: %v", err)
		}
	})
	running.Go(func() {
		if err := s.Run(ctx, func() { close(ready) }, c.sink); err != nil {
			t.Errorf("sensor: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(stop)
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		t.Fatal("the sensor does not get ready")
	}
	return s, c, stop
}

// only selects the namespaces of a lab.
func only(lab *testkit.Lab) func(netns.Namespace) bool {
	return func(n netns.Namespace) bool {
		for _, node := range lab.Nodes() {
			if node.Inode == n.ID {
				return true
			}
		}
		return false
	}
}

// observe turns sightings into what the lab compares. A namespace between two
// others that has a packet both coming in and going out passes it on: one
// record of two sightings, as correlate would make it.
func observe(lab *testkit.Lab, sightings []reset.Sighting) []testkit.Observation {
	var list []testkit.Observation
	came := make(map[testkit.Observation][]int) // places in list of what came in
	stacked := make(map[string]int)             // sightings on a VLAN device or below it that await the other
	for _, s := range sightings {
		o := testkit.Observation{
			Netns: s.Netns.ID, Src: s.Src, Dst: s.Dst,
			Flags: s.Packet.Flags, Seq: s.Packet.Seq, Ack: s.Packet.Ack, Direction: reset.In,
		}
		if upper, of := vlanOf(s); of {
			key := fmt.Sprint(s.Hook, upper, o)
			other := fmt.Sprint(s.Hook, !upper, o)
			if stacked[other] > 0 {
				stacked[other]--
				continue
			}
			stacked[key]++
		}
		between := o.Netns == lab.Router.Inode || lab.Bridge != nil && o.Netns == lab.Bridge.Inode
		switch {
		case s.Hook == reset.HookWireIn && between:
			came[o] = append(came[o], len(list))
		case s.Hook == reset.HookWireOut && len(came[o]) > 0:
			list[came[o][0]].Direction = reset.Forward
			came[o] = came[o][1:]
			continue
		case s.Hook == reset.HookWireOut:
			o.Direction = reset.Out
		}
		list = append(list, o)
	}
	return list
}

// vlanOf reports whether a sighting is of the lab's VLAN, and then whether it
// is the VLAN device's own or that of the device below it, which has the tag.
// Each has one: the same packet, on its way through two devices.
func vlanOf(s reset.Sighting) (upper, of bool) {
	address := s.Src.Addr()
	of = netip.MustParsePrefix("10.77.4.0/24").Contains(address) || netip.MustParsePrefix("fd77:4::/64").Contains(address)
	return of && !s.Packet.VLAN.OK, of
}

// TestEveryKind makes resets of every kind and holds the sightings one by one
// against what was made.
func TestEveryKind(t *testing.T) {
	lab := testkit.NewLab(t, testkit.WithSpare())
	cfg := DefaultConfig()
	cfg.Select = only(lab)
	s, c, _ := start(t, cfg, nil)
	for _, maker := range testkit.Makers() {
		if maker.Slow && testing.Short() {
			continue
		}
		for _, scene := range maker.ScenesIn(lab) {
			t.Run(maker.Name+"/"+scene.String(), func(t *testing.T) {
				c.forget()
				expects := testkit.Unjoined(testkit.Visible(maker.MustMake(t, lab, scene, 3), testkit.Device|testkit.Bridged))
				lab.AwaitCompare(t, expects, 20*time.Millisecond, func() []testkit.Observation {
					return observe(lab, c.sightings())
				})
				for _, got := range c.sightings() {
					check(t, got)
				}
			})
		}
	}
	if counts := s.Counts(); counts.Lost != 0 || counts.Seen == 0 {
		t.Errorf("counts %+v, want none lost and some seen", counts)
	}
}

// check looks at what every sighting of the lab must have.
func check(t *testing.T, s reset.Sighting) {
	t.Helper()
	now := reset.TimeOf(time.Now())
	if s.Time > now || s.Time < now-reset.Time(time.Minute) || s.MonoNS == 0 {
		t.Errorf("time %v, monotonic %d: not of just now", s.Time.Std(), s.MonoNS)
	}
	// The maker takes the VLAN device away, and then nobody can say its name any more.
	gone, _ := vlanOf(s)
	if (s.Interface.In == "") == (s.Interface.Out == "") && !gone {
		t.Errorf("interface %+v, want one of in and out", s.Interface)
	}
	noCookie := testkit.Running(t).Before(testkit.Release{Major: 5, Minor: 14})
	if s.Netns.Name == "" || s.Netns.ID == 0 || (s.Netns.Cookie == 0) != noCookie {
		t.Errorf("namespace %+v is not complete", s.Netns)
	}
	if n := len(s.Packet.LinkHeader); n < etherHeader || (n-etherHeader)%tagLength != 0 || s.Packet.MACSrc == nil {
		t.Errorf("link header %x, source MAC %v", s.Packet.LinkHeader, s.Packet.MACSrc)
	}
	if tagged := len(s.Packet.LinkHeader) > etherHeader; tagged != s.Packet.VLAN.OK {
		t.Errorf("link header %x, VLAN %+v", s.Packet.LinkHeader, s.Packet.VLAN)
	}
	if s.Source != reset.AFPacket || len(s.Packet.Raw) < 40 {
		t.Errorf("source %v, %d bytes raw", s.Source, len(s.Packet.Raw))
	}
}
