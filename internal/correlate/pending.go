package correlate

import "github.com/rstwatch/rstwatch/internal/reset"

// pending is a reset that still waits for sightings. It owns the bytes that its
// record points to.
type pending struct {
	record    reset.Reset
	sightings uint64
	first     int64  // monotonic time of the first sighting
	hooks     uint16 // a bit a hook
	origin    reset.Origination
	tuple     tuple
	netns     uint64
	skb       uint64
	socket    uint64
	cpu       uint32 // that saw it on a device, last
	device    string // the device that saw it last
	foreign   bool   // every device so far took it for another host

	nextOfTuple  *pending
	older, newer *pending

	raw        [256]byte
	link       [32]byte
	tcpOptions [40]byte
	ipOptions  [40]byte
	trigger    reset.Trigger
	triggerMAC [8]byte
	connection reset.Connection
	context    reset.Context
	hasContext bool
}

func (p *pending) saw(hook reset.Hook) bool { return p.hooks&(1<<hook) != 0 }

func (p *pending) only(hook reset.Hook) bool { return p.hooks == 1<<hook }

// begin makes the place that of a new reset.
func (p *pending) begin(s *reset.Sighting) {
	p.record = reset.Reset{
		Time: s.Time, Host: s.Host, Netns: s.Netns, Src: s.Src, Dst: s.Dst,
		Interface: s.Interface, Direction: directionOf(s),
	}
	if s.MonoNS != 0 {
		p.record.MonoNS = reset.Some(s.MonoNS)
	}
	p.first, p.hooks, p.sightings = s.MonoNS, 0, 0
	p.origin, p.netns, p.skb, p.socket = s.Origin, s.Netns.ID, 0, 0
	p.device, p.foreign, p.hasContext = "", true, false
	p.take(s)
	p.takePacket(s)
	p.device = s.Interface.In + s.Interface.Out // a wire hook names one of the two
}

// joined is what is known beside the record.
func (p *pending) joined() Joined {
	j := Joined{
		Origin: p.origin, Sightings: p.sightings,
		Foreign: p.foreign && p.record.Direction == reset.In,
	}
	if p.hasContext {
		j.Context = &p.context
	}
	return j
}

func directionOf(s *reset.Sighting) reset.Direction {
	switch s.Hook {
	case reset.HookWireIn, reset.HookAccepted, reset.HookLocalIn:
		return reset.In
	case reset.HookWireOut:
		if s.Origin == reset.OriginForwarded {
			return reset.Forward
		}
		return reset.Out
	case reset.HookSent, reset.HookLocalOut, reset.HookRejected:
		return reset.Out
	case reset.HookRefused:
		if s.Origin != reset.OriginUnknown {
			return reset.Out
		}
		return reset.In
	case reset.HookForward:
		return reset.Forward
	}
	return reset.Transit
}

// take adds what every kind of sighting may tell.
func (p *pending) take(s *reset.Sighting) {
	p.sightings++
	p.hooks |= 1 << s.Hook
	p.foreign = p.foreign && s.OtherHost
	r := &p.record
	r.Sources = (r.Sources | s.Extra).With(s.Source)
	if s.Cookie != 0 && (p.socket == 0 || s.Hook == reset.HookSent) {
		p.socket = s.Cookie
	}
	if s.Kernel.Reason != "" {
		r.Kernel.Reason = s.Kernel.Reason
	}
	if s.Kernel.DropReason != "" {
		r.Kernel.DropReason = s.Kernel.DropReason
	}
	if s.Hook == reset.HookWireIn { // the word of the last device is the one that counts
		r.Kernel.Inferred = s.Kernel.Inferred
	}
	if s.Trigger != nil {
		p.trigger = *s.Trigger
		p.trigger.MACSrc = keep(p.triggerMAC[:], s.Trigger.MACSrc)
		r.Trigger = &p.trigger
	}
	if s.Connection != nil {
		p.connection = *s.Connection
		r.Connection = &p.connection
	}
	if s.Process != nil && (r.Process == nil || s.Hook == reset.HookSent) {
		r.Process = s.Process
	}
	if s.Context != nil {
		p.takeContext(s)
	}
	if r.Netns.ID == 0 {
		r.Netns, p.netns = s.Netns, s.Netns.ID
	}
	if s.Origin != reset.OriginUnknown {
		// A reply is known to be TCP's; the device saw only that no process owned it.
		if p.origin == reset.OriginUnknown || s.Hook == reset.HookSent {
			p.origin = s.Origin
		}
	}
}

// takeContext adds what the sighting knows around the RST; of two that know a
// part, TCP's own word counts.
func (p *pending) takeContext(s *reset.Sighting) {
	if !p.hasContext {
		p.hasContext, p.context = true, *s.Context
		return
	}
	p.context.Merge(s.Context, s.Hook == reset.HookSent || s.Hook == reset.HookAccepted)
}

