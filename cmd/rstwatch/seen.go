package main

import (
	"github.com/rstwatch/rstwatch/internal/present"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// maxSeen bounds the resets whose last revision is awaited: above what a daemon
// keeps at a time.
const maxSeen = 1 << 14

// seen remembers the verdicts of resets that were printed and are not final, so
// that a later revision is known as such.
type seen struct {
	verdicts map[reset.ID]present.Verdict
	order    []reset.ID // a ring of the ids, the oldest at next
	next     int
}

func newSeen(room int) seen {
	return seen{verdicts: make(map[reset.ID]present.Verdict), order: make([]reset.ID, room)}
}

// before is the verdict of the reset's revision that was printed last; known is
// false if none was.
func (s *seen) before(r *reset.Reset) (verdict present.Verdict, known bool) {
	if r.Revision <= 1 {
		return verdict, false
	}
	verdict, known = s.verdicts[r.ID]
	return verdict, known
}

// note remembers what was printed.
func (s *seen) note(r *reset.Reset) {
	switch _, known := s.verdicts[r.ID]; {
	case r.Final && known:
		delete(s.verdicts, r.ID)
	case r.Final:
	case known:
		s.verdicts[r.ID] = present.VerdictOf(r)
	default:
		delete(s.verdicts, s.order[s.next])
		s.order[s.next] = r.ID
		s.next = (s.next + 1) % len(s.order)
		s.verdicts[r.ID] = present.VerdictOf(r)
	}
}
