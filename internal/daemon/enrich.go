package daemon

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rstwatch/rstwatch/internal/claim"
	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/enrich/address"
	"github.com/rstwatch/rstwatch/internal/enrich/container"
	"github.com/rstwatch/rstwatch/internal/enrich/listener"
	"github.com/rstwatch/rstwatch/internal/enrich/lookup"
	"github.com/rstwatch/rstwatch/internal/enrich/owner"
	"github.com/rstwatch/rstwatch/internal/enrich/rule"
	"github.com/rstwatch/rstwatch/internal/enrich/translation"
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// lookupLimit is how long one question to a container runtime may take.
const lookupLimit = 2 * time.Second

// enrichment is everything that adds to records, and what runs in the
// background for it. Parts that are not wanted are nil.
type enrichment struct {
	claims     *claims
	owners     *owner.Finder
	listeners  *listener.Finder
	containers *container.Reader
	rules      *rule.Finder
	nat        *translation.Finder
	addresses  *address.Finder
}

// newEnrichment makes what the settings ask for; nothing is looked up before
// run.
func newEnrichment(cfg *config.Config, namespaces rule.Namespaces) (*enrichment, error) {
	e := &enrichment{}
	var err error
	if cfg.Enrich.Claims {
		e.claims = &claims{keep: cfg.Capture.KeepPayload}
	}
	if cfg.Enrich.Owners {
		if e.owners, err = owner.New(owner.DefaultConfig()); err != nil {
			return nil, fmt.Errorf("preparing look-ups: %w", err)
		}
		if e.listeners, err = listener.New(namespaces); err != nil {
			return nil, fmt.Errorf("preparing look-ups: %w", err)
		}
		if e.addresses, err = address.New(namespaces); err != nil {
			return nil, fmt.Errorf("preparing look-ups: %w", err)
		}
	}
	if cfg.Enrich.Containers {
		c := container.Config{
			Sockets: cfg.Enrich.RuntimeSockets, Ask: len(cfg.Enrich.RuntimeSockets) > 0, Timeout: lookupLimit,
		}
		if e.containers, err = container.New(c); err != nil {
			return nil, fmt.Errorf("preparing look-ups: %w", err)
		}
	}
	if cfg.Enrich.Rules {
		if e.rules, err = rule.New(namespaces); err != nil {
			return nil, fmt.Errorf("preparing look-ups: %w", err)
		}
	}
	if cfg.Enrich.Translations {
		if e.nat, err = translation.New(namespaces); err != nil {
			return nil, fmt.Errorf("preparing look-ups: %w", err)
		}
	}
	return e, nil
}

// early are the parts that say what the verdict is made of.
func (e *enrichment) early() []Enricher {
	if e.claims == nil {
		return nil
	}
	return []Enricher{e.claims}
}

// enrichers are the other parts in their order: the container may be that of an
// owner that was just found.
func (e *enrichment) enrichers() []Enricher {
	var list []Enricher
	if e.owners != nil {
		list = append(list, owners{e.owners}, e.listeners)
	}
	if e.containers != nil {
		list = append(list, e.containers)
	}
	if e.rules != nil {
		list = append(list, e.rules)
	}
	if e.nat != nil {
		list = append(list, e.nat)
	}
	return list
}

// run looks up until ctx ends.
func (e *enrichment) run(ctx context.Context) {
	var running sync.WaitGroup
	if e.owners != nil {
		running.Go(func() { e.owners.Run(ctx) })
		running.Go(func() { e.listeners.Run(ctx) })
		running.Go(func() { e.addresses.Run(ctx) })
	}
	if e.containers != nil {
		running.Go(func() { e.containers.Run(ctx) })
	}
	if e.rules != nil {
		running.Go(func() { e.rules.Run(ctx) })
	}
	if e.nat != nil {
		running.Go(func() { e.nat.Run(ctx) })
	}
	running.Wait()
}

// Claims returns what reads the claims of resets, for captures that need
// nothing else: files. It leaves records alone where the settings say so.
func Claims(cfg *config.Config) Enricher {
	if !cfg.Enrich.Claims {
		return nothing{}
	}
	return &claims{keep: cfg.Capture.KeepPayload}
}

// nothing adds nothing.
type nothing struct{}

func (nothing) Enrich(*reset.Reset, *reset.Context) {}

// claims reads the payloads of resets, and takes them out of the record where
// they are not to be kept.
type claims struct {
	keep   bool
	counts [claim.NumKinds]atomic.Uint64
}

