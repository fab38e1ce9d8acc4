// Package translation says how conntrack translates the connection of a RST:
// under which addresses it is known before and behind this host.
package translation

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rstwatch/rstwatch/internal/enrich/lookup"
	"github.com/rstwatch/rstwatch/internal/netlink/conntrack"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// How long answers are believed. After its RST, conntrack keeps a connection
// for ten seconds (nf_conntrack_tcp_timeout_close).
const (
	keepFound   = 10 * time.Second
	keepUnknown = 2 * time.Second
	askLimit    = 2 * time.Second
	idleFor     = time.Second // a namespace that tracks nothing is not asked
)

// maxOpen bounds the namespaces in which a socket is kept.
const maxOpen = 256

// Namespaces knows namespaces by their inode numbers.
type Namespaces interface {
	Get(id uint64) (netns.Namespace, bool)
}

// flow is a packet's addresses in a namespace.
type flow struct {
	netns uint64
	tuple reset.Tuple
}

// Finder knows translations. Its methods may be called by several goroutines.
type Finder struct {
	namespaces Namespaces
	answers    func() bool // whether the kernel can answer without loading a module
	table      *lookup.Table[flow, *reset.NAT]
	open       map[uint64]*socket // by the table's one worker alone
}

// socket is one in a namespace, or that there is nothing to ask for.
type socket struct {
	conn  *conntrack.Conn // nil: nothing is tracked there
	until time.Time       // then it is looked at again
}

// New returns a finder that knows nothing until Run runs.
func New(namespaces Namespaces) (*Finder, error) {
	f := &Finder{namespaces: namespaces, answers: sync.OnceValue(builtIn), open: make(map[uint64]*socket)}
	bounds := lookup.Config{Entries: 4096, Queue: 1024, Workers: 1, Timeout: askLimit}
	var err error
	if f.table, err = lookup.New(bounds, f.ask); err != nil {
		return nil, fmt.Errorf("translations: %w", err)
	}
	return f, nil
}

// Run looks up until ctx ends.
func (f *Finder) Run(ctx context.Context) {
	f.table.Run(ctx)
	f.closeAll()
}

// Counts returns the account so far.
func (f *Finder) Counts() lookup.Counts { return f.table.Counts() }

// Enrich sets how the connection is translated, as far as it is known by now.
// It never waits. The refusal of a SYN is left out: a scan makes millions.
func (f *Finder) Enrich(r *reset.Reset, _ *reset.Context) {
	if r.NAT != nil || r.Netns.ID == 0 || r.Src.IsZero() || r.Dst.IsZero() || r.Direction == reset.Transit {
		return
	}
	if t := r.Trigger; t != nil && r.Direction == reset.Out && t.Flags&(reset.SYN|reset.ACK) == reset.SYN {
		return
	}
	r.NAT = f.Of(r)
}

// Of is what conntrack has of the RST's addresses, or of those turned round, as
// far as that is known by now; nil: nothing that is translated. It never waits.
func (f *Finder) Of(r *reset.Reset) *reset.NAT {
	if found, ok := f.table.Get(flow{r.Netns.ID, reset.Tuple{Src: r.Src, Dst: r.Dst}}); ok {
		return found
	}
	return nil
}

// ask is asked by the table. A packet that was already translated when it was
// seen belongs to no connection as it is; turned round it is what the answer to
// it would be.
func (f *Finder) ask(_ context.Context, q flow) lookup.Answer[*reset.NAT] {
	unknown := lookup.Answer[*reset.NAT]{Keep: keepUnknown}
	s := f.socketIn(q.netns)
	if s == nil || s.conn == nil {
		return unknown
	}
	for _, tuple := range []reset.Tuple{q.tuple, {Src: q.tuple.Dst, Dst: q.tuple.Src}} {
		found, err := s.conn.Get(tuple)
		switch {
		case errors.Is(err, conntrack.ErrUnknown):
			continue
		case err != nil:
			f.drop(q.netns)
			return unknown
		case !found.Translated():
			return unknown
		}
		return lookup.Answer[*reset.NAT]{Value: &reset.NAT{Original: found.Original, Reply: found.Reply}, Found: true, Keep: keepFound}
	}
	return unknown
}

// socketIn returns the socket of a namespace; its conn is nil where nothing is
// tracked.
func (f *Finder) socketIn(id uint64) *socket {
	now := time.Now()
	s := f.open[id]
	if s != nil && (s.conn != nil || now.Before(s.until)) {
		return s
	}
	if len(f.open) >= maxOpen {
		f.closeAll()
	}
	s = &socket{until: now.Add(idleFor)}
	f.open[id] = s
	n, ok := f.namespaces.Get(id)
	if !ok || !f.canAnswer() {
		return s
	}
	_ = n.Do(func() (err error) { // a namespace that is gone is like one that tracks nothing
		if tracked() {
			s.conn, err = conntrack.Open()
		}
		return err
	})
	return s
}

func (f *Finder) drop(id uint64) {
	if s := f.open[id]; s != nil && s.conn != nil {
		s.conn.Close()
	}
	delete(f.open, id)
}

func (f *Finder) closeAll() {
	for id := range f.open {
		f.drop(id)
	}
}

// tracked tells whether conntrack has connections in the namespace of the
// calling thread.
func tracked() bool {
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return err == nil && n > 0
}

// canAnswer tells whether the part of the kernel that answers is there: a
// question would load it, and a watcher changes nothing.
func (f *Finder) canAnswer() bool {
	if _, err := os.Stat("/sys/module/nf_conntrack_netlink"); err == nil {
		return true
	}
	return f.answers()
}

// builtIn tells whether it is part of the kernel itself: then it has no folder
// among the modules, but its symbols.
func builtIn() bool {
	file, err := os.Open("/proc/kallsyms")
	if err != nil {
		return false
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() { // address, kind, name, and the module if it is of one
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && strings.HasPrefix(fields[2], "ctnetlink_") {
			return true
		}
	}
	return false
}
