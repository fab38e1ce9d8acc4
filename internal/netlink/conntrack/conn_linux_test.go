package conntrack

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

const redirect = `
table inet nat {
	chain output {
		type nat hook output priority -100
		tcp dport 80 redirect to :8080
	}
}
`

// TestGet lets a namespace translate a real connection, and finds it by each of
// the ways in which its packets can come.
func TestGet(t *testing.T) {
	testkit.RequireRoot(t)
	lab := testkit.NewLab(t)
	n, err := lab.NewNode("ct")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			var client, server net.Conn
			var conn *Conn
			err := n.Do(func() error {
				cmd := exec.Command("nft", "-f", "-")
				cmd.Stdin = strings.NewReader(redirect)
				if out, err := cmd.CombinedOutput(); err != nil {
					return fmt.Errorf("nft: %w: %s", err, out)
				}
				listener, err := net.Listen("tcp", net.JoinHostPort(address, "8080"))
				if err != nil {
					return err
				}
				defer listener.Close()
				if client, err = net.Dial("tcp", net.JoinHostPort(address, "80")); err != nil {
					return err
				}
				if server, err = listener.Accept(); err != nil {
					return err
				}
				conn, err = Open()
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			defer client.Close()
			defer server.Close()
			end := func(a net.Addr) reset.Endpoint {
				p := a.(*net.TCPAddr).AddrPort()
				return reset.EndpointFrom(p.Addr(), p.Port())
			}
			from, dialled, reached := end(client.LocalAddr()), end(client.RemoteAddr()), end(server.LocalAddr())
			want := Connection{
				Original: reset.Tuple{Src: from, Dst: dialled},
				Reply:    reset.Tuple{Src: reached, Dst: from},
			}
			for name, tuple := range map[string]reset.Tuple{"forward": want.Original, "back": want.Reply} {
				got, err := conn.Get(tuple)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if got.Status == 0 || !got.Translated() {
					t.Errorf("%s: status %#x, translated: %v", name, got.Status, got.Translated())
				}
				got.Status = 0
				if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b reset.Endpoint) bool { return a == b })); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			none := reset.Tuple{Src: from, Dst: reached}
			if got, err := conn.Get(none); !errors.Is(err, ErrUnknown) {
				t.Errorf("a connection that is none: %+v, %v", got, err)
			}
		})
	}
}

// told is what Linux 6.18 tells of a connection from 10.0.0.1:40000 to
// 10.0.0.9:80 that is redirected to port 8080, without what is not read.
const told = "02000000" +
	"34000180" + "14000180" + "080001000a000001" + "080002000a000009" + "1c000280" + "0500010006000000" + "060002009c400000" + "0600030000500000" +
	"34000280" + "14000180" + "080001000a000009" + "080002000a000001" + "1c000280" + "0500010006000000" + "060002001f900000" + "060003009c400000" +
	"080003000000018e"

func TestParse(t *testing.T) {
	message, err := hex.DecodeString(told)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(message)
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("%s > %s, %s > %s, %#x", got.Original.Src, got.Original.Dst, got.Reply.Src, got.Reply.Dst, got.Status)
	if want := "10.0.0.1:40000 > 10.0.0.9:80, 10.0.0.9:8080 > 10.0.0.1:40000, 0x18e"; said != want {
		t.Errorf("got %s, want %s", said, want)
	}
	if !got.Translated() {
		t.Error("it is not translated")
	}
	for n := range len(message) - 8 {
		if _, err := Parse(message[:n]); err == nil && n < len(message)-8 {
			t.Errorf("the first %d bytes are a whole message", n)
		}
	}
}

func FuzzParse(f *testing.F) {
	message, err := hex.DecodeString(told)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message)
	f.Fuzz(func(t *testing.T, message []byte) {
		c, err := Parse(message)
		if err != nil {
			return
		}
		if c.Original.Src.Addr().BitLen() != c.Original.Dst.Addr().BitLen() {
			t.Fatalf("%+v", c)
		}
		if again, err := question(c.Original); err != nil || len(again) < generalHeader {
			t.Fatalf("asking for it again: %v", err)
		}
	})
}
