package daemon

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// naming is an enricher that names a rule.
type naming string

func (n naming) Enrich(r *reset.Reset, _ *reset.Context) { r.Rule += string(n) }

// keeping is a recorder that keeps copies.
type keeping struct{ list []reset.Reset }

func (k *keeping) Append(entries []reset.Entry) error {
	for _, e := range entries {
		k.list = append(k.list, *e.Reset)
	}
	return nil
}
func (k *keeping) Flush() error { return nil }

// TestEnrichersInOrder: each is asked, one after the other, before the filter
// and the recorder see the reset.
func TestEnrichersInOrder(t *testing.T) {
	var seen []string
	recorder := &keeping{}
	keep := func(r *reset.Reset) bool { seen = append(seen, r.Rule); return true }
	line, err := NewPipeline(correlate.DefaultConfig(), Place{Host: "h", Enrichers: []Enricher{naming("a"), naming("b")}},
		recorder, keep, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	line.Add([]reset.Sighting{refused(1), refused(2)})
	line.Drain()
	if len(seen) == 0 || len(recorder.list) != len(seen) {
		t.Fatalf("%d filtered, %d recorded", len(seen), len(recorder.list))
	}
	for i, rule := range seen {
		if rule != "ab" || recorder.list[i].Rule != "ab" {
			t.Errorf("the filter saw %q, the recorder %q; want ab", rule, recorder.list[i].Rule)
		}
	}
}

// refused is a RST that arrived for a port and that the stack freed.
func refused(port uint16) reset.Sighting {
	s := reset.Sighting{
		Source: reset.KfreeSkb, Hook: reset.HookRefused, MonoNS: 1e9, Time: 1e9, SKB: uint64(port), Netns: reset.Netns{ID: 1},
		Src: reset.EndpointFrom(loopback, port), Dst: reset.EndpointFrom(loopback, 80),
	}
	s.Packet.Seq, s.Packet.Flags = reset.Some(uint32(1)), reset.RST
	return s
}
