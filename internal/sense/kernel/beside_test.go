package kernel_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestBeside sends a packet to a connected port in another's name, as an answer
// does that was not translated back: the RST that refuses it knows of the
// connection that waits on that port, and how far it has come.
func TestBeside(t *testing.T) {
	lab := testkit.NewLab(t)
	rec := record(t, kernel.DefaultConfig())
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			rec.clear()
			node := lab.Client
			here := netip.MustParseAddr(address)
			other := netip.AddrPortFrom(here, lab.NextPort())
			var listener net.Listener
			var client net.Conn
			err := node.Do(func() (err error) {
				if listener, err = net.Listen("tcp", netip.AddrPortFrom(here, lab.NextPort()).String()); err != nil {
					return err
				}
				client, err = net.Dial("tcp", listener.Addr().String())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			defer client.Close()
			local := netip.MustParseAddrPort(client.LocalAddr().String())
			remote := netip.MustParseAddrPort(client.RemoteAddr().String())
			stray := testkit.Segment{Src: other, Dst: local, Seq: 7, Ack: 9, Flags: reset.ACK, Window: 100}
			if err := node.InjectRaw(stray.Bytes()); err != nil {
				t.Fatal(err)
			}
			beside := rec.awaitOne(t, node, reset.EndpointFrom(local.Addr(), local.Port()), reset.EndpointFrom(other.Addr(), other.Port())).Beside
			if !beside.Known || beside.State != "ESTABLISHED" || !beside.SndNxt.OK || !beside.RcvNxt.OK || beside.AgoNS <= 0 ||
				beside.Remote != reset.EndpointFrom(remote.Addr(), remote.Port()) {
				t.Errorf("beside %+v, want an established connection to %s", beside, remote)
			}
		})
	}
}

// awaitOne waits for the record of a RST that left a namespace.
func (rec *recording) awaitOne(t *testing.T, node *testkit.Node, src, dst reset.Endpoint) around {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		rec.mu.Lock()
		for i := range rec.records {
			r := &rec.records[i]
			if r.Netns.ID == node.Inode && r.Direction == reset.Out && r.Src == src && r.Dst == dst {
				found := around{r, &rec.contexts[i]}
				rec.mu.Unlock()
				return found
			}
		}
		rec.mu.Unlock()
	}
	t.Fatalf("no RST from %v to %v within ten seconds", src, dst)
	return around{}
}
