package attribute

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// at is how far the connection had come when the RST passed: as this host's
// socket stood, or as a capture file shows it.
type at uint8

const (
	atUnknown     at = iota
	atNothing        // a capture shows no other packet of it
	atSyn            // the RST's receiver had sent a SYN and waits
	atOwnSyn         // the RST's source had sent a SYN and nothing was answered
	atSynAck         // the RST's receiver had answered a SYN and waits
	atOpen           // the handshake is complete
	atSourceFin      // the RST's source had sent a FIN
	atReceiverFin    // the RST's receiver had sent a FIN
	atBothFin
)

var stageWords = [...]string{
	"not known", "no other packet was seen", "the receiver waited for the answer to its SYN", "its source had sent a SYN alone",
	"the receiver waited for the end of the handshake", "the connection was open", "its source had sent a FIN before",
	"the receiver had sent a FIN before", "both ends had sent a FIN",
}

var stagesOfStates = map[string]at{
	"SYN_SENT": atSyn, "SYN_RECV": atSynAck, "NEW_SYN_RECV": atSynAck, "LISTEN": atSynAck, // of a request: its listener's
	"ESTABLISHED": atOpen, "CLOSE_WAIT": atSourceFin,
	"FIN_WAIT1": atReceiverFin, "FIN_WAIT2": atReceiverFin, "CLOSING": atBothFin, "LAST_ACK": atBothFin, "TIME_WAIT": atBothFin,
}

func (c *Case) stage() at {
	if f := c.flow(); f.Known {
		return stageOfFlow(f)
	}
	if c.Reset.Direction == reset.In {
		return stagesOfStates[c.state()]
	}
	return atUnknown
}

func stageOfFlow(f *reset.FlowFacts) at {
	switch f.Stage {
	case reset.StageNone:
		return atNothing
	case reset.AfterSYN:
		if f.Originator == reset.Some(true) {
			return atOwnSyn
		}
		return atSyn
	case reset.AfterSYNACK:
		if f.Originator == reset.Some(false) {
			return atOpen // its own SYN+ACK: the handshake is under way or one-sided
		}
		return atSynAck
	case reset.AfterFIN:
		return atReceiverFin
	case reset.AfterOwnFIN:
		if f.OtherFIN {
			return atBothFin
		}
		return atSourceFin
	}
	return atOpen
}

func staged(stage at) clue {
	return clue{fact: factStage, says: stageWords[stage], holds: func(c *Case) bool { return c.stage() == stage }}
}

var (
	alone           = staged(atNothing)
	whileConnecting = staged(atSyn)
	beforeAnswer    = staged(atOwnSyn)
	inHandshake     = staged(atSynAck)
	whenOpen        = staged(atOpen)
	afterSourceFin  = staged(atSourceFin)
	afterOurFin     = staged(atReceiverFin)
	afterBothFins   = staged(atBothFin)
	// underWay: open, or passed on by this host, which does not know.
	underWay = clue{fact: factStage, says: "the connection was under way", holds: func(c *Case) bool {
		stage := c.stage()
		return stage == atOpen || stage == atUnknown && c.Reset.Direction != reset.In
	}}
	// taken holds where nothing says that TCP found the RST wanting: many sensors,
	// and every file, know nothing of it, and a filter does not ask TCP.
	taken = clue{fact: factOutcome, says: "accepted, as far as known", holds: func(c *Case) bool {
		return !keptAlive.holds(c) || c.Reset.Kernel.Verdict == reset.Dropped
	}}
)

// zeek is the word that Zeek's conn_state has for such an end.
var zeek = clue{fact: factZeek, says: "the word of conn_state", value: zeekWord, holds: func(c *Case) bool { return zeekWord(c) != "" }}

func zeekWord(c *Case) string {
	f := c.flow()
	if !f.Known || !f.Originator.OK {
		return ""
	}
	switch by := f.Originator.V; {
	case f.Stage == reset.AfterSYN && !by:
		return "REJ"
	case f.Stage == reset.AfterSYN:
		return "RSTOS0"
	case f.Stage == reset.AfterSYNACK && !by && f.OneSided:
		return "RSTRH"
	case f.Stage <= reset.AfterSYN:
		return ""
	case by:
		return "RSTO"
	}
	return "RSTR"
}

