package translation

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// known are namespaces that the test made.
type known map[uint64]netns.Namespace

func (k known) Get(id uint64) (netns.Namespace, bool) { n, ok := k[id]; return n, ok }

const rules = `
table inet nat {
	chain output {
		type nat hook output priority -100
		tcp dport 80 redirect to :8080
	}
}
`

// TestEnrich aborts a connection that the namespace redirects, and wants both
// its tuples in the record, whichever of its addresses the RST bore.
func TestEnrich(t *testing.T) {
	testkit.RequireRoot(t)
	lab := testkit.NewLab(t)
	n, err := lab.NewNode("nat")
	if err != nil {
		t.Fatal(err)
	}
	space, err := netns.At(n.Path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(known{n.Inode: space})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done })

	var redirected, plain [2]*net.TCPConn
	err = n.Do(func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("nft: %w: %s", err, out)
		}
		if redirected, err = connect("127.0.0.1:80"); err != nil {
			return err
		}
		plain, err = connect("127.0.0.1:8080")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*net.TCPConn{redirected[0], redirected[1], plain[0], plain[1]} {
		defer c.Close()
	}
	client, dialled, reached := end(redirected[0].LocalAddr()), end(redirected[0].RemoteAddr()), end(redirected[1].LocalAddr())
	if err := redirected[0].SetLinger(0); err != nil {
		t.Fatal(err)
	}
	redirected[0].Close()
	want := &reset.NAT{Original: reset.Tuple{Src: client, Dst: dialled}, Reply: reset.Tuple{Src: reached, Dst: client}}
	for _, tt := range []struct {
		name     string
		src, dst reset.Endpoint
		want     *reset.NAT
	}{
		{"as the client sends", client, dialled, want},
		{"as it reaches the server", client, reached, want},
		{"as the server sends", reached, client, want},
		{"as it reaches the client", dialled, client, want},
		{"a connection that is not translated", end(plain[0].LocalAddr()), end(plain[0].RemoteAddr()), nil},
		{"no connection", end(plain[0].LocalAddr()), dialled, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := reset.Reset{Direction: reset.Out, Netns: reset.Netns{ID: n.Inode}, Src: tt.src, Dst: tt.dst}
			before := f.Counts().Asked
			for deadline := time.Now().Add(20 * time.Second); f.Counts().Asked == before; time.Sleep(time.Millisecond) {
				f.Enrich(&r, nil)
				if time.Now().After(deadline) {
					t.Fatalf("still asking: %+v", f.Counts())
				}
			}
			f.Enrich(&r, nil)
			if diff := cmp.Diff(tt.want, r.NAT, cmp.Comparer(func(a, b reset.Endpoint) bool { return a == b })); diff != "" {
				t.Errorf("translation (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEnrichLeavesOut what need not, or cannot, be asked.
func TestEnrichLeavesOut(t *testing.T) {
	f, err := New(known{})
	if err != nil {
		t.Fatal(err)
	}
	a, b := reset.EndpointFrom(netip4(1), 1), reset.EndpointFrom(netip4(2), 2)
	for name, r := range map[string]reset.Reset{
		"the refusal of a SYN": {Direction: reset.Out, Netns: reset.Netns{ID: 7}, Src: a, Dst: b, Trigger: &reset.Trigger{Flags: reset.SYN}},
		"no namespace":         {Direction: reset.In, Src: a, Dst: b},
		"a capture file":       {Direction: reset.Transit, Netns: reset.Netns{ID: 7}, Src: a, Dst: b},
	} {
		if f.Enrich(&r, nil); r.NAT != nil || f.Counts().Kept != 0 {
			t.Errorf("%s is asked for", name)
		}
	}
	if got := f.ask(t.Context(), flow{netns: 7}); got.Found {
		t.Errorf("of a namespace that is not known: %+v", got)
	}
}

// connect dials an address in the namespace of the calling thread and returns
// both ends.
func connect(address string) (ends [2]*net.TCPConn, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		return ends, err
	}
	defer listener.Close()
	client, err := net.Dial("tcp", address)
	if err != nil {
		return ends, err
	}
	server, err := listener.Accept()
	if err != nil {
		return ends, err
	}
	return [2]*net.TCPConn{client.(*net.TCPConn), server.(*net.TCPConn)}, nil
}

func end(a net.Addr) reset.Endpoint {
	p := a.(*net.TCPAddr).AddrPort()
	return reset.EndpointFrom(p.Addr(), p.Port())
}

func netip4(last byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, last}) }
