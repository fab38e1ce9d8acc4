package explain

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Entries is where records are read from, in their order: a journal, or a part
// of one. At the end Next returns io.EOF.
type Entries interface {
	Next(ctx context.Context) (reset.Entry, error)
}

// maxKept bounds how many resets of each kind are kept while a journal is read.
const maxKept = 20

// Search finds the resets of a target, in one pass and with bounded memory.
type Search struct {
	Target Target
	// Around is the time that somebody asked about: the nearest are kept. 0: the
	// newest are.
	Around reset.Time
	// From and Until bound what counts; 0 is no bound. Coverage lines are written
	// after what they cover, so it pays to read on for some minutes.
	From, Until reset.Time
}

// Found is what a search came to.
type Found struct {
	Resets  []reset.Reset // each once, with its highest revision, by time
	Matched uint64        // how many there were, kept or not
	// Near are resets between the same two addresses, on other ports.
	Near        []reset.Reset
	NearMatched uint64
	Watch       Watch
}

// Run reads entries until their end.
func (s *Search) Run(ctx context.Context, entries Entries) (*Found, error) {
	found := &Found{}
	hits, near := keeper{around: s.Around}, keeper{around: s.Around}
	for {
		entry, err := entries.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch {
		case entry.Coverage != nil:
			found.Watch.cover(entry.Coverage)
		case entry.Control != nil:
			found.Watch.control(entry.Control)
		case entry.Reset == nil || !s.within(entry.Reset.Time):
		case s.Target.Fits(entry.Reset):
			hits.add(entry.Reset)
		case s.Target.near(entry.Reset):
			near.add(entry.Reset)
		}
	}
	found.Resets, found.Matched = hits.sorted(), hits.matched
	found.Near, found.NearMatched = near.sorted(), near.matched
	return found, nil
}

func (s *Search) within(at reset.Time) bool {
	return at >= s.From && (s.Until == 0 || at < s.Until)
}

// Best is the reset to explain: the nearest to the time asked about, or the
// newest. Of several records of that packet it is the one that knows most.
func (f *Found) Best(around reset.Time) *reset.Reset {
	if len(f.Resets) == 0 {
		return nil
	}
	best := &f.Resets[len(f.Resets)-1]
	for i := range f.Resets {
		if r := &f.Resets[i]; around != 0 && distance(r.Time, around) < distance(best.Time, around) {
			best = r
		}
	}
	packet := packetOf(best)
	for i := range f.Resets {
		if r := &f.Resets[i]; packetOf(r) == packet && distance(r.Time, best.Time) < uint64(time.Second) && knows(r) > knows(best) {
			best = r
		}
	}
	return best
}

// knows is how much a record says of who and why. Of equals, the record of the
// end that sent has it at first hand.
func knows(r *reset.Reset) int {
	level := 8*int(r.Confidence.Sender) + 2*int(r.Confidence.Cause)
	if r.Sender > reset.SenderUnknown {
		level += 64
	}
	if r.Direction == reset.Out {
		level++
	}
	return level
}

// keeper keeps the resets that are nearest to a time, or the newest.
type keeper struct {
	around  reset.Time
	list    []reset.Reset
	matched uint64
}

func (k *keeper) add(r *reset.Reset) {
	for i := range k.list {
		if k.list[i].ID == r.ID {
			if r.Revision >= k.list[i].Revision {
				k.list[i] = *r
			}
			return
		}
	}
	if r.Revision <= 1 { // one that was let go may come again with a higher one
		k.matched++
	}
	k.list = append(k.list, *r)
	if len(k.list) > maxKept {
		worst := slices.MinFunc(k.list, func(a, b reset.Reset) int { return k.order(&a, &b) })
		k.list = slices.DeleteFunc(k.list, func(r reset.Reset) bool { return r.ID == worst.ID })
	}
}

// order puts what is worth less first.
func (k *keeper) order(a, b *reset.Reset) int {
	if k.around == 0 {
		return byTime(a, b)
	}
	if near, other := distance(a.Time, k.around), distance(b.Time, k.around); near != other {
		if near > other {
			return -1
		}
		return 1
	}
	return byTime(a, b)
}

func (k *keeper) sorted() []reset.Reset {
	slices.SortFunc(k.list, func(a, b reset.Reset) int { return byTime(&a, &b) })
	k.matched = max(k.matched, uint64(len(k.list)))
	return k.list
}

func byTime(a, b *reset.Reset) int {
	switch {
	case a.Time < b.Time:
		return -1
	case a.Time > b.Time:
		return 1
	}
	return slices.Compare(a.ID[:], b.ID[:])
}

func distance(a, b reset.Time) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}
