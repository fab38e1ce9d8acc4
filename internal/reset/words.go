package reset

import "fmt"

// word is the shape of every closed list: a small integer with a fixed name.
// The integer is what the journal stores, so names are only ever added at the
// end of a list.
type word interface{ ~uint8 }

func wordString[W word](names []string, w W) string {
	if int(w) < len(names) {
		return names[w]
	}
	return fmt.Sprintf("invalid-%d", uint8(w))
}

func parseWord[W word](kind string, names []string, text string) (W, error) {
	for i, name := range names {
		if name == text && text != "" {
			return W(i), nil
		}
	}
	return 0, fmt.Errorf("%s %q: not one of the known words", kind, text)
}

// Direction says how the RST passed the namespace that met it.
type Direction uint8

// The directions. Transit is a capture by an observer that is no party.
const (
	DirectionUnknown Direction = iota
	In
	Out
	Forward
	Transit
)

var directionNames = []string{"", "in", "out", "forward", "transit"}

// Sender says who put the packet on the wire.
type Sender uint8

// The senders, as the contract defines them.
const (
	SenderNone Sender = iota
	SenderUnknown
	LocalApp
	LocalKernel
	LocalFirewall
	LocalInject
	Peer
	Path
)

var senderNames = []string{
	"", "unknown", "local-app", "local-kernel", "local-firewall", "local-inject", "peer", "path",
}

// Cause says why the RST was sent. Each cause has a page in docs/causes.
type Cause uint8

// The causes, as the contract lists them.
const (
	CauseNone Cause = iota
	CauseUnknown
	UnreadData
	LingerZero
	Linger2
	Disconnect
	ListenerClosed
	ProcessKilled
	SocketDestroyed
	NoListener
	NoConnection
	HalfOpen
	TimeWait
	DataAfterClose
	CloseRace
	BacklogOverflow
	BadAck
	BadSyn
	StaleTimestamp
	KeepaliveTimeout
	UserTimeout
	OutOfMemory
	MPTCP
	TupleReused
	UntranslatedReply
	WrongHost
	FirewallReject
	Injected
	Refused
	PeerAbort
	PeerNoConnection
	AfterClose
	Backscatter
	Scan
	Forged
	IdleTimeout
	Relayed
)

var causeNames = []string{
	"", "unknown", "unread-data", "linger-zero", "linger2", "disconnect", "listener-closed",
	"process-killed", "socket-destroyed", "no-listener", "no-connection", "half-open", "time-wait",
	"data-after-close", "close-race", "backlog-overflow", "bad-ack", "bad-syn", "stale-timestamp",
	"keepalive-timeout", "user-timeout", "out-of-memory", "mptcp", "tuple-reused",
	"untranslated-reply", "wrong-host", "firewall-reject", "injected", "refused", "peer-abort",
	"peer-no-connection", "after-close", "backscatter", "scan", "forged", "idle-timeout", "relayed",
}

// Level is how sure a verdict is.
type Level uint8

// The levels: Possible is consistent but not proven; Likely means that the
// evidence agrees; Certain means that the kernel reported it, or that complete
// coverage excludes every alternative.
const (
	LevelNone Level = iota
	Possible
	Likely
	Certain
)

var levelNames = []string{"", "possible", "likely", "certain"}

// Harm says what the RST cost.
type Harm uint8

// The harms. HarmNone means that nothing was lost.
const (
	HarmAbsent Harm = iota
	HarmNone
	FailedConnect
	LostData
	HarmUnknown
)

// Worse is the worse of two words on one packet; one that is not known yields to
// one that is.
func (h Harm) Worse(other Harm) Harm {
	rank := func(h Harm) int {
		switch {
		case h == HarmUnknown:
			return 1
		case h == HarmAbsent || h > HarmUnknown:
			return 0
		}
		return 1 + int(h)
	}
	if rank(other) > rank(h) {
		return other
	}
	return h
}

var harmNames = []string{"", "none", "failed-connect", "lost-data", "unknown"}

// Verdict is what this host's kernel did with a RST that it received.
type Verdict uint8

// The verdicts of the kernel.
const (
	VerdictNone Verdict = iota
	Accepted
	Challenged
	Ignored
	NoSocket
	Dropped
)

var verdictNames = []string{"", "accepted", "challenged", "ignored", "no-socket", "dropped"}

// Role is which end of the connection the RST's source address is.
type Role uint8

// The roles, in the words of Zeek and OpenTelemetry.
const (
	RoleNone Role = iota
	Originator
	Responder
)

var roleNames = []string{"", "originator", "responder"}

// Weight is how much one piece of evidence counts.
type Weight uint8

// The weights.
const (
	WeightNone Weight = iota
	Weak
	Strong
	Decisive
)

var weightNames = []string{"", "weak", "strong", "decisive"}

// Family is the IP version of the segment that carried the RST.
type Family uint8

// The families.
const (
	FamilyNone Family = iota
	IPv4
	IPv6
)

var familyNames = []string{"", "ipv4", "ipv6"}

// Baseline is what was known of a connection before its RST.
type Baseline uint8

// The baselines.
const (
	BaselineAbsent Baseline = iota
	BaselineNone
	BaselineHandshake
	BaselineFull
)

var baselineNames = []string{"", "none", "handshake", "full"}

// Source names a sensor, or the part of one, that saw a RST.
type Source uint8

// The sources. TCPSendReset, TCPReceiveReset and KfreeSkb are the kernel's
// tracepoints of those names; Wire is a packet hook; Packet is AF_PACKET.
const (
	SourceNone Source = iota
	TCPSendReset
	TCPReceiveReset
	KfreeSkb
	Wire
	AFPacket
	NFLog
	KLog
	Pcap
)

var sourceNames = []string{
	"", "tcp_send_reset", "tcp_receive_reset", "kfree_skb", "wire", "af_packet", "nflog", "klog", "pcap",
}

// NumSources is the number of values of Source, for arrays indexed by it.
const NumSources = int(Pcap) + 1
