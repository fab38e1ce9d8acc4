package attribute

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// inState is the state of the socket that sent or took the RST.
func inState(states ...string) clue {
	q := clue{fact: factState, says: strings.Join(states, " or "), holds: func(c *Case) bool {
		return slices.Contains(states, c.state())
	}}
	if len(states) > 1 {
		q.value = (*Case).state
	}
	return q
}

// alive is a state in which only tcp_abort and timers send a RST: a close moves
// the socket to CLOSE first.
var alive = inState("ESTABLISHED", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT")

// connecting is a socket that waits for the answer to its SYN.
var connecting = inState("SYN_SENT")

// Settings of the socket.
var (
	lingersZero = clue{fact: factOption, says: "SO_LINGER with a time of zero", holds: func(c *Case) bool {
		s := c.socket()
		return s.Linger == reset.Some(true) && s.LingerMS == reset.Some[int64](0)
	}}
	lingersNot = clue{fact: factOption, says: "SO_LINGER is off", holds: func(c *Case) bool {
		return c.socket().Linger == reset.Some(false)
	}}
	linger2Negative = clue{fact: factOption, says: "TCP_LINGER2 below zero", holds: func(c *Case) bool {
		return c.socket().Linger2.OK && c.socket().Linger2.V < 0
	}}
	userTimeout = clue{
		fact: factOption, says: "TCP_USER_TIMEOUT is set",
		value: func(c *Case) string {
			return "TCP_USER_TIMEOUT of " + strconv.FormatUint(uint64(c.socket().UserTimeoutMS.V), 10) + " ms"
		},
		holds: func(c *Case) bool { return c.socket().UserTimeoutMS.OK && c.socket().UserTimeoutMS.V > 0 },
	}
	noUserTimeout = clue{fact: factOption, says: "no TCP_USER_TIMEOUT", holds: func(c *Case) bool {
		return c.socket().UserTimeoutMS == reset.Some[uint32](0)
	}}
	keepsAlive = clue{fact: factOption, says: "SO_KEEPALIVE is on", holds: func(c *Case) bool {
		return c.socket().Keepalive == reset.Some(true)
	}}
)

// Where the socket stood.
var (
	orphaned = clue{fact: factOrphan, says: "no process holds it: it was never accepted", holds: func(c *Case) bool {
		return c.socket().Orphan == reset.Some(true)
	}}
	held = clue{fact: factOrphan, says: "a process holds it", holds: func(c *Case) bool {
		return c.socket().Orphan == reset.Some(false)
	}}
	// ofKernel: NFS, SMC and the like. A subflow has no file of its own either.
	ofKernel = clue{fact: factOrphan, says: "it is the kernel's own: no process ever had it", holds: func(c *Case) bool {
		return c.socket().OfKernel == reset.Some(true) && c.socket().Multipath != reset.Some(true)
	}}
	probesFailed = clue{
		fact: factTimer, says: "probes went unanswered",
		value: func(c *Case) string {
			return count(uint64(c.socket().Probes.V), "probe", "probes") + " went unanswered"
		},
		holds: func(c *Case) bool { return c.socket().Probes.OK && c.socket().Probes.V > 0 },
	}
	timerRan = clue{fact: factTimer, says: "a timer of the socket had run out", holds: func(c *Case) bool {
		return c.socket().TimeoutHit == reset.Some(true) || caller(c, timers) != ""
	}}
	subflow = clue{fact: factSubflow, says: "the socket is a subflow of Multipath TCP", holds: func(c *Case) bool {
		return c.socket().Multipath == reset.Some(true)
	}}
	unread = clue{
		fact: factUnread, says: "bytes were received and not read",
		value: func(c *Case) string {
			return count(uint64(c.connection().Unread.V), "byte", "bytes") + " received and not read"
		},
		holds: func(c *Case) bool { return c.connection().Unread.OK && c.connection().Unread.V > 0 },
	}
	allRead = clue{fact: factUnread, says: "none", holds: func(c *Case) bool {
		return c.connection().Unread == reset.Some[uint32](0)
	}}
)

// timers are the kernel's functions for timers of a socket.
var timers = []string{"tcp_keepalive_timer", "tcp_write_timer", "tcp_write_timer_handler", "tcp_retransmit_timer", "tcp_probe_timer"}

// The owner's end.
var (
	killed = clue{fact: factExit, says: "the process was killed", value: exitText, holds: func(c *Case) bool {
		exit := ending(c)
		return exit != nil && (exit.Signal != "" || exit.OOM)
	}}
	exited = clue{fact: factExit, says: "the process exited", value: exitText, holds: func(c *Case) bool {
		exit := ending(c)
		return exit != nil && exit.Signal == "" && !exit.OOM
	}}
	// runsOn holds where the sensor knows who called, and it was no exit.
	runsOn = clue{fact: factStack, says: "no exit of a process", holds: func(c *Case) bool {
		return len(c.context().Stack) > 0 && !slices.Contains(c.context().Stack, "do_exit") && ending(c) == nil
	}}
	exits = under("do_exit")
)

func ending(c *Case) *reset.Exit {
	if c.Reset.Process == nil {
		return nil
	}
	return c.Reset.Process.Exit
}

func exitText(c *Case) string { return describeExit(ending(c)) }

// ownerDied holds where the process that had the connection was killed when it
// closed it: what followed is that death's doing.
var ownerDied = clue{
	fact: factExit, says: "the process that had it was killed",
	value: func(c *Case) string { return "the process that had it was " + describeExit(c.past().Owner.Exit) },
	holds: func(c *Case) bool {
		p := c.past()
		return p.Known && p.Owner != nil && p.Owner.Exit != nil && (p.Owner.Exit.Signal != "" || p.Owner.Exit.OOM)
	},
}

func describeExit(exit *reset.Exit) string {
	switch {
	case exit == nil:
		return ""
	case exit.OOM:
		return "killed for want of memory"
	case exit.Signal != "":
		return "killed by " + printable(exit.Signal)
	case exit.Code.OK:
		return "exited with status " + strconv.Itoa(int(exit.Code.V))
	}
	return "exited"
}

// byOther holds where another process destroyed the socket.
var byOther = clue{
	fact: factBy, says: "another process destroyed the socket",
	value: func(c *Case) string {
		if name := nameOf(c.Reset.Process.By); name != "" {
			return "by " + name
		}
		return "by another process"
	},
	holds: func(c *Case) bool { return c.Reset.Process != nil && c.Reset.Process.By != nil },
}
