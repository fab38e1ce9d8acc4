package reset

// Reset is one RST segment as one network namespace met it, in one direction.
// It is the record of the contract; a field that is not known is left at its
// zero, which its JSON form omits.
type Reset struct {
	ID               ID          `json:"id"`
	Revision         uint32      `json:"revision"`                   // 1, 2, …
	Final            bool        `json:"final"`                      // no further revision will follow
	ProvisionalUntil Time        `json:"provisional_until,omitzero"` // when it will be final
	Time             Time        `json:"time,omitzero"`              // wall clock
	MonoNS           Opt[int64]  `json:"mono_ns,omitzero"`           // CLOCK_MONOTONIC, nanoseconds
	Host             string      `json:"host,omitzero"`              // where it was observed
	BootID           string      `json:"boot_id,omitzero"`           // /proc/sys/kernel/random/boot_id
	Netns            Netns       `json:"netns,omitzero"`
	Direction        Direction   `json:"direction,omitzero"`
	Interface        Interface   `json:"interface,omitzero"`
	Src              Endpoint    `json:"src,omitzero"` // as the RST bears it on the wire
	Dst              Endpoint    `json:"dst,omitzero"`
	Packet           Packet      `json:"packet,omitzero"`
	PacketID         Hash        `json:"packet_id,omitzero"` // equal in every record of the same packet
	Twin             ID          `json:"twin,omitzero"`      // the record at the other end
	Trigger          *Trigger    `json:"trigger,omitzero"`   // the packet that this RST answers
	Flow             Hash        `json:"flow,omitzero"`      // equal at both ends of the connection
	Pkt              Hash        `json:"pkt,omitzero"`       // equal at both ends of the packet
	NAT              *NAT        `json:"nat,omitzero"`
	Role             Role        `json:"role,omitzero"` // which end src is
	Sender           Sender      `json:"sender,omitzero"`
	Cause            Cause       `json:"cause,omitzero"`
	Confidence       Confidence  `json:"confidence,omitzero"`
	Evidence         []Evidence  `json:"evidence,omitzero"`
	Harm             Harm        `json:"harm,omitzero"`
	CausedBy         []ID        `json:"caused_by,omitzero"`
	Related          []ID        `json:"related,omitzero"`
	Kernel           Kernel      `json:"kernel,omitzero"`
	Connection       *Connection `json:"connection,omitzero"`
	Process          *Process    `json:"process,omitzero"` // owner of the socket
	Container        *Container  `json:"container,omitzero"`
	Rule             string      `json:"rule,omitzero"`  // firewall rule that rejected
	Claim            string      `json:"claim,omitzero"` // what a diagnostic payload says
	Sources          SourceSet   `json:"sources,omitzero"`
	Fold             *Fold       `json:"fold,omitzero"`
	Summary          string      `json:"summary,omitzero"` // one plain sentence
}

// CommentMark begins the comment of a packet in a pcapng file after which the
// JSON of its record follows, so that who reads the file has it again.
const CommentMark = "rstwatch-record: "

// Netns names a network namespace.
type Netns struct {
	ID     uint64 `json:"id,omitzero"`     // inode number in nsfs
	Cookie uint64 `json:"cookie,omitzero"` // net->net_cookie, never reused within a boot
	Name   string `json:"name,omitzero"`   // from /run/netns, if it has one
}

// Interface names the devices that the RST passed; physin and physout are the
// bridge ports or lower devices, in netfilter's words.
type Interface struct {
	In      string `json:"in,omitzero"`
	Out     string `json:"out,omitzero"`
	PhysIn  string `json:"physin,omitzero"`
	PhysOut string `json:"physout,omitzero"`
}

// Packet is the RST segment's headers. Where Raw is present, all but the last
// four fields, Mark and Tunnel derive from it and LinkHeader.
type Packet struct {
	Family     Family      `json:"family,omitzero"`
	Length     Opt[uint32] `json:"length,omitzero"` // bytes of the IP packet
	TOS        Opt[uint8]  `json:"tos,omitzero"`    // IPv4 TOS, IPv6 traffic class
	TTL        Opt[uint8]  `json:"ttl,omitzero"`    // IPv4 TTL, IPv6 hop limit
	IPID       Opt[uint16] `json:"ip_id,omitzero"`
	DF         Opt[bool]   `json:"df,omitzero"`
	FlowLabel  Opt[uint32] `json:"flow_label,omitzero"`
	Seq        Opt[uint32] `json:"seq,omitzero"`
	Ack        Opt[uint32] `json:"ack,omitzero"`
	Window     Opt[uint16] `json:"window,omitzero"` // unscaled
	Flags      Flags       `json:"flags,omitzero"`
	Reserved   Opt[uint8]  `json:"reserved,omitzero"` // the four bits of RFC 9293, 3.1
	TCPOptions Hex         `json:"tcp_options,omitzero"`
	IPOptions  Hex         `json:"ip_options,omitzero"`
	Urgent     Opt[uint16] `json:"urgent,omitzero"`
	Payload    []byte      `json:"payload,omitzero"` // base64; kept only by choice
	MACSrc     MAC         `json:"mac_src,omitzero"`
	MACDst     MAC         `json:"mac_dst,omitzero"`
	VLAN       Opt[uint16] `json:"vlan,omitzero"`
	Mark       Opt[uint32] `json:"mark,omitzero"`
	Tunnel     []Tunnel    `json:"tunnel,omitzero"`          // outer headers, outermost first
	Raw        []byte      `json:"raw,omitzero"`             // base64, from the IP header
	LinkHeader []byte      `json:"link_header,omitzero"`     // base64
	Captured   Opt[uint32] `json:"captured_length,omitzero"` // bytes in Raw
}

