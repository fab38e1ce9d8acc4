package reset

// Context is what a sensor knew around a RST that is no field of the record:
// the socket's settings, who called, what was known of the connection before.
// Verdicts are made of it, and what they stand on goes into the evidence; the
// context itself is not stored. Parts that are not known stay zero.
type Context struct {
	Socket SocketFacts
	// Stack is the kernel functions under which the RST was sent, innermost
	// first, as far as they are in the sensor's list. Shared: never changed.
	Stack  []string
	Cgroup uint64 // of the socket: the inode number of its cgroup v2 directory
	Inode  uint64 // of the socket: what /proc/PID/fd calls socket:[inode]; 0: no process holds it
	Past   Past
	Peer   PeerFacts
	Passed Passed
	Beside Beside
	Flow   FlowFacts
}

// SocketFacts is what the socket that sent or took the RST (or, of a refused
// handshake, its listener) was set to and where it stood.
type SocketFacts struct {
	Orphan        Opt[bool]   // no process holds it: never accepted, or already closed (sk_socket)
	Linger        Opt[bool]   // SO_LINGER is on
	LingerMS      Opt[int64]  // its time
	Linger2       Opt[int32]  // TCP_LINGER2; negative: FIN_WAIT2 is not waited for
	Shutdown      Opt[uint8]  // sk_shutdown: 1 receiving, 2 sending
	Error         Opt[uint16] // sk_err, an errno; 0: none
	Retransmits   Opt[uint8]  // icsk_retransmits: unanswered so far
	Probes        Opt[uint8]  // icsk_probes_out: keepalive or window probes unanswered so far
	Keepalive     Opt[bool]   // SO_KEEPALIVE is on
	UserTimeoutMS Opt[uint32] // TCP_USER_TIMEOUT; 0: none
	RcvNxt        Opt[uint32] // next SEQ expected
	RcvWnd        Opt[uint32] // bytes of window offered
	SndNxt        Opt[uint32]
	SndUna        Opt[uint32] // oldest SEQ not acknowledged
	SinceDataMS   Opt[int64]  // since data of the peer last arrived (icsk_ack.lrcvtime)
	Multipath     Opt[bool]   // a subflow of Multipath TCP
	OfKernel      Opt[bool]   // the kernel's own (NFS, SMC): it never had a file
	TimeoutHit    Opt[bool]   // a timer of the socket's own had run out when it sent
}

// Past is what was known of this connection, by its addresses in this
// namespace, before the RST: from a table that is kept at the handshake and at
// the close, and never for each packet.
type Past struct {
	Known      bool
	OpenedAgo  Opt[int64] // ns since the handshake was complete; absent: it never was, or before the sensor began
	Originator Opt[bool]  // this end connected
	// Of the handshake's packet that came from the other end.
	HandshakeTTL  Opt[uint8]
	HandshakeIPID Opt[uint16]
	HandshakeMAC  MAC
	Owner         *Process   // who connected, accepted or closed it, as far as known
	OwnerListens  bool       // Owner is only who listened on the port: who accepted is not known
	FinAgo        Opt[int64] // ns since this end sent its FIN
	ClosedAgo     Opt[int64] // ns since the socket was gone; absent where it sent or took this RST
	ClosedFrom    string     // the state that it left for CLOSE: FIN_WAIT2, ESTABLISHED, …
	ClosedError   uint16     // sk_err at that time: ECONNRESET, ETIMEDOUT, …
	RTTUS         Opt[uint32]
	RcvNxt        Opt[uint32] // at the close
	SndNxt        Opt[uint32]
	ResetAgo      Opt[int64] // ns since it took an earlier RST
}

// PeerFacts is what the last complete handshake with the other end's address
// showed, whatever the connection: with the source of a RST that came, with the
// destination of one that was sent.
type PeerFacts struct {
	Known bool
	TTL   uint8
	IPID  uint16
	MAC   MAC
	AgoNS int64
}

// Passed is the packet with which the RST's source had opened the connection, as
// it passed this host by the same device: a SYN, or a SYN with ACK. Nobody here
// took part, so it may have been written in somebody else's name.
type Passed struct {
	Known bool
	TTL   uint8 // counted like the record's
	Hops  uint8 // of both, that this host itself has counted
	IPID  Opt[uint16]
	MAC   MAC
	Seq   uint32
	SYN   bool // without ACK: the RST's source connected
}

