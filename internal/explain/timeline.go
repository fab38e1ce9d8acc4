package explain

import (
	"slices"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Of other resets only so many stand in the time line.
const (
	maxLinked = 5
	maxSame   = 4
)

// timeLine puts what is known in order: the connection's last steps, the resets
// that led to this one, this one, and those that followed.
func timeLine(r *reset.Reset, around *Around) []Moment {
	list := connectionMoments(r, firstSeen(r, around))
	if text := endText(r.Process); text != "" {
		list = append(list, Moment{begin(r, around), text})
	}
	for i := range first(around.Linked, maxLinked) {
		list = append(list, Moment{around.Linked[i].Time, linkedText(r, &around.Linked[i])})
	}
	if text := triggerText(r); text != "" {
		list = append(list, Moment{r.Time, text})
	}
	list = append(list, Moment{r.Time, ownText(r)})
	for i := range first(around.Same, maxSame) {
		list = append(list, Moment{around.Same[i].Time, sameText(r, &around.Same[i])})
	}
	slices.SortStableFunc(list, func(a, b Moment) int {
		switch {
		case a.At < b.At:
			return -1
		case a.At > b.At:
			return 1
		}
		return 0
	})
	more := uint64(max(len(around.Linked)-maxLinked, 0)) + around.SameCount - uint64(len(first(around.Same, maxSame)))
	if more > 0 {
		list = append(list, Moment{Text: count(more, "more reset that belongs to it", "more resets that belong to it")})
	}
	return list
}

// begin is when what led to the reset was first seen.
func begin(r *reset.Reset, around *Around) reset.Time {
	at := r.Time
	for i := range around.Linked {
		if other := &around.Linked[i]; slices.Contains(r.CausedBy, other.ID) {
			at = min(at, other.Time)
		}
	}
	return at
}

func first(list []reset.Reset, n int) []reset.Reset { return list[:min(len(list), n)] }

// firstSeen is when this packet was first on record, at whichever end: what led
// to it came before.
func firstSeen(r *reset.Reset, around *Around) reset.Time {
	at := r.Time
	for _, list := range [][]reset.Reset{around.Linked, around.Same} {
		for i := range list {
			if packetOf(&list[i]) == packetOf(r) {
				at = min(at, list[i].Time)
			}
		}
	}
	return at
}

// connectionMoments are the steps that the socket's last state tells, none of
// them later than the packet.
func connectionMoments(r *reset.Reset, latest reset.Time) []Moment {
	c := r.Connection
	if c == nil {
		return nil
	}
	var list []Moment
	before := func(v reset.Opt[int64]) reset.Time { return min(r.Time-reset.Time(milliseconds(v)), latest) }
	// Of a connection that did no more, what it heard and sent last is the
	// handshake.
	handshake := func(v reset.Opt[int64]) bool { return c.AgeMS.V > 0 && v.OK && v.V >= c.AgeMS.V-5 }
	if c.AgeMS.OK && c.AgeMS.V > 0 {
		text := "connected"
		if name := processName(r.Process); name != "" {
			text += " (" + name + ")"
		}
		list = append(list, Moment{before(c.AgeMS), text})
	}
	silence := c.SinceSentMS.V + c.QuietBeforeMS.V
	heard := c.SinceHeardMS.OK && c.SinceHeardMS.V >= silence-5 && c.SinceHeardMS.V <= silence+5
	if c.QuietBeforeMS.V > 0 && c.SinceSentMS.OK && !heard {
		list = append(list, Moment{before(reset.Some(silence)), "last packet before the silence"})
	}
	// What this end heard or sent last is often the very packet that the RST
	// answers, or so near that the order is not known.
	if c.SinceHeardMS.V > 1 && !handshake(c.SinceHeardMS) {
		list = append(list, Moment{before(c.SinceHeardMS), "the other end is heard for the last time"})
	}
	told := r.Direction == reset.In && r.Trigger != nil && c.SinceSentMS.V <= 1
	if !told && !handshake(c.SinceSentMS) && (c.SinceSentMS.V > 1 || c.SinceSentMS.OK && c.QuietBeforeMS.V > 0) {
		text := "this end sends for the last time"
		if c.QuietBeforeMS.V > 0 {
			text = "this end sends" + quiet(c)
		}
		list = append(list, Moment{before(c.SinceSentMS), text})
	}
	return list
}

// quiet is the silence that ended with this end's last send.
func quiet(c *reset.Connection) string {
	if c == nil || c.QuietBeforeMS.V <= 0 {
		return ""
	}
	return ", after " + span(milliseconds(c.QuietBeforeMS)) + " of silence"
}

// endText says how the process ended, if it did.
func endText(p *reset.Process) string {
	if p == nil || p.Exit == nil {
		return ""
	}
	text := processName(p) + " ends"
	switch e := p.Exit; {
	case e.OOM:
		text += ": killed for lack of memory (OOM)"
	case e.Signal != "":
		text += ": killed by " + clean(e.Signal)
	case e.Code.OK:
		text += ", with status " + number(uint64(max(e.Code.V, 0)))
	}
	return text
}

// triggerText is the packet that the RST answers.
func triggerText(r *reset.Reset) string {
	if r.Trigger == nil {
		return ""
	}
	what := r.Trigger.Flags.String()
	if what == "" {
		what = "a packet"
	}
	text := map[reset.Direction]string{
		reset.Out: what + " arrives", reset.In: "this end sends " + what + quiet(r.Connection),
	}[r.Direction]
	if text == "" {
		text = what + " goes the other way"
	}
	if r.Trigger.Length.OK {
		text += " (" + bytesOf(uint64(r.Trigger.Length.V)) + ")"
	}
	if r.Trigger.Conntrack != "" {
		text += "; conntrack calls it " + clean(r.Trigger.Conntrack)
	}
	return text
}

// ownText is the RST itself.
func ownText(r *reset.Reset) string {
	flags := r.Packet.Flags.String()
	if flags == "" || !strings.HasPrefix(flags, "RST") {
		flags = "RST"
	}
	switch r.Direction {
	case reset.Out:
		if r.Kernel.Verdict == reset.Dropped {
			return flags + " is sent, and dropped before it leaves"
		}
		return flags + " leaves"
	case reset.In:
		came := outcomes[r.Kernel.Verdict]
		if came == "" {
			return flags + " arrives"
		}
		if r.Kernel.Inferred {
			came = "probably " + came
		}
		return flags + " arrives: " + came
	case reset.Forward:
		return flags + " passes through this host"
	}
	return flags + " passes"
}

// linkedText is another reset that has to do with this one.
func linkedText(r, other *reset.Reset) string {
	text := Name(other.ID) + " " + short(other)
	switch {
	case slices.Contains(r.CausedBy, other.ID) && (r.Cause == reset.Relayed || r.Cause == reset.ProcessKilled):
		return text + ": led to this one"
	case slices.Contains(r.CausedBy, other.ID):
		return text + ": came just before, and may have led to this one"
	case other.ID == r.Twin:
		return text + ": the same packet at its other end on this host"
	}
	return text
}

// sameText is another record of the same connection.
func sameText(r, other *reset.Reset) string {
	if packetOf(r) != packetOf(other) {
		return Name(other.ID) + " another " + short(other)
	}
	way := map[reset.Direction]string{
		reset.Out: "as it leaves", reset.In: "as it arrives", reset.Forward: "as it passes", reset.Transit: "in passing",
	}[other.Direction]
	return strings.TrimSpace(Name(other.ID) + " the same packet " + way)
}

// packetOf is equal in records of the same packet.
func packetOf(r *reset.Reset) reset.Hash {
	if r.PacketID != 0 {
		return r.PacketID
	}
	return reset.PacketHash(r.Src, r.Dst, &r.Packet)
}

// short is a reset in some words.
func short(r *reset.Reset) string {
	text := "RST " + endpoint(r.Src) + " > " + endpoint(r.Dst)
	if name := processName(r.Process); name != "" {
		text += ", " + name
	}
	return text
}

// step writes how long after the moment before another came.
func step(before, at reset.Time) string {
	if before == 0 || at == 0 {
		return ""
	}
	return "+" + span(time.Duration(at-before))
}