// Tunnel is one layer of headers around the RST's own.
type Tunnel struct {
	Kind string      `json:"kind"` // gre, vxlan, geneve, ipip, …
	Src  Endpoint    `json:"src,omitzero"`
	Dst  Endpoint    `json:"dst,omitzero"`
	ID   Opt[uint32] `json:"id,omitzero"` // VNI, key, TEID or label
	TTL  Opt[uint8]  `json:"ttl,omitzero"`
}

// Trigger is the packet that a RST answers. Its addresses are the RST's,
// exchanged.
type Trigger struct {
	Flags     Flags       `json:"flags,omitzero"`
	Seq       Opt[uint32] `json:"seq,omitzero"`
	Ack       Opt[uint32] `json:"ack,omitzero"`
	Length    Opt[uint32] `json:"length,omitzero"` // bytes of the IP packet
	TTL       Opt[uint8]  `json:"ttl,omitzero"`
	TOS       Opt[uint8]  `json:"tos,omitzero"`
	IPID      Opt[uint16] `json:"ip_id,omitzero"`
	Window    Opt[uint16] `json:"window,omitzero"`
	MACSrc    MAC         `json:"mac_src,omitzero"`
	Mark      Opt[uint32] `json:"mark,omitzero"`
	Conntrack string      `json:"conntrack,omitzero"` // NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED
}

// Tuple is one direction of a connection.
type Tuple struct {
	Src Endpoint `json:"src"`
	Dst Endpoint `json:"dst"`
}

// NAT is what conntrack knows of a translated connection.
type NAT struct {
	Original Tuple `json:"original"`
	Reply    Tuple `json:"reply"`
}

// Confidence is how sure the two halves of the verdict are.
type Confidence struct {
	Sender Level `json:"sender,omitzero"`
	Cause  Level `json:"cause,omitzero"`
}

// Evidence is one fact and what it speaks for or against.
type Evidence struct {
	Fact    string `json:"fact"` // from the closed, documented list
	Value   string `json:"value,omitzero"`
	For     string `json:"for"` // "sender=path", "cause=no-listener"
	Weight  Weight `json:"weight"`
	Against bool   `json:"against,omitzero"`
}

// Kernel is what this host's kernel said of the RST.
type Kernel struct {
	Reason     string   `json:"reason,omitzero"`      // enum sk_rst_reason, without its prefix
	DropReason string   `json:"drop_reason,omitzero"` // enum skb_drop_reason, without its prefix; of an outgoing reply: of its trigger
	Verdict    Verdict  `json:"verdict,omitzero"`
	Inferred   bool     `json:"inferred,omitzero"` // no event says the verdict
	Stack      []string `json:"stack,omitzero"`
	UserStack  []string `json:"user_stack,omitzero"`
}

// Connection is the socket's last state, as its own end knew it.
type Connection struct {
	State         string      `json:"state,omitzero"` // ESTABLISHED, CLOSE, …
	AgeMS         Opt[int64]  `json:"age_ms,omitzero"`
	SinceHeardMS  Opt[int64]  `json:"since_heard_ms,omitzero"`
	SinceSentMS   Opt[int64]  `json:"since_sent_ms,omitzero"`
	QuietBeforeMS Opt[int64]  `json:"quiet_before_ms,omitzero"` // the silence that ended with our last send
	BytesSent     Opt[uint64] `json:"bytes_sent,omitzero"`
	BytesReceived Opt[uint64] `json:"bytes_received,omitzero"` // neither SYN nor FIN counts, here and below
	Unread        Opt[uint32] `json:"unread,omitzero"`         // bytes
	Unsent        Opt[uint32] `json:"unsent,omitzero"`         // bytes written and not acknowledged
	RTTUS         Opt[uint32] `json:"rtt_us,omitzero"`
	MinRTTUS      Opt[uint32] `json:"min_rtt_us,omitzero"`
	Retransmits   Opt[uint32] `json:"retransmits,omitzero"` // segments, over the connection's life
	Cookie        Opt[uint64] `json:"cookie,omitzero"`      // SO_COOKIE
	Baseline      Baseline    `json:"baseline,omitzero"`
}

// Process is the owner of a socket.
type Process struct {
	PID  Opt[uint32] `json:"pid,omitzero"`
	Comm string      `json:"comm,omitzero"`
	Exe  string      `json:"exe,omitzero"`
	UID  Opt[uint32] `json:"uid,omitzero"`
	GID  Opt[uint32] `json:"gid,omitzero"`
	Exit *Exit       `json:"exit,omitzero"` // if it was ending
	By   *Process    `json:"by,omitzero"`   // where another process did it
	Args []string    `json:"args,omitzero"` // only by choice
}

// Exit is how a process ended.
type Exit struct {
	Code   Opt[int32] `json:"code,omitzero"`
	Signal string     `json:"signal,omitzero"` // SIGKILL, …
	OOM    bool       `json:"oom,omitzero"`
}

// Container is where the owner of a socket runs.
type Container struct {
	ID        string `json:"id,omitzero"`
	Name      string `json:"name,omitzero"`
	Runtime   string `json:"runtime,omitzero"`
	Image     string `json:"image,omitzero"`
	Pod       string `json:"pod,omitzero"`
	Namespace string `json:"namespace,omitzero"`
}

// Fold stands for resets that were folded into one record under flood.
type Fold struct {
	Generalised []string `json:"generalised"`
	Count       uint64   `json:"count"`
	First       Time     `json:"first,omitzero"`
	Last        Time     `json:"last,omitzero"`
	Distinct    uint64   `json:"distinct,omitzero"`
}
