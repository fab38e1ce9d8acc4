package attribute

import (
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

var randomReasons = []string{
	"", "NOT_SPECIFIED", "NO_SOCKET", "INVALID_SYN", "TCP_FLAGS", "TCP_STATE", "TCP_ABORT_ON_CLOSE", "TCP_ABORT_ON_DATA",
	"TCP_ABORT_ON_LINGER", "TCP_TIMEWAIT_SOCKET", "TCP_KEEPALIVE_TIMEOUT", "TCP_INVALID_ACK_SEQUENCE", "TCP_DISCONNECT_WITH_DATA",
	"TCP_RFC7323_PAWS", "MPTCP_RST_EMPTCP", "NEW_IN_7_0",
}

var randomDrops = []string{"", "NO_SOCKET", "NETFILTER_DROP", "TCP_RESET", "TCP_OLD_SEQUENCE", "TCP_INVALID_SEQUENCE", "TCP_LISTEN_OVERFLOW", "NOT_SPECIFIED"}

var randomStates = []string{"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "NEW_SYN_RECV", "LISTEN", "CLOSE", "CLOSE_WAIT", "FIN_WAIT1", "FIN_WAIT2", "LAST_ACK", "CLOSING", "TIME_WAIT"}

var randomStacks = [][]string{
	nil, {"__tcp_close", "sock_close"}, {"__tcp_close", "do_exit"}, {"tcp_abort", "tcp_diag_destroy"}, {"inet_csk_listen_stop", "__tcp_close"},
	{"tcp_disconnect", "__inet_stream_connect"}, {"tcp_keepalive_timer"}, {"tcp_out_of_resources"}, {"mptcp_do_fastclose"},
}

// few draws a number out of few, so that numbers meet, and of the borders.
func few(t *rapid.T) uint32 {
	return rapid.OneOf(rapid.Uint32Range(0, 3), rapid.Uint32Range(995, 1005), rapid.Uint32Range(1<<32-3, 1<<32-1), rapid.Uint32()).Draw(t, "number")
}

func optional[T any](t *rapid.T, draw func() T) (v reset.Opt[T]) {
	if rapid.Bool().Draw(t, "known") {
		return reset.Some(draw())
	}
	return v
}

func drawCase(t *rapid.T) *Case {
	r := endpoints(&reset.Reset{Direction: reset.Direction(rapid.IntRange(0, 4).Draw(t, "direction"))})
	r.Sources = reset.SourceSet(rapid.Uint16Range(0, 1<<reset.NumSources-1).Draw(t, "sources")) &^ 1
	r.Kernel.Reason = rapid.SampledFrom(randomReasons).Draw(t, "reason")
	r.Kernel.DropReason = rapid.SampledFrom(randomDrops).Draw(t, "drop")
	r.Kernel.Inferred = rapid.Bool().Draw(t, "silent")
	r.Claim = rapid.SampledFrom([]string{"", "code 1", "\x1b[2J"}).Draw(t, "claim")
	r.Interface.In = rapid.SampledFrom([]string{"eth0", "lo"}).Draw(t, "device")
	drawPacket(t, &r.Packet)
	if rapid.Bool().Draw(t, "trigger") {
		r.Trigger = drawTrigger(t)
	}
	if state := rapid.SampledFrom(randomStates).Draw(t, "state"); state != "" {
		r.Connection = drawConnection(t, state)
	}
	if rapid.Bool().Draw(t, "process") {
		r.Process = drawProcess(t)
	}
	c := &Case{Reset: r, Origin: reset.Origination(rapid.IntRange(0, 6).Draw(t, "origin"))}
	if rapid.IntRange(0, 3).Draw(t, "context") > 0 {
		c.Context = drawContext(t)
	}
	drawAfter(t, &c.After)
	return c
}

func drawPacket(t *rapid.T, p *reset.Packet) {
	p.Family = reset.Family(rapid.IntRange(1, 2).Draw(t, "family"))
	p.Flags = reset.RST
	if rapid.Bool().Draw(t, "ack") {
		p.Flags |= reset.ACK
	}
	if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
		p.Flags |= reset.SYN
	}
	p.Length = optional(t, func() uint32 { return rapid.SampledFrom([]uint32{40, 52, 60, 72}).Draw(t, "length") })
	p.TTL = optional(t, func() uint8 { return rapid.Uint8().Draw(t, "ttl") })
	p.IPID = optional(t, func() uint16 { return rapid.Uint16Range(0, 2).Draw(t, "id") })
	p.DF = optional(t, func() bool { return rapid.Bool().Draw(t, "df") })
	p.FlowLabel = optional(t, func() uint32 { return rapid.Uint32Range(0, 1).Draw(t, "label") })
	p.Seq, p.Ack = optional(t, func() uint32 { return few(t) }), optional(t, func() uint32 { return few(t) })
	p.Window = optional(t, func() uint16 { return rapid.Uint16Range(0, 2).Draw(t, "window") })
	p.Reserved = optional(t, func() uint8 { return rapid.Uint8Range(0, 1).Draw(t, "reserved") })
	p.TCPOptions = rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "options")
	p.MACSrc = rapid.SampledFrom([]reset.MAC{nil, {2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, make(reset.MAC, 6)}).Draw(t, "mac")
}

func drawTrigger(t *rapid.T) *reset.Trigger {
	return &reset.Trigger{
		Flags: reset.Flags(rapid.SampledFrom([]int{2, 16, 18, 24, 1, 17, 0}).Draw(t, "flags")),
		Seq:   optional(t, func() uint32 { return few(t) }), Ack: optional(t, func() uint32 { return few(t) }),
		Length:    optional(t, func() uint32 { return rapid.Uint32Range(40, 1500).Draw(t, "length") }),
		Conntrack: rapid.SampledFrom([]string{"", "INVALID", "NEW"}).Draw(t, "conntrack"),
	}
}

func drawConnection(t *rapid.T, state string) *reset.Connection {
	k := &reset.Connection{State: state}
	k.Unread, k.Unsent = optional(t, func() uint32 { return few(t) }), optional(t, func() uint32 { return few(t) })
	k.AgeMS = optional(t, func() int64 { return rapid.Int64Range(0, 1e6).Draw(t, "age") })
	k.QuietBeforeMS = optional(t, func() int64 { return rapid.Int64Range(0, 1e6).Draw(t, "quiet") })
	k.SinceSentMS = optional(t, func() int64 { return rapid.Int64Range(0, 2000).Draw(t, "since") })
	k.RTTUS = optional(t, func() uint32 { return rapid.Uint32Range(0, 1e6).Draw(t, "rtt") })
	k.MinRTTUS = k.RTTUS
	return k
}

func drawProcess(t *rapid.T) *reset.Process {
	p := &reset.Process{Comm: rapid.SampledFrom([]string{"", "nginx", "a\x1b[31m"}).Draw(t, "comm"), PID: reset.Some[uint32](7)}
	switch rapid.IntRange(0, 4).Draw(t, "end") {
	case 0:
		p.Exit = &reset.Exit{Signal: rapid.SampledFrom([]string{"SIGKILL", "\x1b"}).Draw(t, "signal")}
	case 1:
		p.Exit = &reset.Exit{Code: reset.Some[int32](1)}
	case 2:
		p.Exit = &reset.Exit{OOM: true}
	case 3:
		p.By = &reset.Process{Comm: "ss", PID: reset.Some[uint32](8)}
	}
	return p
}

func drawContext(t *rapid.T) *reset.Context {
	x := &reset.Context{Stack: rapid.SampledFrom(randomStacks).Draw(t, "stack")}
	s := &x.Socket
	s.Orphan, s.Linger = optional(t, func() bool { return rapid.Bool().Draw(t, "orphan") }), optional(t, func() bool { return rapid.Bool().Draw(t, "linger") })
	s.LingerMS = optional(t, func() int64 { return rapid.Int64Range(0, 1).Draw(t, "time") })
	s.Linger2 = optional(t, func() int32 { return rapid.Int32Range(-1, 1).Draw(t, "linger2") })
	s.UserTimeoutMS = optional(t, func() uint32 { return rapid.Uint32Range(0, 1).Draw(t, "limit") })
	s.Probes = optional(t, func() uint8 { return rapid.Uint8Range(0, 1).Draw(t, "probes") })
	s.Keepalive, s.TimeoutHit = optional(t, func() bool { return true }), optional(t, func() bool { return rapid.Bool().Draw(t, "timer") })
	s.Multipath = optional(t, func() bool { return rapid.Bool().Draw(t, "multipath") })
	s.SndNxt, s.RcvNxt = optional(t, func() uint32 { return few(t) }), optional(t, func() uint32 { return few(t) })
	p := &x.Past
	ago := func() int64 { return rapid.Int64Range(0, 1e11).Draw(t, "ago") }
	if p.Known = rapid.Bool().Draw(t, "past"); p.Known {
		p.OpenedAgo, p.FinAgo, p.ClosedAgo, p.ResetAgo = optional(t, ago), optional(t, ago), optional(t, ago), optional(t, ago)
		p.HandshakeTTL = optional(t, func() uint8 { return rapid.Uint8().Draw(t, "ttl") })
		p.HandshakeMAC = reset.MAC{2, 0, 0, 0, 0, 1}
		p.SndNxt, p.RcvNxt = optional(t, func() uint32 { return few(t) }), optional(t, func() uint32 { return few(t) })
		p.ClosedFrom, p.ClosedError = "ESTABLISHED", rapid.Uint16Range(0, 120).Draw(t, "errno")
		p.Originator = optional(t, func() bool { return rapid.Bool().Draw(t, "originator") })
	}
	x.Passed = reset.Passed{
		Known: rapid.Bool().Draw(t, "passed"), TTL: rapid.Uint8().Draw(t, "ttl passed"), Hops: rapid.Uint8().Draw(t, "hops"),
		Seq: rapid.Uint32().Draw(t, "seq passed"), SYN: rapid.Bool().Draw(t, "SYN passed"),
	}
	x.Peer = reset.PeerFacts{Known: rapid.Bool().Draw(t, "peer"), TTL: rapid.Uint8().Draw(t, "ttl")}
	x.Beside = reset.Beside{Known: rapid.Bool().Draw(t, "beside"), SndNxt: optional(t, func() uint32 { return few(t) })}
	drawFlow(t, &x.Flow)
	return x
}

func drawFlow(t *rapid.T, f *reset.FlowFacts) {
	if f.Known = rapid.IntRange(0, 3).Draw(t, "flow") == 0; !f.Known {
		return
	}
	f.Stage = reset.Stage(rapid.IntRange(0, 7).Draw(t, "stage"))
	f.Originator = optional(t, func() bool { return rapid.Bool().Draw(t, "originator") })
	f.Packets, f.TTLMin = rapid.Uint64Range(0, 2).Draw(t, "packets"), rapid.Uint8().Draw(t, "ttl")
	f.TTLMax = max(f.TTLMin, rapid.Uint8().Draw(t, "ttl"))
	f.Seq = reset.SeqFit(rapid.IntRange(0, 5).Draw(t, "fit"))
	f.AckNever, f.Copied, f.OneSided = rapid.Bool().Draw(t, "never"), rapid.Bool().Draw(t, "copied"), rapid.Bool().Draw(t, "one-sided")
	f.MinRTTUS = optional(t, func() uint32 { return rapid.Uint32Range(0, 1e5).Draw(t, "rtt") })
	f.AnswersUS = optional(t, func() int64 { return rapid.Int64Range(0, 1e5).Draw(t, "after") })
	f.QuietMS = optional(t, func() int64 { return rapid.Int64Range(0, 1e6).Draw(t, "quiet") })
	f.SinceSendUS = optional(t, func() int64 { return rapid.Int64Range(0, 1e6).Draw(t, "since") })
}

func drawAfter(t *rapid.T, a *After) {
	if rapid.IntRange(0, 3).Draw(t, "spoke") == 0 {
		a.PeerSpoke, a.PeerSpokeNS = drawTrigger(t), rapid.Int64Range(-1, 3e9).Draw(t, "when")
	}
	a.Others, a.OthersDiffer = rapid.IntRange(0, 2).Draw(t, "others"), rapid.Bool().Draw(t, "differ")
	a.SharedIPID = rapid.Bool().Draw(t, "shared")
	a.QuietLike, a.QuietOf = rapid.IntRange(0, 4).Draw(t, "like"), rapid.IntRange(0, 8).Draw(t, "of")
	a.ScansBySource = rapid.IntRange(0, 9).Draw(t, "scans")
	a.AddressNS = optional(t, func() int64 { return rapid.Int64Range(0, 1e12).Draw(t, "address") })
	if rapid.IntRange(0, 3).Draw(t, "tracked") == 0 {
		a.Tracked = &reset.NAT{}
	}
	if rapid.IntRange(0, 3).Draw(t, "link") == 0 {
		a.RelayedFrom = &Link{ID: reset.ID{3}, AgoNS: rapid.Int64Range(-1, 2e8).Draw(t, "ago")}
	}
}
