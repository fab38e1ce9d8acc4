package query

import (
	"net/netip"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func endpoint(text string) reset.Endpoint {
	return reset.Endpoint{AddrPort: netip.MustParseAddrPort(text)}
}

var typical = []struct{ name, filter string }{
	{"one port", "port 51000"},
	{"host and ports", "host 192.0.2.1 and not port 80"},
	{"classic", "tcp[tcpflags] & tcp-rst != 0 and src port not (22 or 80)"},
	{"ours", "direction in and interface br-* and sender path"},
	{"many", "net 10.0.0.0/8 or net 172.16.0.0/12 or net 192.168.0.0/16 or net fd00::/8 or dst port 51000"},
}

func BenchmarkMatch(b *testing.B) {
	r := sample()
	for _, bb := range typical {
		b.Run(bb.name, func(b *testing.B) {
			f, err := Parse(bb.filter)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if !f.Match(r) {
					b.Fatal("no match")
				}
			}
		})
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	r := sample()
	for _, tt := range typical {
		f, err := Parse(tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { f.Match(r) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", tt.name, n)
		}
	}
}
