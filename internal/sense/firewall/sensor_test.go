package firewall

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

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
		s.Packet.MACDst, s.Packet.TCPOptions, s.Packet.IPOptions = nil, nil, nil
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

// start runs tracker and sensor until the test ends or stop is called.
func start(t testing.TB, cfg Config) (s *Sensor, c *collector, stop func()) {
	t.Helper()
	tracker, err := netns.New(netns.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s, err = New(cfg, Deps{Namespaces: tracker, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
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

// only selects the namespaces of a lab: nobody else's firewall is touched.
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

func observe(sightings []reset.Sighting) []testkit.Observation {
	var list []testkit.Observation
	for _, s := range sightings {
		o := testkit.Observation{
			Netns: s.Netns.ID, Src: s.Src, Dst: s.Dst,
			Flags: s.Packet.Flags, Seq: s.Packet.Seq, Ack: s.Packet.Ack, Direction: reset.Forward,
		}
		switch s.Hook {
		case reset.HookLocalIn:
			o.Direction = reset.In
		case reset.HookLocalOut:
			o.Direction = reset.Out
		}
		list = append(list, o)
	}
	return list
}

// unseen are the kinds that this sensor cannot see where others can: its rules
// come after those of others, and see what leaves; and for netfilter a packet
// behind a second VLAN tag is no IP packet.
var unseen = map[string]bool{"output-dropped": true, "inject-qinq": true}

// TestEveryKind makes resets of every kind and holds the sightings one by one
// against what was made: exactly one for each namespace and direction.
func TestEveryKind(t *testing.T) {
	lab := testkit.NewLab(t, testkit.WithSpare())
	cfg := DefaultConfig()
	cfg.Select, cfg.Bridge = only(lab), true
	// Where bridged packets pass the inet hooks too, they are seen twice.
	for _, family := range []string{"iptables", "ip6tables"} {
		if _, err := lab.Bridge.Sysctl("bridge/bridge-nf-call-" + family + "=0"); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	s, c, _ := start(t, cfg)
	for _, maker := range testkit.Makers() {
		if maker.Slow && testing.Short() {
			continue
		}
		for _, scene := range maker.ScenesIn(lab) {
			t.Run(maker.Name+"/"+scene.String(), func(t *testing.T) {
				c.forget()
				expects := testkit.Visible(maker.MustMake(t, lab, scene, 3), testkit.Inet|testkit.Bridged)
				if unseen[maker.Name] {
					expects = nil
				}
				lab.AwaitCompare(t, expects, 50*time.Millisecond, func() []testkit.Observation {
					return observe(c.sightings())
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
	in, out := s.Hook != reset.HookLocalOut, s.Hook != reset.HookLocalIn
	// The maker takes its VLAN device away, and then nobody can say its name any more.
	address := s.Src.Addr()
	gone := netip.MustParsePrefix("10.77.4.0/24").Contains(address) || netip.MustParsePrefix("fd77:4::/64").Contains(address)
	if ((s.Interface.In != "") != in || (s.Interface.Out != "") != out) && !gone {
		t.Errorf("interface %+v at hook %d", s.Interface, s.Hook)
	}
	noCookie := testkit.Running(t).Before(testkit.Release{Major: 5, Minor: 14})
	if s.Netns.Name == "" || s.Netns.ID == 0 || (s.Netns.Cookie == 0) != noCookie {
		t.Errorf("namespace %+v is not complete", s.Netns)
	}
	if s.Source != reset.NFLog || len(s.Packet.Raw) < 40 {
		t.Errorf("source %v, %d bytes raw", s.Source, len(s.Packet.Raw))
	}
	if s.Hook == reset.HookLocalIn && s.Packet.MACSrc == nil {
		t.Errorf("a received packet without MAC: link header %x", s.Packet.LinkHeader)
	}
}