// Enrich sets the claim at the first revision, the only one at which a payload
// that is not kept is there.
func (c *claims) Enrich(r *reset.Reset, _ *reset.Context) {
	p := &r.Packet
	if len(p.Raw) == 0 || r.Revision > 1 {
		return
	}
	headers := packet.HeaderLength(p.Raw)
	length := int(p.Length.V) - headers
	if length <= 0 && headers == len(p.Raw) {
		return
	}
	said := claim.Decode(packet.PayloadOf(p.Raw), max(length, 0))
	c.counts[said.Kind].Add(1)
	r.Claim = said.Text
	if !c.keep {
		p.Raw, p.Payload = p.Raw[:headers:headers], nil
		p.Captured = reset.Some(uint32(headers))
	}
}

// kinds are the payloads so far, by kind.
func (c *claims) kinds() map[string]uint64 {
	kinds := make(map[string]uint64)
	for k := range claim.Kind(claim.NumKinds) {
		if n := c.counts[k].Load(); n > 0 && k != claim.None {
			kinds[k.String()] = n
		}
	}
	return kinds
}

// owners names the holder of the socket where the kernel does not.
type owners struct{ finder *owner.Finder }

// Enrich sets the process by the socket's number, unless it is known.
func (o owners) Enrich(r *reset.Reset, c *reset.Context) {
	if c == nil || c.Inode == 0 || (r.Process != nil && r.Process.PID.OK) {
		return
	}
	s := owner.Socket{Inode: c.Inode, Cgroup: c.Cgroup, Netns: r.Netns.ID, Port: r.Src.Port()}
	if r.Direction == reset.In {
		s.Port = r.Dst.Port()
	}
	if p := o.finder.Owner(s); p != nil {
		keepDeed(p, r.Process)
		r.Process = p
	}
}

// keepDeed gives the owner that was found what the kernel said of it while it
// did not know which process that was: who destroyed its socket, and how it ended.
func keepDeed(found, known *reset.Process) {
	if known == nil {
		return
	}
	if known.By != nil {
		by := *known.By
		found.By = &by
	}
	if known.Exit != nil {
		exit := *known.Exit
		found.Exit = &exit
	}
}

// EnrichStatus is how the look-ups fare.
type EnrichStatus struct {
	Claims   map[string]uint64       `json:"claims,omitempty"` // payloads, by kind
	Lookups  map[string]LookupStatus `json:"lookups,omitempty"`
	Files    uint64                  `json:"owner_files,omitempty"`    // open files that were read for owners
	Searches uint64                  `json:"owner_searches,omitempty"` // through all processes
	Stopped  uint64                  `json:"owner_stopped,omitempty"`  // searches for which the time did not suffice
	Rejects  RejectStatus            `json:"rejects,omitzero"`
}

// RejectStatus counts the firewall's resets by what is known of the rule, each
// time that one was looked at while the rules were known.
type RejectStatus struct {
	Named   uint64 `json:"named"`
	Several uint64 `json:"several"` // it may have been more than one
	None    uint64 `json:"none"`
	Spared  uint64 `json:"spared,omitempty"` // not looked at: too many in one second
}

// LookupStatus is what became of the questions of one kind.
type LookupStatus struct {
	Asked   uint64 `json:"asked"`
	Found   uint64 `json:"found"`
	Crowded uint64 `json:"crowded,omitempty"` // not asked: too many waited
}

func statusOf(c lookup.Counts) LookupStatus {
	return LookupStatus{Asked: c.Asked, Found: c.Found, Crowded: c.Crowded}
}

func (e *enrichment) status() *EnrichStatus {
	s := &EnrichStatus{Lookups: make(map[string]LookupStatus)}
	if e.claims != nil {
		s.Claims = e.claims.kinds()
	}
	if e.owners != nil {
		c := e.owners.Counts()
		s.Lookups["owner"] = statusOf(c.Counts)
		s.Files, s.Searches, s.Stopped = c.Files, c.Searches, c.Stopped
		s.Lookups["listener"] = statusOf(e.listeners.Counts())
		s.Lookups["address"] = statusOf(e.addresses.Counts())
	}
	if e.containers != nil {
		c := e.containers.Counts()
		s.Lookups["cgroup"], s.Lookups["process"] = statusOf(c.Cgroups), statusOf(c.Processes)
		s.Lookups["container"] = statusOf(c.Names)
	}
	if e.rules != nil {
		c := e.rules.Counts()
		s.Lookups["ruleset"] = statusOf(c.Counts)
		s.Rejects = RejectStatus{Named: c.Named, Several: c.Several, None: c.None, Spared: c.Spared}
	}
	if e.nat != nil {
		s.Lookups["translation"] = statusOf(e.nat.Counts())
	}
	return s
}
