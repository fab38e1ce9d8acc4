package daemon

import (
	"net/netip"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestOtherEnd: where the source is, and when nothing may be said of it.
func TestOtherEnd(t *testing.T) {
	here, there := netns.Namespace{ID: 1}, netns.Namespace{ID: 2, Cookie: 20, Name: "db"}
	src, dst := reset.EndpointFrom(netip.MustParseAddr("10.0.0.1"), 5432), reset.EndpointFrom(netip.MustParseAddr("10.0.0.2"), 40000)
	now, counts, asked := time.Unix(1000, 0), SensorCounts{}, 0
	capture := &Capture{
		Counts: func() SensorCounts { return counts },
		Knows: func(n reset.Netns, local, remote reset.Endpoint) bool {
			asked++
			return n.ID == there.ID && local == src && remote == dst
		},
	}
	list := []netns.Namespace{here, there}
	o := &otherEnd{capture: capture, namespaces: func() []netns.Namespace { return list }, now: func() time.Time { return now }}
	want := reset.Netns{ID: 2, Cookie: 20, Name: "db"}
	forth, back := &reset.Reset{Src: src, Dst: dst}, &reset.Reset{Src: dst, Dst: src}

	if got, ok := o.find(forth); !ok || got != want {
		t.Errorf("found %v, %v, want %v", got, ok, want)
	}
	if got, ok := o.find(back); ok {
		t.Errorf("found %v for a source that is not here", got)
	}
	counts.Lost++
	if _, ok := o.find(forth); ok {
		t.Error("said, though sightings were lost just now")
	}
	now = now.Add(otherEndLoss)
	if _, ok := o.find(forth); !ok {
		t.Error("a loss is never forgiven")
	}
	list = make([]netns.Namespace, otherEndLookups/2+1)
	now, asked = now.Add(time.Second), 0
	for range 3 {
		o.find(back)
	}
	if asked > otherEndLookups {
		t.Errorf("%d look-ups in a second, want at most %d", asked, otherEndLookups)
	}
	if newOtherEnd(&Capture{}, nil) != nil {
		t.Error("a sensor that cannot tell is asked")
	}
}