// Beside is another connection of the same local address and port: what an
// answer that was not translated back misses.
type Beside struct {
	Known  bool
	Remote Endpoint
	State  string
	AgoNS  int64       // since it was begun
	SndNxt Opt[uint32] // what it had sent: an answer to it acknowledges that
	RcvNxt Opt[uint32]
}

// Stage is how far a connection had come, as the packets before the RST tell.
type Stage uint8

// The stages.
const (
	StageNone Stage = iota // no packet of it was seen
	AfterSYN
	AfterSYNACK
	AfterHandshake
	AfterFirstData
	AfterMoreData
	AfterFIN    // of the other end alone
	AfterOwnFIN // of the RST's source
)

var stageNames = []string{"", "syn", "syn-ack", "handshake", "first-data", "more-data", "fin", "own-fin"}

// String is the word for people.
func (s Stage) String() string { return wordString(stageNames, s) }

// SeqFit is how a RST's SEQ fits what was seen of its source before.
type SeqFit uint8

// The fits.
const (
	SeqUnknown  SeqFit = iota
	SeqNext            // the next in sequence
	SeqAcked           // an ACK that the other end sent: as a reply bears it
	SeqZero            // zero, with ACK: a reply to a packet without ACK
	SeqOffByOne        // of the next in sequence, around a FIN or a keepalive
	SeqNowhere         // none of these
)

// FlowFacts is what a capture file shows of the connection before the RST, and
// of its source. What follows the RST is in After.
type FlowFacts struct {
	Known       bool
	Stage       Stage
	Originator  Opt[bool] // the RST's source sent the SYN
	Packets     uint64    // of the RST's source, before it
	TTLMin      uint8     // of those packets
	TTLMax      uint8
	IPID        Opt[uint16] // of the last of them
	IPIDCounts  bool        // those packets' IP IDs count up
	MAC         MAC         // the last of them bore
	DF          Opt[bool]   // all of them agree
	Timestamps  bool        // both ends negotiated them
	Seq         SeqFit
	AckNever    bool        // the RST acknowledges what the other end never sent
	MinRTTUS    Opt[uint32] // least between a packet and its acknowledgement
	SinceSendUS Opt[int64]  // since the other end's last packet
	QuietMS     Opt[int64]  // the silence before that packet
	Answers     *Trigger    // the packet of the other end that this RST answers, by its numbers
	// AnswersUS is how long before the RST the first packet was seen that it may
	// answer; absent where an earlier one may have been forgotten.
	AnswersUS Opt[int64]
	Copied    bool // IP ID, TTL and window are those of the other end's packet
	OtherRST  bool // the other end had sent a RST before
	OtherFIN  bool // the other end had sent its FIN, whatever the stage
	OneSided  bool // only packets of one end were seen
	Handshake bool // the connection was seen from its SYN on: not joined midway
	Gaps      bool // segments were acknowledged that the capture does not have
}

// Merge adds the parts that other knows and c does not; where other prevails,
// its parts replace those of c.
func (c *Context) Merge(other *Context, prevails bool) {
	if other.Socket != (SocketFacts{}) && (prevails || c.Socket == (SocketFacts{})) {
		c.Socket = other.Socket
	}
	if len(other.Stack) > 0 && (prevails || len(c.Stack) == 0) {
		c.Stack = other.Stack
	}
	if other.Cgroup != 0 && (prevails || c.Cgroup == 0) {
		c.Cgroup = other.Cgroup
	}
	if other.Inode != 0 && (prevails || c.Inode == 0) {
		c.Inode = other.Inode
	}
	if other.Past.Known && (prevails || !c.Past.Known) {
		c.Past = other.Past
	}
	if other.Peer.Known && (prevails || !c.Peer.Known) {
		c.Peer = other.Peer
	}
	if other.Passed.Known && (prevails || !c.Passed.Known) {
		c.Passed = other.Passed
	}
	if other.Beside.Known && (prevails || !c.Beside.Known) {
		c.Beside = other.Beside
	}
	if other.Flow.Known && (prevails || !c.Flow.Known) {
		c.Flow = other.Flow
	}
}
