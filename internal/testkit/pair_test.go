package testkit

import (
	"fmt"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestStormIsAnsweredInFull(t *testing.T) {
	p := NewPair(t)
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		t.Run(family.String(), func(t *testing.T) {
			const n = 70000 // more than one address has ports
			for threads := 1; threads <= 2; threads++ {
				load, err := p.StormFrom(threads, family, n)
				if err != nil {
					t.Fatal(err)
				}
				if load.Packets != n {
					t.Errorf("%d SYNs of %d threads had %d answers", n, threads, load.Packets)
				}
				t.Logf("%d threads: %.0f resets a second", threads, load.PerSecond())
			}
		})
	}
}

func TestTrafficIsWhatItSays(t *testing.T) {
	p := NewPair(t)
	const n = 1000
	for _, kind := range []struct {
		name string
		make func(int) (Load, error)
	}{{"tcp", p.TCPTraffic}, {"udp", p.UDPTraffic}} {
		t.Run(kind.name, func(t *testing.T) {
			load, err := kind.make(n)
			if err != nil {
				t.Fatal(err)
			}
			if load.Packets < n || load.Packets > n+n/10 {
				t.Errorf("%d packets arrived of %d", load.Packets, n)
			}
			t.Logf("%s a packet", load.PerPacket())
		})
	}
}

func BenchmarkStorm(b *testing.B) {
	for threads := 1; threads <= 2; threads++ {
		for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
			b.Run(fmt.Sprintf("%s-threads-%d", family, threads), func(b *testing.B) {
				p := NewPair(b)
				b.ResetTimer()
				load, err := p.StormFrom(threads, family, b.N)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(load.PerSecond(), "resets/s")
				b.ReportMetric(100*float64(load.Packets)/float64(b.N), "%answered")
			})
		}
	}
}

func BenchmarkTraffic(b *testing.B) {
	p := NewPair(b)
	for name, kind := range map[string]func(int) (Load, error){"tcp": p.TCPTraffic, "udp": p.UDPTraffic} {
		b.Run(name, func(b *testing.B) {
			load, err := kind(b.N)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(load.PerPacket().Nanoseconds()), "ns/packet")
		})
	}
}
