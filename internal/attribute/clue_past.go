package attribute

import (
	"strconv"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// span is a length of time for people: 3.2s, 40ms.
func span(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= 10*time.Second:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(100 * time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(time.Millisecond)
	default:
		d = d.Round(time.Microsecond)
	}
	return d.String()
}

// hadIt holds where this end once had this very connection, complete.
var hadIt = clue{
	fact: factPast, says: "this end had the connection",
	value: func(c *Case) string {
		return "this end had the connection, opened " + span(c.past().OpenedAgo.V) + " ago"
	},
	holds: func(c *Case) bool { return c.past().Known && c.past().OpenedAgo.OK },
}

// openForLong holds where the connection had worked for a while.
var openForLong = clue{
	fact: factPast, says: "the connection had been open for a second or more",
	value: func(c *Case) string { age, _ := c.ageNS(); return "the connection had been open for " + span(age) },
	holds: func(c *Case) bool { age, ok := c.ageNS(); return ok && age >= int64(time.Second) },
}

func (c *Case) ageNS() (int64, bool) {
	switch {
	case c.past().Known && c.past().OpenedAgo.OK:
		return c.past().OpenedAgo.V, true
	case c.connection().AgeMS.OK:
		return c.connection().AgeMS.V * int64(time.Millisecond), true
	}
	return 0, false
}

// isGone holds where the socket of that connection is gone.
var isGone = clue{
	fact: factPast, says: "its socket is gone",
	value: func(c *Case) string {
		text := "and its socket was gone " + span(c.past().ClosedAgo.V) + " ago"
		if from := c.past().ClosedFrom; from != "" {
			text += ", from " + printable(from)
		}
		return text
	},
	holds: func(c *Case) bool { return c.past().Known && c.past().ClosedAgo.OK },
}

// wasClosed holds where this end sent a FIN on it.
var wasClosed = clue{
	fact: factFin, says: "this end sent its FIN",
	value: func(c *Case) string { return "this end sent its FIN " + span(c.past().FinAgo.V) + " ago" },
	holds: func(c *Case) bool { return c.past().Known && c.past().FinAgo.OK },
}

// rttNS is the connection's round trip as far as known.
func (c *Case) rttNS() (int64, bool) {
	for _, us := range []reset.Opt[uint32]{c.connection().RTTUS, c.past().RTTUS, c.connection().MinRTTUS, c.flow().MinRTTUS} {
		if us.OK && us.V > 0 {
			return int64(us.V) * 1000, true
		}
	}
	return 0, false
}

// finJustSent holds where our FIN was on its way when the packet was sent: not
// much longer ago than a round trip.
var finJustSent = clue{
	fact: factFin, says: "this end sent its FIN within the last round trip",
	value: func(c *Case) string { return "this end sent its FIN only " + span(c.past().FinAgo.V) + " ago" },
	holds: func(c *Case) bool {
		rtt, ok := c.rttNS()
		return ok && c.past().FinAgo.OK && c.past().FinAgo.V <= rtt+rtt/2
	},
}

// finLongSent holds where the peer must have known our FIN for long.
var finLongSent = clue{
	fact: factFin, says: "this end sent its FIN many round trips ago",
	value: func(c *Case) string {
		return "this end sent its FIN " + span(c.past().FinAgo.V) + " ago, many round trips"
	},
	holds: func(c *Case) bool {
		rtt, ok := c.rttNS()
		return c.past().FinAgo.OK && (ok && c.past().FinAgo.V > 8*rtt+int64(300*time.Millisecond) ||
			c.past().FinAgo.V > int64(10*time.Second))
	},
}

// tookReset holds where an earlier RST had ended this connection here.
var tookReset = clue{
	fact: factReset, says: "this end took a RST on it before",
	value: func(c *Case) string { return "this end took a RST on it " + span(c.past().ResetAgo.V) + " ago" },
	holds: func(c *Case) bool { return c.past().Known && c.past().ResetAgo.OK },
}

// errorAtClose is what its socket had met when it went.
var errorAtClose = clue{
	fact: factPast, says: "its socket went with an error",
	value: func(c *Case) string { return "its error was " + errnoName(c.past().ClosedError) },
	holds: func(c *Case) bool { return c.past().Known && c.past().ClosedError != 0 },
}

func errnoName(errno uint16) string {
	switch errno {
	case 104:
		return "ECONNRESET"
	case 103:
		return "ECONNABORTED"
	case 110:
		return "ETIMEDOUT"
	case 32:
		return "EPIPE"
	case 113:
		return "EHOSTUNREACH"
	}
	return "errno " + strconv.Itoa(int(errno))
}

// goesOn holds where the packet's numbers go on where that connection ended.
var goesOn = trig(factNumbers, "the packet's SEQ and ACK go on where that connection ended", func(c *Case, t *reset.Trigger) bool {
	p := c.past()
	return p.Known && p.RcvNxt.OK && p.SndNxt.OK && t.Seq.OK && t.Ack.OK &&
		near(t.Seq.V, p.RcvNxt.V, reach) && near(t.Ack.V, p.SndNxt.V, reach)
})

// answersOurs holds where the packet acknowledges exactly what that connection
// had sent.
var answersOurs = trig(factNumbers, "the packet acknowledges all that this end had sent", func(c *Case, t *reset.Trigger) bool {
	p := c.past()
	return p.Known && p.SndNxt.OK && t.Ack == p.SndNxt
})

// earlierOnTuple holds where another connection had used these addresses
// before the one that is now begun.
var earlierOnTuple = clue{
	fact: factPast, says: "an earlier connection of these addresses ended",
	value: func(c *Case) string {
		return "an earlier connection of these addresses ended " + span(c.past().ClosedAgo.V) + " ago"
	},
	holds: func(c *Case) bool { return c.past().Known && c.past().ClosedAgo.OK },
}

// unknownHere holds where no socket and no memory of one knows this tuple.
var unknownHere = clue{
	fact: factNoPast, says: "no socket here has these addresses, and none is remembered",
	holds: func(c *Case) bool { return !c.past().Known && c.state() == "" },
}

// idleAtMost is by when an idle connection has sent something, mostly: keepalives
// begin after two hours (tcp(7), tcp_keepalive_time).
const idleAtMost = int64(3 * time.Hour)

// addressCame holds where this host has had the address for less long than it
// is watched: had the connection begun here, its begin would have been seen.
var addressCame = clue{
	fact: factAddress, says: "this address came to this host, as a further one, within three hours before and while it was watched",
	value: func(c *Case) string {
		return "this address came to this host " + span(c.After.AddressNS.V) + " before, as a further one"
	},
	holds: func(c *Case) bool { return c.After.AddressNS.OK && c.After.AddressNS.V <= idleAtMost },
}