// join adds a further sighting of the same RST.
func (p *pending) join(s *reset.Sighting) {
	r := &p.record
	p.translated(s)
	if p.only(reset.HookAccepted) && s.Hook == reset.HookSent {
		// No RST had arrived: the record is that of the one that was sent.
		r.Direction, r.Src, r.Dst, r.Interface = reset.Out, s.Src, s.Dst, s.Interface
		r.Sources = 0
		p.hooks = 0
	}
	switch s.Hook {
	case reset.HookWireIn:
		if r.Interface.PhysIn == "" {
			r.Interface.PhysIn = r.Interface.In
		}
		r.Interface.In, p.device = s.Interface.In, s.Interface.In
	case reset.HookWireOut:
		p.joinWireOut(s)
	}
	p.take(s)
	if len(r.Packet.Raw) == 0 && r.Packet.Family == reset.FamilyNone {
		p.takePacket(s)
	}
	if r.Interface.In == "" && r.Direction == reset.In {
		r.Interface.In = s.Interface.In
	}
	if r.Interface.Out == "" && r.Direction == reset.Out {
		r.Interface.Out, r.Interface.PhysOut = s.Interface.Out, s.Interface.PhysOut
	}
}

// translated notes the addresses by which this host's socket knows the
// connection, where they are not those that the packet bears on the wire.
func (p *pending) translated(s *reset.Sighting) {
	inside, wire := tuple{s.Src, s.Dst}, p.tuple
	if inside == wire || s.Src.Port() == 0 || s.Dst.Port() == 0 {
		return
	}
	switch {
	case s.Hook == reset.HookSent && p.saw(reset.HookWireOut):
		p.record.NAT = translation(inside, wire)
	case s.Hook == reset.HookAccepted && p.saw(reset.HookWireIn):
		p.record.NAT = translation(wire, inside)
	}
}

// translation is what a packet with one pair of addresses that leaves with
// another says of its connection.
func translation(before, after tuple) *reset.NAT {
	return &reset.NAT{
		Original: reset.Tuple{Src: before.src, Dst: before.dst},
		Reply:    reset.Tuple{Src: after.dst, Dst: after.src},
	}
}

func (p *pending) joinWireOut(s *reset.Sighting) {
	r := &p.record
	p.device = s.Interface.Out
	if r.Interface.Out != "" {
		r.Interface.PhysOut = s.Interface.Out
		return
	}
	r.Interface.Out = s.Interface.Out
	if r.Direction != reset.In {
		return
	}
	r.Direction = reset.Forward
	p.joinPassed(s)
	if p.tuple == (tuple{s.Src, s.Dst}) {
		// netfilter's FORWARD sees the header after the hop was counted, with
		// the link header of its arrival; so does the record.
		arrived := r.Packet
		leaving := *s
		leaving.Packet.LinkHeader = nil
		p.takePacket(&leaving)
		r.Packet.LinkHeader, r.Packet.MACSrc, r.Packet.MACDst = arrived.LinkHeader, arrived.MACSrc, arrived.MACDst
		r.Packet.VLAN = arrived.VLAN
		if !r.Packet.Mark.OK {
			r.Packet.Mark = arrived.Mark
		}
	} else {
		r.NAT = translation(p.tuple, tuple{s.Src, s.Dst})
	}
}

// joinPassed has what is known of the RST's source counted like the packet, of
// which the record has the header as it leaves.
func (p *pending) joinPassed(s *reset.Sighting) {
	passed := &p.context.Passed
	if !p.hasContext || !passed.Known {
		return
	}
	p.connection = reset.Connection{Baseline: reset.BaselineHandshake}
	p.record.Connection = &p.connection
	came, goes := p.record.Packet.TTL, s.Packet.TTL
	if p.tuple == (tuple{s.Src, s.Dst}) && came.OK && goes.OK && goes.V < came.V && passed.TTL >= came.V-goes.V {
		passed.Hops = came.V - goes.V
		passed.TTL -= passed.Hops
	}
}

// takePacket copies the RST's own headers.
func (p *pending) takePacket(s *reset.Sighting) {
	p.record.Packet = s.Packet
	out := &p.record.Packet
	out.Raw, out.LinkHeader = nil, nil
	out.Raw = keep(p.raw[:], s.Packet.Raw)
	out.TCPOptions = keep(p.tcpOptions[:], s.Packet.TCPOptions)
	out.IPOptions = keep(p.ipOptions[:], s.Packet.IPOptions)
	out.LinkHeader = keep(p.link[:], s.Packet.LinkHeader)
	if len(out.LinkHeader) >= 12 {
		out.MACDst, out.MACSrc = reset.MAC(out.LinkHeader[0:6:6]), reset.MAC(out.LinkHeader[6:12:12])
	}
	if out.Seq.OK {
		p.record.Src, p.record.Dst = s.Src, s.Dst
	}
}

// keep copies bytes to where they outlive the sighting; nil stays nil.
func keep(place, from []byte) []byte {
	if len(from) == 0 {
		return nil
	}
	return place[:copy(place, from)]
}
