package attribute

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
	sentRules = prepare(inOrder(func(c *cause) []row { return c.sent }, func(c *cause) []row { return c.sentLast }))
	seenRules = prepare(withFlow(inOrder(func(c *cause) []row { return c.seen }, func(c *cause) []row { return c.seenLast })))
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
