package listener

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// known are namespaces that the test made.
type known map[uint64]netns.Namespace

func (k known) Get(id uint64) (netns.Namespace, bool) { n, ok := k[id]; return n, ok }

// TestEnrich asks of a port that is served and of one that is not, in a
// namespace of its own.
func TestEnrich(t *testing.T) {
	testkit.RequireRoot(t)
	lab := testkit.NewLab(t)
	n, err := lab.NewNode("service")
	if err != nil {
		t.Fatal(err)
	}
	space, err := netns.At(n.Path)
	if err != nil {
		t.Fatal(err)
	}
	var l net.Listener
	if err := n.Do(func() (err error) { l, err = net.Listen("tcp6", "[::]:80"); return err }); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := New(known{n.Inode: space})
	if err != nil {
		t.Fatal(err)
	}
	f.settle = 0
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done })

	for port, want := range map[uint16]string{80: "another listener still serves port 80", 81: "nothing listens on port 81 any more"} {
		r := closedAt(n.Inode, port)
		for limit := time.Now().Add(10 * time.Second); len(r.Evidence) == 0 && time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
			f.Enrich(r, nil)
		}
		if len(r.Evidence) != 1 || r.Evidence[0].Value != want {
			t.Errorf("port %d: evidence %v, want %q", port, r.Evidence, want)
		}
	}
	asked := f.Counts().Asked
	for name, r := range map[string]*reset.Reset{
		"another cause": {Direction: reset.Out, Cause: reset.UnreadData, Netns: reset.Netns{ID: n.Inode}},
		"received":      {Direction: reset.In, Cause: reset.ListenerClosed, Netns: reset.Netns{ID: n.Inode}},
		"of a file":     {Direction: reset.Out, Cause: reset.ListenerClosed},
	} {
		if f.Enrich(r, nil); len(r.Evidence) != 0 || f.Counts().Asked != asked {
			t.Errorf("%s: asked", name)
		}
	}
}

func closedAt(id uint64, port uint16) *reset.Reset {
	return &reset.Reset{
		Direction: reset.Out, Cause: reset.ListenerClosed, Netns: reset.Netns{ID: id},
		Src: reset.EndpointFrom(netip.MustParseAddr("10.0.0.1"), port), Dst: reset.EndpointFrom(netip.MustParseAddr("10.0.0.2"), 5000),
	}
}
