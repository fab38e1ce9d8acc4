package attribute

import (
	"strconv"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The facts that evidence is made of, a closed list: docs/reference/evidence.md
// describes each.
const (
	// What the kernel said.
	factReason  = "kernel-reason"  // enum sk_rst_reason of tcp_send_reset
	factSent    = "kernel-sent"    // tcp_send_reset: TCP itself sent it
	factStack   = "kernel-stack"   // the functions under which it was sent
	factOutcome = "kernel-verdict" // what the stack did with one that arrived
	factOwner   = "packet-owner"   // what owned the packet when it reached a device
	factDrop    = "trigger-drop"   // enum skb_drop_reason of the packet that was answered

	// The packet that was answered.
	factTrigger   = "trigger"       // its flags
	factBytes     = "trigger-data"  // that it carries data, or none
	factAck       = "trigger-ack"   // how its ACK fits what was sent
	factConntrack = "conntrack"     // what conntrack made of it
	factTracked   = "translation"   // conntrack translates the connection that it belongs to
	factBeside    = "beside"        // another connection of the same local port
	factNumbers   = "numbers-match" // its SEQ and ACK go on where a connection stood

	// The socket and its owner.
	factState   = "socket-state"
	factOption  = "socket-option"
	factOrphan  = "socket-orphan"
	factTimer   = "socket-timer"
	factSubflow = "subflow"
	factUnread  = "unread-data"
	factExit    = "process-exit"
	factBy      = "destroyed-by"

	// What was known before.
	factPast     = "past-connection" // this end had this connection
	factFin      = "fin-sent"        // when this end sent its FIN
	factReset    = "reset-before"    // an earlier RST had ended it
	factAddress  = "address-came"    // when this host was given the address
	factNoPast   = "never-known"     // nothing here ever had to do with this tuple
	factBaseline = "no-baseline"     // the source was not known before
	factQuiet    = "quiet-before"    // the silence that ended with our last send
	factRound    = "quiet-round"     // it is a usual time limit
	factCluster  = "quiet-cluster"   // others were as long

	// The RST's own form.
	factForm      = "packet-form"
	factFlowLabel = "flow-label"
	factReserved  = "reserved-bits"
	factClaim     = "claim"

	// The RST against other packets of the address that it bears.
	factTTL       = "ttl"
	factHops      = "hops"
	factNeighbour = "neighbour"
	factIPID      = "ip-id"
	factCopied    = "copied"
	factSeq       = "seq-fit"
	factAckFit    = "ack-fit"
	factSooner    = "sooner-than-rtt"
	factSpoke     = "peer-spoke"
	factDiffer    = "resets-differ"
	factDF        = "df"
	factStamps    = "no-timestamps"

	// What other records and the rest of a capture say.
	factTwin     = "twin"
	factOtherEnd = "other-end"  // what a capture of the other end says of it
	factNotSent  = "never-sent" // the source's own host, which is watched, sent no such RST
	factRelayed  = "reset-received"
	factDeath    = "process-end"
	factScan     = "scan"
	factStage    = "flow-stage"
	factZeek     = "zeek-state"
	factPattern  = "pattern"
	factOneSided = "one-sided"

	factListener  = "port-listener" // whether another socket serves the port of a listener that was closed
	factUnwatched = "not-watched"   // what the capture could not see
)

// WireNotWatched is the evidence that a capture without packet hooks puts into
// each of its records.
func WireNotWatched() *reset.Evidence {
	return &reset.Evidence{
		Fact: factUnwatched, Value: "the wire: no packet is known, and nothing that TCP neither sent nor took",
		For: "sender=unknown", Weight: reset.Weak,
	}
}

// PortListener is the evidence of whether another socket serves the port of a
// listener that was closed. It says nothing of sender or cause.
func PortListener(port uint16, serves bool) reset.Evidence {
	text := "nothing listens on port " + strconv.Itoa(int(port)) + " any more"
	if serves {
		text = "another listener still serves port " + strconv.Itoa(int(port))
	}
	return reset.Evidence{Fact: factListener, Value: text, For: causeIs[reset.ListenerClosed], Weight: reset.Weak}
}

// OfBothEnds reports whether the evidence is what watching the other end too
// showed.
func OfBothEnds(e *reset.Evidence) bool { return e.Fact == factOtherEnd || e.Fact == factNotSent }
