package recall

import (
	"net/netip"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	quietSlots  = 4096
	quietFor    = int64(time.Hour)
	quietAtAll  = 1000 // ms: less is no silence
	quietWithin = 50   // a fiftieth: two in a hundred
)

// quietTable remembers how long connections had been silent before a RST came:
// what forgets silent connections does so after the same time for all of them.
type quietTable struct {
	slots []silence
	next  int
}

type silence struct {
	toward reset.Hash
	ms     int64
	mono   int64
}

// silenceOf is the silence before a RST that was received, and toward whom.
func silenceOf(r *reset.Reset) (s silence, ok bool) {
	if r.Direction != reset.In || r.Connection == nil || r.Connection.QuietBeforeMS.V < quietAtAll {
		return s, false
	}
	bits := 24
	if r.Src.Addr().Is6() {
		bits = 64
	}
	net, err := r.Src.Addr().Prefix(bits)
	if err != nil {
		return s, false
	}
	// The service's port is nearly always the lower one.
	service := reset.Endpoint{AddrPort: netip.AddrPortFrom(net.Addr(), min(r.Src.Port(), r.Dst.Port()))}
	return silence{toward: reset.FlowHash(service, service), ms: r.Connection.QuietBeforeMS.V, mono: r.MonoNS.V}, true
}

func (t *quietTable) note(r *reset.Reset) {
	s, ok := silenceOf(r)
	if !ok {
		return
	}
	if t.slots == nil {
		t.slots = make([]silence, quietSlots)
	}
	t.slots[t.next] = s
	t.next = (t.next + 1) % quietSlots
}

// like says of how many further resets the silence is known, toward the same
// network and port, and how many of these had been silent for as long.
func (t *quietTable) like(r *reset.Reset) (alike, of int) {
	s, ok := silenceOf(r)
	if !ok {
		return 0, 0
	}
	for i := range t.slots {
		other := &t.slots[i]
		if other.toward != s.toward || other.mono == s.mono || s.mono-other.mono > quietFor {
			continue
		}
		of++
		if difference := other.ms - s.ms; difference <= s.ms/quietWithin && -difference <= s.ms/quietWithin {
			alike++
		}
	}
	return alike, of
}
