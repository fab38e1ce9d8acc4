package attribute

import (
	"strconv"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The levels and weights, short, since the tables name them on every line.
const (
	certain  = reset.Certain
	likely   = reset.Likely
	possible = reset.Possible

	decisive = reset.Decisive
	strong   = reset.Strong
	weak     = reset.Weak
)

// clue is one thing that can be observed of a case: a fact of the documented
// list, a test of whether it was observed, and what is told of it.
type clue struct {
	fact  string
	says  string             // what was observed, for people
	value func(*Case) string // the same with what is the case's own; nil: nothing is
	holds func(*Case) bool
	// reasons are TCP's words without which it cannot hold, none among them as
	// noWord; nil: any.
	reasons []string
}

func (q *clue) text(c *Case) string {
	if q.value != nil {
		return q.value(c)
	}
	return q.says
}

// count writes a number and what it counts.
func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatUint(n, 10) + " " + many
}

// about is what a clue in a row speaks of.
type about uint8

const (
	aboutSender about = 1 << iota
	aboutCause
)

// sign is a clue in a row, with its weight there. One without a weight is a
// condition only and gives no evidence.
type sign struct {
	clue   clue
	weight reset.Weight
	about  about
}

// who, why and both are signs that speak of the sender, of the cause and of both.
func who(weight reset.Weight, q clue) sign  { return sign{q, weight, aboutSender} }
func why(weight reset.Weight, q clue) sign  { return sign{q, weight, aboutCause} }
func both(weight reset.Weight, q clue) sign { return sign{q, weight, aboutSender | aboutCause} }

// given is a condition that is no evidence by itself.
func given(q clue) sign { return sign{clue: q} }

// not is the condition that a clue does not hold.
func not(q clue) clue {
	return clue{fact: q.fact, says: "not: " + q.says, holds: func(c *Case) bool { return !q.holds(c) }}
}

// row is one line of the rule base.
type row struct {
	sender reset.Sender
	cause  reset.Cause
	who    reset.Level // how sure the sender is, before the doubts
	why    reset.Level // how sure the cause is, before the doubts
	harm   reset.Harm  // zero: what the rest of the case says (harm.go)

	needs  []sign // all of them hold
	adds   []sign // where they hold they are evidence for it
	doubts []sign // where they hold they are evidence against it, and lower it
}

// fits reports whether all that the row needs holds.
func (r *row) fits(c *Case) bool {
	for i := range r.needs {
		if !r.needs[i].clue.holds(c) {
			return false
		}
	}
	return true
}

// lowered is what a doubt of the weight leaves of a level: a weak one leaves
// no more than likely, a stronger one no more than possible.
func lowered(level reset.Level, doubt reset.Weight) reset.Level {
	if doubt == weak {
		return min(level, likely)
	}
	return min(level, possible)
}
