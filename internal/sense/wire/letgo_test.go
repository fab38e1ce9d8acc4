package wire

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestLetsGo: a namespace that comes later is watched, with a bound of how long
// it was not, and goes when its owner deletes it.
func TestLetsGo(t *testing.T) {
	lab := testkit.NewLab(t)
	cfg := DefaultConfig()
	var late *testkit.Node
	known := only(lab)
	ended := make(chan reset.Coverage, 64)
	cfg.Select = func(n netns.Namespace) bool { return known(n) || late != nil && n.ID == late.Inode }
	late, err := lab.NewNode("late")
	if err != nil {
		t.Fatal(err)
	}
	inode := late.Inode
	s, _, stop := start(t, cfg, func(c reset.Coverage) { ended <- c })
	if got := len(s.Coverage()); got != len(lab.Nodes()) {
		t.Errorf("%d namespaces watched when ready, want %d", got, len(lab.Nodes()))
	}
	if err := lab.Link(testkit.End{Node: late, Device: "l0"}, testkit.End{Node: lab.Client, Device: "l1"}); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	lab.RemoveNode(late)
	select {
	case c := <-ended:
		if c.Netns.ID != inode || c.Until < c.From || len(c.Sensors) != 1 {
			t.Errorf("coverage %+v, want of namespace %d", c, inode)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the watch of a deleted namespace does not end")
	}
	deadline := time.Now().Add(20 * time.Second)
	for hasDevice(t, lab.Client, "l1") {
		if time.Now().After(deadline) {
			t.Fatal("the deleted namespace lives on: its device's other end is there")
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("gone %v after its owner deleted it", time.Since(begin))
	stop()
	if got := s.Coverage(); len(got) != 0 {
		t.Errorf("%d namespaces watched after the end", len(got))
	}
}

func hasDevice(t *testing.T, n *testkit.Node, name string) bool {
	t.Helper()
	has := false
	err := n.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		has = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request) == nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return has
}

// TestNewNamespace: one that is made while the sensor runs.
func TestNewNamespace(t *testing.T) {
	lab := testkit.NewLab(t)
	s, c, _ := start(t, DefaultConfig(), nil)
	node, err := lab.NewNode("later")
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		for _, covered := range s.Coverage() {
			if covered.Netns.ID != node.Inode {
				continue
			}
			if !covered.UnwatchedNS.OK || covered.UnwatchedNS.V < 0 {
				t.Errorf("unwatched %+v, want a bound", covered.UnwatchedNS)
			}
			t.Logf("unwatched for at most %v", time.Duration(covered.UnwatchedNS.V))
			sendThroughTun(t, node, c)
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the new namespace is not watched")
		}
		time.Sleep(time.Millisecond)
	}
}

// sendThroughTun makes a device without link header receive a RST.
func sendThroughTun(t *testing.T, node *testkit.Node, c *collector) {
	t.Helper()
	var tun *os.File
	err := node.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		tun = os.NewFile(uintptr(fd), "tun")
		request, err := unix.NewIfreq("tun0")
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			return err
		}
		sock, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(sock)
		request.SetUint16(unix.IFF_UP)
		return unix.IoctlIfreq(sock, unix.SIOCSIFFLAGS, request)
	})
	if tun != nil {
		defer tun.Close()
	}
	if errors.Is(err, unix.ENOENT) && !testkit.Required() {
		t.Skip("no /dev/net/tun")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, packet := range [][]byte{ipv4Reset(), ipv6Reset(nil), ipv6Reset([]byte{6, 0, 1, 4, 0, 0, 0, 0})} {
		c.forget()
		if _, err := tun.Write(packet); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(10 * time.Second)
		var here []reset.Sighting // other namespaces are watched too, and other people's
		for len(here) == 0 {
			if time.Now().After(deadline) {
				t.Fatalf("no sighting of %x", packet)
			}
			time.Sleep(time.Millisecond)
			for _, s := range c.sightings() {
				if s.Netns.ID == node.Inode && string(s.Packet.Raw) == string(packet) {
					here = append(here, s)
				}
			}
		}
		got := here[0]
		if got.Interface.In != "tun0" || got.Hook != reset.HookWireIn || len(got.Packet.LinkHeader) != 0 {
			t.Errorf("sighting %+v of %x", got, packet)
		}
	}
}
