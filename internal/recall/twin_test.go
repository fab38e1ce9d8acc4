package recall

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func unread(n uint32) func(*told) {
	return func(t *told) { t.Connection = &reset.Connection{State: "CLOSE", Unread: reset.Some(n)} }
}

// proxied is a reset that a proxy receives from the server and passes on to its
// client, whose end is on this host too.
func proxied() []told {
	front := reset.EndpointFrom(client.Addr(), 8080)
	pass := func(t *told) { t.Packet.Seq, t.Packet.Ack = reset.Some[uint32](7), reset.Some[uint32](8) }
	return []told{
		at(0, reset.In, server, client, accepted, owned(7)),
		at(1, reset.Out, front, other, aborted(7), unread(9), pass),
		at(1.1, reset.In, front, other, netns(3), accepted, owned(8), pass),
	}
}

// TestTwinTellsTheRest: where a packet arrived, its cost and what led to it are
// those of the record where it was sent, in whichever order they were told.
func TestTwinTellsTheRest(t *testing.T) {
	story := proxied()
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
		got := run(t, story, order)
		for place := 1; place < len(story); place++ {
			r := got[idOf(place)]
			if r.Cause != reset.Relayed || r.Harm != reset.LostData {
				t.Errorf("order %v, record %d: %s, %s", order, place, r.Cause, r.Harm)
			}
			if diff := cmp.Diff([]reset.ID{idOf(0)}, r.CausedBy); diff != "" {
				t.Errorf("order %v, record %d: caused by (-want +got):\n%s", order, place, diff)
			}
		}
	}
}

// TestTwinIsCopied: the first revision names what led to the packet as well, and
// nothing in it is the memory's own.
func TestTwinIsCopied(t *testing.T) {
	for name, most := range map[string]int{"kept": 4096, "no room": 1} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.MaxKept = most
			m, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			story := proxied()
			for i := range story {
				story[i].judge(m, i, 0)
			}
			arrived := &story[2]
			if arrived.Harm != reset.LostData || len(arrived.CausedBy) != 1 || arrived.CausedBy[0] != idOf(0) {
				t.Fatalf("%s, caused by %v", arrived.Harm, arrived.CausedBy)
			}
			for i := range story {
				clear(story[i].CausedBy)
			}
			m.Drain(func(c *attribute.Case) {
				if c.Reset.ID != idOf(0) && (len(c.Reset.CausedBy) != 1 || c.Reset.CausedBy[0] != idOf(0)) {
					t.Errorf("record %v is caused by %v", c.Reset.ID, c.Reset.CausedBy)
				}
			})
		})
	}
}
