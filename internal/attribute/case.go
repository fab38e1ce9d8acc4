package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// Case is everything that a verdict is made of. Judge is a function of it and
// of nothing else: the order in which sightings came, or further facts, does
// not matter. Who judges a reset again keeps its Case.
type Case struct {
	Reset   *reset.Reset
	Origin  reset.Origination // who owned the packet when it left
	Context *reset.Context    // what the sensor knew around it; nil: nothing
	After   After             // what other records say of it, so far

	// silent is the sensor's word, in Kernel.Inferred, before Judge gives that
	// field its meaning in the record: no event would have told what TCP did.
	silent reset.Opt[bool]
	// answer is the packet that TCP's reply must have answered, where no sensor
	// saw it: a RST without ACK bears its ACK (RFC 9293, 3.5.2).
	answer reset.Trigger
}

// After is what other records of this host say of a RST: those before, beside
// and after it. It grows for some seconds after the RST; each time the verdict
// is made anew.
type After struct {
	// PeerSpoke: the RST's source sent on as if it had sent none, and this
	// host's kernel answered. What it sent, and how long after the RST.
	PeerSpoke    *reset.Trigger
	PeerSpokeNS  int64
	Others       int  // further RSTs of the same tuple within two seconds
	OthersDiffer bool // one of them differs in TTL, IP ID beyond a count, SEQ forward, ACK or window
	// SeqChange: two RSTs of this source within two seconds, the later one beyond
	// the earlier and beyond all that the source had sent and the other end had
	// acknowledged, before any FIN and before any RST of the other end: no TCP
	// does that (Weaver and others, NDSS 2009, RST_SEQ_CHANGE).
	SeqChange bool
	// AckChange: two RSTs of this source within two seconds acknowledge different
	// numbers, neither of which the other end ever sent (RST_ACK_CHANGE, likewise).
	AckChange  bool
	SharedIPID bool // RSTs of other sources bore this IP ID, not 0, or its neighbours
	Twin       *Twin
	NeverSent  *reset.Netns // the source is this namespace, which is watched: no such RST left it
	// Tracked is conntrack's entry here whose other end's packets have the RST's
	// addresses, turned round, and whose own are others: what it answers was not
	// translated.
	Tracked *reset.NAT
	// AddressNS is how long before the RST, which answers a packet that fits nothing
	// here, its source's address had come to a device of this host that had another
	// for longer; all of that was watched.
	AddressNS     reset.Opt[int64]
	Ends          *Ends // what a capture of the other end says of it
	RelayedFrom   *Link // the same process took a RST on another connection just before
	Death         *Link // the same process's end reset others: the first of them
	Siblings      int   // so many more resets have the same first cause
	QuietLike     int   // resets whose silence was as long as this one's, of QuietOf
	QuietOf       int
	ScansBySource int // ports that this source's RSTs, or SYNs that were refused, have met of late
}

// Ends is what two captures, one of each end, say of a RST that one of them has.
type Ends struct {
	Text      string
	SeenSent  bool // of one that arrived: it was seen to leave its source
	NeverSent bool // of one that arrived: its source's capture has none
}

// Twin is the record of the same packet at the end on this host that sent it.
type Twin struct {
	ID         reset.ID
	Sender     reset.Sender
	Cause      reset.Cause
	Confidence reset.Confidence
	Process    *reset.Process
	Rule       string // of the firewall, where it sent the packet
	Harm       reset.Harm
	CausedBy   []reset.ID
}

// Link is another record that led to this one.
type Link struct {
	ID    reset.ID
	AgoNS int64
	Src   reset.Endpoint
	Dst   reset.Endpoint
	// ByListener: only who listened for the other's connection is known, not who
	// accepted it.
	ByListener bool
}

// nothing is the context of a case without one.
var nothing reset.Context

// context is never nil.
func (c *Case) context() *reset.Context {
	if c.Context != nil {
		return c.Context
	}
	return &nothing
}

func (c *Case) socket() *reset.SocketFacts   { return &c.context().Socket }
func (c *Case) past() *reset.Past            { return &c.context().Past }
func (c *Case) flow() *reset.FlowFacts       { return &c.context().Flow }
func (c *Case) packet() *reset.Packet        { return &c.Reset.Packet }
func (c *Case) saw(source reset.Source) bool { return c.Reset.Sources.Has(source) }

// state is the socket's; empty where no socket is known.
func (c *Case) state() string {
	if c.Reset.Connection == nil {
		return ""
	}
	return c.Reset.Connection.State
}

var unknownConnection reset.Connection

// connection is never nil.
func (c *Case) connection() *reset.Connection {
	if c.Reset.Connection != nil {
		return c.Reset.Connection
	}
	return &unknownConnection
}

var noTrigger reset.Trigger

// trigger is never nil: what the sensor saw of the packet that the RST answers,
// or what a capture file shows of it.
func (c *Case) trigger() *reset.Trigger {
	if c.Reset.Trigger != nil {
		return c.Reset.Trigger
	}
	if answered := c.flow().Answers; answered != nil {
		return answered
	}
	if c.Origin == reset.OriginTCPControl && bareRST.holds(c) && c.packet().Seq.OK {
		c.answer = reset.Trigger{Flags: reset.ACK, Ack: c.packet().Seq}
		return &c.answer
	}
	return &noTrigger
}

func (c *Case) answers() bool { return c.trigger() != &noTrigger }
