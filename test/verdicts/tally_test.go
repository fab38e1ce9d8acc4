package verdicts

import (
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// judged is one record with what is known of it.
type judged struct {
	expect testkit.Expect
	truth  testkit.Seen
	record reset.Reset
	by     *watcher
}

func (j judged) senderRight() bool { return j.truth.SenderRight(&j.record) }
func (j judged) causeRight() bool  { return j.truth.CauseRight(&j.record) }

// onTheWay reports whether the record is of a host that passed the RST on, and
// did not send it.
func (j judged) onTheWay() bool {
	return j.expect.Direction == reset.Forward && j.expect.Node != j.expect.From
}

// lies reports whether something that is not true was called certain.
func (j judged) lies() bool {
	return !j.senderRight() && j.record.Confidence.Sender == reset.Certain ||
		!j.causeRight() && j.record.Confidence.Cause == reset.Certain
}

// tally is how many verdicts were right.
type tally struct {
	records, sender, cause, lies   int
	senderCertain, causeCertain    int
	unknown, unknownWhereItIsRight int
	misled                         int // the cause is neither right nor unknown
	exact                          int // the cause is the truth's own word
}

func (c *tally) add(j judged) {
	c.records++
	count := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	count(&c.sender, j.senderRight())
	count(&c.cause, j.causeRight())
	count(&c.lies, j.lies())
	count(&c.senderCertain, j.record.Confidence.Sender == reset.Certain)
	count(&c.causeCertain, j.record.Confidence.Cause == reset.Certain)
	count(&c.exact, j.record.Cause == j.truth.Cause())
	count(&c.misled, !j.causeRight() && j.record.Cause != reset.CauseUnknown)
	count(&c.unknown, j.record.Cause == reset.CauseUnknown)
	count(&c.unknownWhereItIsRight, j.record.Cause == reset.CauseUnknown && j.causeRight())
}

func tallyOf(list []judged) tally {
	var c tally
	for _, j := range list {
		c.add(j)
	}
	return c
}

// share is a part in per cent, to one decimal, rounded down: 95.0 is reached
// only by what reaches it.
func share(part, all int) float64 {
	if all == 0 {
		return 100
	}
	return float64(part*1000/all) / 10
}

// split divides the judged records by what key says of each.
func split[K comparable](list []judged, key func(judged) K) map[K][]judged {
	parts := map[K][]judged{}
	for _, j := range list {
		parts[key(j)] = append(parts[key(j)], j)
	}
	return parts
}

// where is the list's records for which yes says so.
func where(list []judged, yes func(judged) bool) []judged {
	var some []judged
	for _, j := range list {
		if yes(j) {
			some = append(some, j)
		}
	}
	return some
}
