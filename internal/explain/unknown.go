package explain

import (
	"fmt"
	"slices"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// unknown lists what the record cannot say, so that nobody takes its silence
// for an answer.
func unknown(r *reset.Reset, around *Around, zone *time.Location) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if r.Sender == reset.SenderUnknown || r.Sender == reset.SenderNone {
		add("who sent it")
	}
	if r.Cause == reset.CauseUnknown || r.Cause == reset.CauseNone {
		add("why it was sent")
	}
	if r.Sender == reset.Path {
		neighbour := ""
		if len(r.Packet.MACSrc) > 0 && r.Direction == reset.In {
			neighbour = ", although the neighbour that delivered it is: " + r.Packet.MACSrc.String()
		}
		add("which device on the path%s", neighbour)
	}
	if r.Direction == reset.In && r.Twin.IsZero() && (r.Sender == reset.Peer || r.Sender == reset.Path) {
		add("what the other end saw: a record or a capture from there would tell")
	}
	if c := r.Connection; c != nil && c.Baseline == reset.BaselineNone && c.State != "SYN_SENT" {
		add("how the connection began: it is older than the recording")
	}
	if r.Kernel.Inferred {
		add("what the kernel did with it, for certain: no event says so")
	}
	if !r.Final && !r.ProvisionalUntil.IsZero() {
		add("what still comes: until %s more evidence may change the verdict; ask again then", clock(r.ProvisionalUntil, zone))
	}
	if r.Fold != nil {
		add("the single packets: %s like it were folded into this record", count(r.Fold.Count, "reset", "resets"))
	}
	for _, id := range r.CausedBy[:min(len(r.CausedBy), maxLinked)] {
		if !slices.ContainsFunc(around.Linked, func(other reset.Reset) bool { return other.ID == id }) {
			add("the story of %s, which led to this one: it is not in reach in this journal", Name(id))
		}
	}
	return append(list, missed(r, around)...)
}

// missed is what the coverage of the reset's own minute says.
func missed(r *reset.Reset, around *Around) []string {
	covered := around.Watch.Of(r.Time, r.Time+1, 0, &Setting{})
	var list []string
	if covered.Lost > 0 {
		list = append(list, fmt.Sprintf("what %s would have shown that were lost in the same minute",
			count(covered.Lost, "sighting", "sightings")))
	}
	return list
}

// revisions says how the verdict changed.
func revisions(around *Around) []string {
	var list []string
	for i := 1; i < len(around.Revisions); i++ {
		before, after := &around.Revisions[i-1], &around.Revisions[i]
		if verdict(before) != verdict(after) {
			list = append(list, fmt.Sprintf("revision %d: %s, was %s", after.Revision, verdict(after), verdict(before)))
		}
	}
	return list
}

// verdict is who and why in short.
func verdict(r *reset.Reset) string {
	word := func(text string, level reset.Level) string {
		if text == "" {
			text = "unknown"
		}
		if level == reset.LevelNone {
			return text
		}
		return text + " (" + level.String() + ")"
	}
	return word(r.Sender.String(), r.Confidence.Sender) + ", " + word(r.Cause.String(), r.Confidence.Cause)
}