// pattern is the name that Sundara Raman et al. (SIGCOMM 2023) give to what the
// originator sent: no proof of anything.
var pattern = clue{fact: factPattern, says: "the name of what the originator sent", value: patternName, holds: func(c *Case) bool { return patternName(c) != "" }}

func patternName(c *Case) string {
	f := c.flow()
	if !f.Known || f.Originator != reset.Some(true) {
		return ""
	}
	end := "RST"
	if c.packet().Flags&reset.ACK != 0 {
		end = "RST+ACK"
	}
	if c.After.Others > 0 {
		end += " and more"
	}
	switch f.Stage {
	case reset.AfterSYN, reset.AfterSYNACK:
		return "SYN; " + end
	case reset.AfterHandshake:
		return "SYN, ACK; " + end
	case reset.AfterFirstData:
		return "PSH+ACK; " + end
	case reset.AfterMoreData:
		return "PSH+ACK, data; " + end
	}
	return ""
}

var oneSided = clue{fact: factOneSided, says: "only packets of one end were seen", holds: func(c *Case) bool {
	return c.flow().Known && c.flow().OneSided
}}

// The silence before our last send.

// quietMS is how long the connection had been silent before the RST's receiver
// sent again, and how long after that send the RST came.
func (c *Case) quietMS() (quiet, since int64, ok bool) {
	if f := c.flow(); f.Known && f.QuietMS.OK && f.SinceSendUS.OK {
		return f.QuietMS.V, f.SinceSendUS.V / 1000, true
	}
	k := c.connection()
	if c.Reset.Direction == reset.In && k.QuietBeforeMS.OK && k.SinceSentMS.OK {
		return k.QuietBeforeMS.V, k.SinceSentMS.V, true
	}
	return 0, 0, false
}

// shortestQuiet is the shortest silence of which anything is said: below it
// nothing on a path forgets an open connection.
const shortestQuiet = 20 * 1000

var quiet = clue{
	fact: factQuiet, says: "20s of silence or more ended with the last send; the RST came within a second or four round trips",
	value: func(c *Case) string {
		quiet, since, _ := c.quietMS()
		return span(quiet*int64(time.Millisecond)) + " of silence; the RST came " + span(since*int64(time.Millisecond)) + " after the next send"
	},
	holds: func(c *Case) bool {
		quiet, since, ok := c.quietMS()
		if !ok || quiet < shortestQuiet {
			return false
		}
		rtt, known := c.rttNS()
		return since < 1000 || known && since*int64(time.Millisecond) < 4*rtt
	},
}

// usualLimits are the time limits, in seconds, that firewalls, load balancers
// and NAT have by default.
var usualLimits = [...]int64{60, 90, 120, 180, 240, 300, 350, 600, 900, 1800, 3600, 7200}

var roundQuiet = clue{
	fact: factRound, says: "that is a usual time limit",
	value: func(c *Case) string {
		return "about " + span(roundLimit(c)*int64(time.Second)) + ", a usual time limit"
	},
	holds: func(c *Case) bool { return roundLimit(c) > 0 },
}

func roundLimit(c *Case) int64 {
	quiet, _, ok := c.quietMS()
	if !ok {
		return 0
	}
	for _, limit := range usualLimits {
		if ms := limit * 1000; quiet >= ms && quiet <= ms+max(2000, ms/50) {
			return limit
		}
	}
	return 0
}

var clusteredQuiet = clue{
	fact: factCluster, says: "at least three others, and half of all, were as long",
	value: func(c *Case) string {
		return ofMany(c.After.QuietLike, c.After.QuietOf) + " resets after a silence were as long"
	},
	holds: func(c *Case) bool { return c.After.QuietLike >= 3 && 2*c.After.QuietLike >= c.After.QuietOf },
}
