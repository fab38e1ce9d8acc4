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
// again. Where there are rules that reject, it is read anew before that: only
// the number of its state is asked for, and the rest if that has changed.
const (
	keepRules   = 10 * time.Second
	staleFor    = 30 * time.Second
	readLimit   = 10 * time.Second
	refreshUsed = 5 * time.Second // where rules reject
	refreshRest = time.Minute     // elsewhere, and where changes have no number
	refreshMiss = time.Second     // at the earliest, where a reject fits no rule: it may be newer than what was read
	refreshTick = time.Second / 2
)

// Namespaces knows the network namespaces of the host.
type Namespaces interface {
	Get(id uint64) (netns.Namespace, bool)
	List() []netns.Namespace
}

// Finder names the rules that rejected. Its methods may be called by several
// goroutines.
type Finder struct {
	namespaces Namespaces
	nftables   *presence
	table      *lookup.Table[uint64, *ruleset]

	reading sync.Mutex          // one namespace is read at a time
	last    map[uint64]*ruleset // guarded by reading

	named, several, none, spared atomic.Uint64

	wake chan struct{} // something was missed

	mu     sync.Mutex
	second int64           // guarded by mu, as the next
	left   int             // rules that may be looked at in this second
	missed map[uint64]bool // namespaces of rejects that fit no rule
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

// maxRulesets bounds what is kept of namespaces: of each, only what leads to a
// reject.
const maxRulesets = 1024

// New returns a finder that knows nothing until Run runs.
func New(namespaces Namespaces) (*Finder, error) {
	f := &Finder{
		namespaces: namespaces, nftables: newPresence(""), last: make(map[uint64]*ruleset),
		missed: make(map[uint64]bool), wake: make(chan struct{}, 1),
	}
	bounds := lookup.Config{Entries: maxRulesets, Queue: 256, Workers: 1, Timeout: readLimit, Stale: staleFor}
	var err error
	if f.table, err = lookup.New(bounds, f.read); err != nil {
		return nil, fmt.Errorf("firewall rules: %w", err)
	}
	return f, nil
}

// Run reads rulesets until ctx ends: those that are asked for, and all that
// there are, so that the first reset of a rule can be named like the others.
func (f *Finder) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { f.table.Run(ctx) })
	running.Go(func() { f.refresh(ctx) })
	running.Wait()
}

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

// Wants reports whether a rule may be named yet.
func (f *Finder) Wants(r *reset.Reset) bool {
	return r.Sender == reset.LocalFirewall && r.Direction == reset.Out && r.Rule == "" && r.Netns.ID != 0
}

// Enrich names the rule of a RST that the firewall of its namespace sent. It
// never waits: while the rules are being read, it names none.
func (f *Finder) Enrich(r *reset.Reset, _ *reset.Context) {
	if !f.Wants(r) {
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
		f.miss(r.Netns.ID)
		return
	case len(found) == 1:
		f.named.Add(1)
	default:
		f.several.Add(1)
	}
	r.Rule = describe(found)
}

// read reads the rules of one namespace.
func (f *Finder) read(ctx context.Context, id uint64) lookup.Answer[*ruleset] {
	f.reading.Lock()
	defer f.reading.Unlock()
	n, ok := f.namespaces.Get(id)
	if !ok {
		delete(f.last, id)
		return lookup.Answer[*ruleset]{Keep: keepRules}
	}
	var rules *ruleset
	err := n.Do(func() (err error) {
		nftables := f.nftables.here()
		if old := f.last[id]; old != nil && !old.legacy && nftables {
			if now, err := generation(ctx); err == nil && now == old.generation {
				same := *old
				same.local, err = addresses()
				rules = &same
				return err
			}
		}
		rules, err = read(ctx, nftables)
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
