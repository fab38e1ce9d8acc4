package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// precedence is the order in which the causes are tried: of two whose rows both
// hold, the first is the verdict. Proof comes before inference, what is special
// before what is general. After all of them their last rows are tried, in the
// same order. A new cause is a file of its own and a line here.
var precedence = []*cause{
	// What nothing else can be.
	&injected,
	&undecidedHere,
	&forged,
	&firewallReject,
	&processKilled,
	&socketDestroyed,
	&multipath,
	&relayed,

	// Aborts.
	&outOfMemory,
	&userTimeoutRan,
	&keepaliveTimeout,
	&linger2,
	&listenerClosed,
	&disconnected,
	&lingerZero,
	&unreadData,

	// Replies.
	&backlogOverflow,
	&badSyn,
	&staleTimestamp,
	&tupleReused,
	&closeRace,
	&dataAfterClose,
	&untranslatedReply,
	&halfOpen,
	&timeWait,
	&movedAddress,
	&badAck,
	&noListener,
	&noConnection,

	// Seen from the other end, or between.
	&scan,
	&backscatter,
	&afterClose,
	&idleTimeout,
	&wrongHost,
	&hintOfForgery,
	&refused,
	&peerNoConnection,
	&peerAbort,

	&undecided,
}

// The rules, ready for use: for what this host sent, and for what it received,
// passed on, or found in a capture.
var (
	sentRules = prepare(withOwner(inOrder(func(c *cause) []row { return c.sent }, func(c *cause) []row { return c.sentLast })))
	seenRules = prepare(withFlow(inOrder(func(c *cause) []row { return c.seen }, func(c *cause) []row { return c.seenLast })))
)

// What is asked: all rules for what was seen, and for what was sent those that
// can hold with TCP's reason.
var (
	seenInOrder  = shelve(seenRules, nil).of(noWord)
	sentByReason = shelve(sentRules, reasonsOf(sentRules))
)

func inOrder(first, last func(*cause) []row) [][]row {
	var tables [][]row
	for _, part := range []func(*cause) []row{first, last} {
		for _, c := range precedence {
			tables = append(tables, part(c))
		}
	}
	return tables
}

// withOwner adds to each row that names a process the doubt whether one ever had
// the socket, and to each that names what came after a close whose close it was.
func withOwner(tables [][]row) [][]row {
	for _, table := range tables {
		for i := range table {
			r := &table[i]
			switch {
			case r.sender == reset.LocalApp:
				r.doubts = append(r.doubts[:len(r.doubts):len(r.doubts)], who(strong, ofKernel))
			case closedBefore[r.cause]:
				r.adds = append(r.adds[:len(r.adds):len(r.adds)], why(weak, ownerDied))
			}
		}
	}
	return tables
}

// closedBefore are the causes of replies to what came after this end's close.
var closedBefore = map[reset.Cause]bool{
	reset.TimeWait: true, reset.DataAfterClose: true, reset.CloseRace: true, reset.HalfOpen: true, reset.NoConnection: true,
}

// withFlow adds to each row what every record of a capture file tells: words of
// the trade, which prove nothing.
func withFlow(tables [][]row) [][]row {
	told := []sign{why(weak, zeek), why(weak, pattern), why(weak, claimed)}
	for _, table := range tables {
		for i := range table {
			adds := table[i].adds
			table[i].adds = append(adds[:len(adds):len(adds)], told...)
		}
	}
	return tables
}
