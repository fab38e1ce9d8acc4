// Package listener says whether a port is still served after a listening socket
// on it was closed: with SO_REUSEPORT, or after a reload, another one goes on.
package listener

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/enrich/lookup"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// A process that ends closes its sockets one by one: what still listens a while
// after the first is somebody else's.
const (
	settle   = 500 * time.Millisecond
	keep     = 5 * time.Second
	askLimit = 2 * time.Second
)

// Namespaces knows namespaces by their inode numbers.
type Namespaces interface {
	Get(id uint64) (netns.Namespace, bool)
}

// place is a port of a namespace.
type place struct {
	netns uint64
	port  uint16
}

// Finder looks for other listeners. Its methods may be called by several
// goroutines.
type Finder struct {
	namespaces Namespaces
	settle     time.Duration
	table      *lookup.Table[place, bool]
}

// New returns a finder that knows nothing until Run runs.
func New(namespaces Namespaces) (*Finder, error) {
	f := &Finder{namespaces: namespaces, settle: settle}
	var err error
	if f.table, err = lookup.New(lookup.Config{Entries: 256, Queue: 64, Workers: 4, Timeout: askLimit}, f.ask); err != nil {
		return nil, fmt.Errorf("listeners: %w", err)
	}
	return f, nil
}

// Run looks up until ctx ends.
func (f *Finder) Run(ctx context.Context) { f.table.Run(ctx) }

// Counts returns the account so far.
func (f *Finder) Counts() lookup.Counts { return f.table.Counts() }

// Enrich adds to the reset of a connection whose listener was closed whether
// another one serves the port, as far as it is known by now. It never waits.
func (f *Finder) Enrich(r *reset.Reset, _ *reset.Context) {
	if r.Cause != reset.ListenerClosed || r.Direction != reset.Out || r.Netns.ID == 0 {
		return
	}
	serves, ok := f.table.Get(place{r.Netns.ID, r.Src.Port()})
	if !ok {
		return
	}
	r.Evidence = append(slices.Clip(r.Evidence), attribute.PortListener(r.Src.Port(), serves))
}

// ask is asked by the table.
func (f *Finder) ask(ctx context.Context, p place) lookup.Answer[bool] {
	unknown := lookup.Answer[bool]{Keep: keep}
	select {
	case <-ctx.Done():
		return unknown
	case <-time.After(f.settle):
	}
	n, ok := f.namespaces.Get(p.netns)
	if !ok {
		return unknown
	}
	serves, read := false, false
	err := n.Do(func() error {
		for _, name := range []string{"tcp", "tcp6"} {
			found, err := listens("/proc/thread-self/net/"+name, p.port)
			if errors.Is(err, fs.ErrNotExist) { // without IPv6
				continue
			}
			if err != nil {
				return err
			}
			serves, read = serves || found, true
		}
		return nil
	})
	if err != nil || !read {
		return unknown
	}
	return lookup.Answer[bool]{Value: serves, Found: true, Keep: keep}
}

// listens reads a file of the kernel's sockets.
func listens(path string, port uint16) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	return findListener(file, port)
}
