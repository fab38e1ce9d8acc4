package explain

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Around is what the journal holds besides the reset itself. All of it may be
// empty.
type Around struct {
	Revisions []reset.Reset // of the same reset, by number, the one explained among them
	Linked    []reset.Reset // that caused_by, related and twin name, by time
	Same      []reset.Reset // further resets of the same connection, by time
	SameCount uint64        // how many there were, kept or not
	Watch     Watch
}

// nearby is how far before and behind a reset its surroundings are read; behind
// it, the coverage line of its minute must still be in reach.
const nearby = reset.Time(2 * time.Minute)

// farthest bounds how far away a linked record is looked for.
const farthest = reset.Time(time.Hour)

// Window is the stretch of a journal that CollectAround wants to read.
func Window(r *reset.Reset) (since, until reset.Time) {
	since, until = r.Time-nearby, r.Time+nearby
	for _, id := range links(r) {
		at := reset.Time(id.UnixMilli()) * reset.Time(time.Millisecond)
		if distance(at, r.Time) <= uint64(farthest) {
			since = min(since, at)
			until = max(until, at+reset.Time(time.Millisecond))
		}
	}
	return max(since, 0), until
}

// maxLinks bounds how many linked records are looked up.
const maxLinks = 16

// links are the ids that the record names, without itself.
func links(r *reset.Reset) []reset.ID {
	var list []reset.ID
	for _, id := range slices.Concat(r.CausedBy, []reset.ID{r.Twin}, r.Related) {
		if !id.IsZero() && id != r.ID && !slices.Contains(list, id) && len(list) < maxLinks {
			list = append(list, id)
		}
	}
	return list
}

// CollectAround reads what surrounds a reset, and returns its highest revision.
func CollectAround(ctx context.Context, entries Entries, r *reset.Reset) (*reset.Reset, *Around, error) {
	around := &Around{}
	ids := links(r)
	linked, same := keeper{around: r.Time}, keeper{around: r.Time}
	connection := Target{A: sideOf(r.Src), B: sideOf(r.Dst)}
	for {
		entry, err := entries.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r, nil, err
		}
		switch {
		case entry.Coverage != nil:
			around.Watch.cover(entry.Coverage)
		case entry.Control != nil:
			around.Watch.control(entry.Control)
		case entry.Reset == nil:
		case entry.Reset.ID == r.ID:
			around.revision(entry.Reset)
		case slices.Contains(ids, entry.Reset.ID):
			linked.add(entry.Reset)
		case entry.Reset.Netns.ID == r.Netns.ID && connection.Fits(entry.Reset):
			same.add(entry.Reset)
		}
	}
	around.Linked, around.Same, around.SameCount = linked.sorted(), same.sorted(), same.matched
	for i := range around.Revisions {
		if around.Revisions[i].Revision > r.Revision {
			r = &around.Revisions[i]
		}
	}
	return r, around, nil
}

// twin is the record of the same packet at its other end, if that is at hand.
func (a *Around) twin(r *reset.Reset) *reset.Reset {
	for i := range a.Linked {
		if !r.Twin.IsZero() && a.Linked[i].ID == r.Twin {
			return &a.Linked[i]
		}
	}
	return nil
}

// revision keeps the line of a revision; the same one twice is one.
func (a *Around) revision(r *reset.Reset) {
	at, found := slices.BinarySearchFunc(a.Revisions, r.Revision, func(have reset.Reset, want uint32) int {
		return int(int64(have.Revision) - int64(want))
	})
	if !found && len(a.Revisions) < maxKept {
		a.Revisions = slices.Insert(a.Revisions, at, *r)
	}
}

func sideOf(e reset.Endpoint) Side { return Side{Addr: e.Addr().Unmap().WithZone(""), Port: e.Port()} }
