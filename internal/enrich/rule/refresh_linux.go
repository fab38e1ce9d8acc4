package rule

import (
	"context"
	"time"
)

// refresh reads the rules of every namespace, new ones within a second, and
// again when it is time, or when a reject fits none of them.
func (f *Finder) refresh(ctx context.Context) { f.refreshFrom(ctx, make(map[uint64]time.Time)) }

// refreshFrom goes on where it is known when each is due.
func (f *Finder) refreshFrom(ctx context.Context, due map[uint64]time.Time) {
	read := make(map[uint64]time.Time)
	tick := time.NewTicker(refreshTick)
	defer tick.Stop()
	for {
		there := f.namespaces.List()
		for _, n := range there[:min(len(there), maxRulesets)] {
			if ctx.Err() != nil {
				return
			}
			now := time.Now()
			missed := now.Sub(read[n.ID]) >= refreshMiss && f.hasMissed(n.ID)
			if now.Before(due[n.ID]) && !missed {
				continue
			}
			f.forgive(n.ID)
			due[n.ID], read[n.ID] = now.Add(f.renew(ctx, n.ID, missed)), now
		}
		if len(due) > 2*maxRulesets {
			clear(due) // namespaces that are gone
			clear(read)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-f.wake:
		}
	}
}

// renew reads one and returns when it is to be read again. What nobody waits for
// serves the first who asks, and is read again for the others, where that is long.
func (f *Finder) renew(ctx context.Context, id uint64, awaited bool) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	answer := f.read(ctx, id)
	if !answer.Found || answer.Value.legacy || len(answer.Value.bases) == 0 {
		if !awaited {
			answer.Keep = 0
		}
		f.table.Set(id, answer)
		return refreshRest
	}
	f.table.Set(id, answer)
	return refreshUsed
}

// miss notes that a reject of a namespace fits none of its rules as they are
// known.
func (f *Finder) miss(id uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.missed[id] {
		return
	}
	if len(f.missed) >= maxRulesets {
		clear(f.missed)
	}
	f.missed[id] = true
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *Finder) hasMissed(id uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missed[id]
}

// forgive is for a namespace whose rules are being read: what is missed from now
// on is missed anew.
func (f *Finder) forgive(id uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.missed, id)
}
