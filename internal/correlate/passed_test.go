package correlate_test

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestPassed wants the TTL of a handshake that passed counted like that of the
// RST which the record shows: as it leaves, but for one that is translated.
func TestPassed(t *testing.T) {
	passed := func(s *reset.Sighting) {
		s.Context = &reset.Context{Passed: reset.Passed{Known: true, TTL: 60}}
	}
	for _, tt := range []struct {
		name     string
		leaves   []func(*reset.Sighting)
		ttl      uint8
		hops     uint8
		baseline reset.Baseline
	}{
		{"routed", []func(*reset.Sighting){ttl(63)}, 59, 1, reset.BaselineHandshake},
		{"by a bridge", []func(*reset.Sighting){ttl(64)}, 60, 0, reset.BaselineHandshake},
		{"translated", []func(*reset.Sighting){ttl(63), from(public)}, 60, 0, reset.BaselineHandshake},
		{"to nobody else", nil, 60, 0, reset.BaselineAbsent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			batch := []reset.Sighting{seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1), ttl(64), passed)}
			if tt.leaves != nil {
				batch = append(batch, seen(reset.Wire, reset.HookWireOut, 1, append(tt.leaves, out("eth1"), origin(reset.OriginForwarded), skb(1))...))
			}
			told := 0
			c, err := correlate.New(correlate.DefaultConfig(), func(r *reset.Reset, j correlate.Joined) {
				told++
				baseline := reset.BaselineAbsent
				if r.Connection != nil {
					baseline = r.Connection.Baseline
				}
				p := j.Context.Passed
				if !p.Known || p.TTL != tt.ttl || p.Hops != tt.hops || baseline != tt.baseline {
					t.Errorf("%+v, baseline %q; want TTL %d, %d hops, %q", p, baseline, tt.ttl, tt.hops, tt.baseline)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			c.Add(batch)
			c.Drain()
			if told != 1 {
				t.Errorf("%d records, want one", told)
			}
		})
	}
}
