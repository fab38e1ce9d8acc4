package reset

// Hook is the place where a sensor saw a RST. It fixes what the sighting can
// say of the direction.
type Hook uint8

// The hooks.
//
//	HookNone       no sighting: everything before MonoNS was told (a watermark)
//	HookSent       the kernel's TCP sends a RST (tcp_send_reset)
//	HookAccepted   the kernel's TCP took a RST (tcp_receive_reset): no packet
//	HookRefused    the stack freed a received RST and said why (kfree_skb)
//	HookWireIn     a device handed the RST to the stack
//	HookWireOut    the stack handed the RST to a device
//	HookLocalIn    netfilter INPUT, or a LOG line with IN= only
//	HookLocalOut   netfilter OUTPUT, or a LOG line with OUT= only
//	HookForward    netfilter FORWARD, or a LOG line with both
//	HookTransit    a capture file whose vantage is not known
//	HookRejected   netfilter dropped the packet that a RST had just answered
const (
	HookNone Hook = iota
	HookSent
	HookAccepted
	HookRefused
	HookWireIn
	HookWireOut
	HookLocalIn
	HookLocalOut
	HookForward
	HookTransit
	HookRejected
)

// Origination says what the stack knew, at HookWireOut, of where the packet
// came from: whether a device had received it, and the kind of its socket.
type Origination uint8

// The originations. OriginNoSocket is a packet that no device received and no
// socket owns: netfilter's REJECT, or BPF.
const (
	OriginUnknown      Origination = iota // the sensor cannot tell
	OriginForwarded                       // a device had received it
	OriginTCPSocket                       // an abort of that socket
	OriginTCPControl                      // TCP's reply without a socket of its own
	OriginRawSocket                       // SOCK_RAW of a process
	OriginPacketSocket                    // AF_PACKET of a process
	OriginNoSocket
)

// Sighting is one sensor's view of one RST. Fields that the sensor cannot see
// stay zero.
type Sighting struct {
	Source     Source
	Hook       Hook
	Origin     Origination
	Complete   bool // no further sighting of this RST will come: do not wait
	Time       Time
	MonoNS     int64  // CLOCK_MONOTONIC at the event, 0 if the sensor has none
	Host       string // only where the evidence says it (a log line)
	Netns      Netns
	Interface  Interface
	Src, Dst   Endpoint // of the RST, as on the wire
	Packet     Packet
	Trigger    *Trigger
	Kernel     Kernel // Inferred: no event will say what TCP does with the RST, so silence tells nothing
	Connection *Connection
	Process    *Process // owner of the socket, or the writer of an injected packet
	Context    *Context // what else is known around it; nil: nothing
	// OtherHost marks a frame that a device handed over although it is addressed
	// to another station: promiscuous mode, or a bridge on the way.
	OtherHost bool
	// Extra are the further sources that this sighting already contains, joined
	// by the sensor itself.
	Extra SourceSet

	SKB    uint64 // kernel address of the packet while it was seen: a join key, never shown
	Cookie uint64 // SO_COOKIE of the socket that sent or took it: a join key
	CPU    uint32
	// Next is the SEQ that the socket which took the RST expected: a join key
	// where the addresses were translated on the way to it.
	Next Opt[uint32]
	// Unacked is that socket's SND.UNA, a join key likewise: of a connecting
	// socket the SEQ of its SYN.
	Unacked Opt[uint32]
}
