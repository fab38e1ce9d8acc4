// Package address says since when a host has had an address: one that came to a
// device which had another for longer was somebody else's before, as a virtual
// address is that fails over.
package address

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/enrich/lookup"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	keep     = 5 * time.Second
	askLimit = 2 * time.Second
	// begin is how long after its start the watch has surely begun.
	begin = 10 * time.Second
	// apart is by how much another address of the device must be older: those of a
	// host or a container that starts come one after the other.
	apart = 10 * time.Second
)

// Namespaces knows namespaces by their inode numbers.
type Namespaces interface {
	Get(id uint64) (netns.Namespace, bool)
}

// place is an address in a namespace.
type place struct {
	netns uint64
	addr  netip.Addr
}

// Finder looks at addresses. Its methods may be called by several goroutines.
type Finder struct {
	namespaces Namespaces
	since      int64 // monotonic, nanoseconds: what came after it was watched from its begin
	apart      time.Duration
	table      *lookup.Table[place, int64]
}

// New returns a finder that knows nothing until Run runs.
func New(namespaces Namespaces) (*Finder, error) {
	f := &Finder{namespaces: namespaces, since: clock.Now().Mono + int64(begin), apart: apart}
	var err error
	if f.table, err = lookup.New(lookup.Config{Entries: 256, Queue: 64, Workers: 1, Timeout: askLimit}, f.ask); err != nil {
		return nil, fmt.Errorf("addresses: %w", err)
	}
	return f, nil
}

// Run looks up until ctx ends.
func (f *Finder) Run(ctx context.Context) { f.table.Run(ctx) }

// Counts returns the account so far.
func (f *Finder) Counts() lookup.Counts { return f.table.Counts() }

// Came is how long before the RST its source's address had come to a device of
// this host that had another for longer, if all of that was watched, as far as
// it is known by now. It never waits.
func (f *Finder) Came(r *reset.Reset) (agoNS int64, ok bool) {
	if r.Netns.ID == 0 || !r.MonoNS.OK || r.Src.IsZero() {
		return 0, false
	}
	came, ok := f.table.Get(place{r.Netns.ID, r.Src.Addr()})
	if !ok || came > r.MonoNS.V {
		return 0, false
	}
	return r.MonoNS.V - came, true
}

// ask is asked by the table.
func (f *Finder) ask(_ context.Context, p place) lookup.Answer[int64] {
	unknown := lookup.Answer[int64]{Keep: keep}
	n, ok := f.namespaces.Get(p.netns)
	if !ok {
		return unknown
	}
	var all []held
	now := int64(0)
	err := n.Do(func() error {
		answer, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC)
		if err != nil {
			return fmt.Errorf("asking for addresses: %w", err)
		}
		now = clock.Now().Mono
		all, err = parse(answer)
		return err
	})
	if err != nil {
		return unknown
	}
	came, ok := find(all, p.addr, now, f.apart)
	if !ok || came < f.since {
		return unknown
	}
	return lookup.Answer[int64]{Value: came, Found: true, Keep: keep}
}
