package rule

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rstwatch/rstwatch/internal/enrich/lookup"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// How long a ruleset is believed, and how long it may serve while it is read
// again: between the two, only the number of its state is asked for.
const (
	keepRules = 2 * time.Second
	staleFor  = 30 * time.Second
	readLimit = 10 * time.Second
)

// Namespaces knows namespaces by their inode numbers.
type Namespaces interface {
	Get(id uint64) (netns.Namespace, bool)
}

// Finder names the rules that rejected. Its methods may be called by several
// goroutines.
type Finder struct {
	namespaces Namespaces
	table      *lookup.Table[uint64, *ruleset]
	last       map[uint64]*ruleset // by the table's one worker alone

	named, several, none, spared atomic.Uint64

	mu     sync.Mutex
	second int64 // guarded by mu, as the next
	left   int   // rules that may be looked at in this second
}

// perSecond bounds the rules that are looked at: about 60 ms of a processor,
// and in a flood with few rules enough for tens of thousands of resets.
const perSecond = 500_000

// Counts are the rulesets that were asked for, and what was said of resets.
type Counts struct {
	lookup.Counts
	Named   uint64 // by one rule
	Several uint64 // by more than one that it may have been
	None    uint64 // by none: there was no such rule, or not all could be read
	Spared  uint64 // not looked at: too many in one second
}

// maxRulesets bounds what is kept of namespaces.
const maxRulesets = 64

// New returns a finder that knows nothing until Run runs.
func New(namespaces Namespaces) (*Finder, error) {
	f := &Finder{namespaces: namespaces, last: make(map[uint64]*ruleset)}
	bounds := lookup.Config{Entries: maxRulesets, Queue: 256, Workers: 1, Timeout: readLimit, Stale: staleFor}
	var err error
	if f.table, err = lookup.New(bounds, f.read); err != nil {
		return nil, fmt.Errorf("firewall rules: %w", err)
	}
	return f, nil
}

// Run reads rulesets until ctx ends.
func (f *Finder) Run(ctx context.Context) { f.table.Run(ctx) }

// Counts returns the account so far.
func (f *Finder) Counts() Counts {
	return Counts{Counts: f.table.Counts(), Named: f.named.Load(), Several: f.several.Load(), None: f.none.Load(), Spared: f.spared.Load()}
}

// may tells whether there is work left in this second.
func (f *Finder) may(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if second := now.Unix(); second != f.second {
		f.second, f.left = second, perSecond
	}
	return f.left > 0
}

func (f *Finder) spend(rules int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left -= rules
}

// Enrich names the rule of a RST that the firewall of its namespace sent. It
// never waits: while the rules are being read, it names none.
func (f *Finder) Enrich(r *reset.Reset, _ *reset.Context) {
	if r.Sender != reset.LocalFirewall || r.Direction != reset.Out || r.Rule != "" || r.Netns.ID == 0 {
		return
	}
	rules, ok := f.table.Get(r.Netns.ID)
	if !ok {
		return
	}
	if !f.may(time.Now()) {
		f.spared.Add(1)
		return
	}
	found, looked := rules.find(Packet{Src: r.Dst.AddrPort, Dst: r.Src.AddrPort, Trigger: r.Trigger, Interface: r.Interface.Out})
	f.spend(looked)
	switch {
	case looked >= maxRules || rules.partial || len(found) == 0:
		f.none.Add(1)
		return
	case len(found) == 1:
		f.named.Add(1)
	default:
		f.several.Add(1)
	}
	r.Rule = describe(found)
}

// read is asked by the table, one namespace at a time.
func (f *Finder) read(ctx context.Context, id uint64) lookup.Answer[*ruleset] {
	n, ok := f.namespaces.Get(id)
	if !ok {
		delete(f.last, id)
		return lookup.Answer[*ruleset]{Keep: keepRules}
	}
	var rules *ruleset
	err := n.Do(func() (err error) {
		if old := f.last[id]; old != nil && !old.legacy {
			if now, err := generation(ctx); err == nil && now == old.generation {
				same := *old
				same.local, err = addresses()
				rules = &same
				return err
			}
		}
		rules, err = read(ctx)
		return err
	})
	if err != nil {
		delete(f.last, id)
		return lookup.Answer[*ruleset]{Keep: keepRules}
	}
	if len(f.last) >= maxRulesets {
		clear(f.last)
	}
	f.last[id] = rules
	return lookup.Answer[*ruleset]{Value: rules, Found: true, Keep: keepRules}
}
