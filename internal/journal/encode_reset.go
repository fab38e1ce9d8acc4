package journal

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// encodeReset encodes into e.record and returns what the next reset's times
// are stored relative to.
func (e *encoder) encodeReset(r *reset.Reset) (time, mono uint64) {
	b := e.record
	b = appendIDRelative(b, r.ID, r.Time)
	time, mono = uint64(r.Time), e.prevMono
	b = appendSigned(b, resetTime, int64(time-e.prevTime))
	if r.MonoNS.OK {
		mono = uint64(r.MonoNS.V) - time
		b = appendSigned(b, resetMono, int64(mono-e.prevMono))
	}
	b = appendUint(b, resetPlace, e.place(&place{r.Netns, r.Interface, r.Host, r.BootID}))
	b = appendUint(b, resetJudgement, e.judgement(&judgement{
		sources: r.Sources, direction: r.Direction, role: r.Role, sender: r.Sender, cause: r.Cause,
		confidence: r.Confidence, harm: r.Harm, verdict: r.Kernel.Verdict, inferred: r.Kernel.Inferred,
		reason: r.Kernel.Reason, dropReason: r.Kernel.DropReason, rule: r.Rule, claim: r.Claim,
	}))
	flags := e.derivable(r)
	if r.Final {
		flags |= flagFinal
	}
	b = appendBytes(b, resetRaw, r.Packet.Raw)
	b = appendUint(b, resetLinkHeader, e.bytes(slotLink, r.Packet.LinkHeader))
	b = appendUint(b, resetFlags, flags)
	b = e.appendPacket(b, &r.Packet, flags)
	b = e.appendDerived(b, r, flags)
	b = e.appendTrigger(b, r.Trigger, &r.Packet)
	b = e.appendConnection(b, r.Connection)
	b = e.appendProcess(b, resetProcess, r.Process, 0)
	b = e.appendContainer(b, r.Container)
	b = appendUint(b, resetSummary, e.text(slotSummary, r.Summary))
	b = e.appendEvidence(b, r.Evidence)
	if r.Revision != 1 {
		b = appendValue(b, resetRevision, uint64(r.Revision))
	}
	if r.ProvisionalUntil != 0 {
		b = appendSigned(b, resetProvisionalUntil, int64(uint64(r.ProvisionalUntil)-time))
	}
	e.record = e.appendRare(b, r)
	return time, mono
}

// appendIDRelative leaves out the id's 48 bits of time where they are those of
// the reset's own time, which is the rule.
func appendIDRelative(b []byte, id reset.ID, t reset.Time) []byte {
	if id.IsZero() {
		return b
	}
	if t >= 0 && id.UnixMilli() == int64(t)/1e6 {
		return append(append(appendTag(b, resetID, protowire.BytesType), 10), id[6:]...)
	}
	return appendID(b, resetID, id)
}

// derivable finds the fields that the reader can compute, so that they need
// not be stored. It compares rather than trusts: what is read back is what was
// appended, whatever a sensor did.
func (e *encoder) derivable(r *reset.Reset) (flags uint64) {
	p, d := &r.Packet, &e.scratch
	if len(p.Raw) != 0 {
		if plainHeaders(r) || e.headersDerive(r) {
			flags |= flagDerivedHeaders
		}
		if len(p.Payload) != 0 && bytes.Equal(p.Payload, packet.PayloadOf(p.Raw)) {
			flags |= flagDerivedPayload
		}
	}
	if len(p.LinkHeader) != 0 {
		d.MACSrc, d.MACDst, d.VLAN = nil, nil, reset.Opt[uint16]{}
		packet.DecodeLink(p.LinkHeader, d)
		if p.VLAN == d.VLAN && bytes.Equal(p.MACSrc, d.MACSrc) && bytes.Equal(p.MACDst, d.MACDst) {
			flags |= flagDerivedLink
		}
	}
	if r.Flow|r.Pkt|r.PacketID == 0 {
		return flags
	}
	flow, pkt, packetID := reset.Hashes(r.Src, r.Dst, p)
	if r.Flow != 0 && r.Flow == flow {
		flags |= flagDerivedFlow
	}
	if r.Pkt != 0 && r.Pkt == pkt {
		flags |= flagDerivedPkt
	}
	if r.PacketID != 0 && r.PacketID == packetID {
		flags |= flagDerivedPacketID
	}
	return flags
}

func (e *encoder) headersDerive(r *reset.Reset) bool {
	src, dst, _ := packet.Decode(r.Packet.Raw, &e.scratch)
	return src == r.Src && dst == r.Dst && sameHeaders(&r.Packet, &e.scratch)
}

func sameHeaders(p, d *reset.Packet) bool {
	return p.Seq == d.Seq && p.Ack == d.Ack && p.IPID == d.IPID && p.Window == d.Window &&
		p.Family == d.Family && p.Flags == d.Flags && p.Length == d.Length && p.TTL == d.TTL &&
		p.TOS == d.TOS && p.DF == d.DF && p.FlowLabel == d.FlowLabel && p.Reserved == d.Reserved &&
		p.Urgent == d.Urgent && p.Captured == d.Captured &&
		bytes.Equal(p.TCPOptions, d.TCPOptions) && bytes.Equal(p.IPOptions, d.IPOptions)
}

// appendPacket appends the fields that do not derive; none is the rule.
func (e *encoder) appendPacket(b []byte, p *reset.Packet, flags uint64) []byte {
	b, start := beginMessage(b, resetPacket)
	if flags&flagDerivedHeaders == 0 {
		b = appendHeaders(b, p)
	}
	if flags&flagDerivedPayload == 0 {
		b = appendBytes(b, packetPayload, p.Payload)
	}
	if flags&flagDerivedLink == 0 {
		b = appendUint(b, packetMACSrc, e.bytes(slotMAC, p.MACSrc))
		b = appendUint(b, packetMACDst, e.bytes(slotMACDst, p.MACDst))
		b = appendOpt(b, packetVLAN, p.VLAN)
	}
	b = appendOpt(b, packetMark, p.Mark)
	b = e.appendTunnels(b, p.Tunnel)
	if len(b) == start {
		return b[:start-2]
	}
	return endMessage(b, start)
}

func appendHeaders(b []byte, p *reset.Packet) []byte {
	b = appendUint(b, packetFamily, uint64(p.Family))
	b = appendOpt(b, packetLength, p.Length)
	b = appendOpt(b, packetTOS, p.TOS)
	b = appendOpt(b, packetTTL, p.TTL)
	b = appendOpt(b, packetIPID, p.IPID)
	b = appendOptBool(b, packetDF, p.DF)
	b = appendOpt(b, packetFlowLabel, p.FlowLabel)
	b = appendOptFixed32(b, packetSeq, p.Seq)
	b = appendOptFixed32(b, packetAck, p.Ack)
	b = appendOpt(b, packetWindow, p.Window)
	b = appendUint(b, packetFlags, uint64(p.Flags))
	b = appendOpt(b, packetReserved, p.Reserved)
	b = appendBytes(b, packetTCPOptions, p.TCPOptions)
	b = appendBytes(b, packetIPOptions, p.IPOptions)
	b = appendOpt(b, packetUrgent, p.Urgent)
	return appendOpt(b, packetCaptured, p.Captured)
}

func (e *encoder) appendTunnels(b []byte, list []reset.Tunnel) []byte {
	if len(list) > maxList {
		e.err = ErrTooLarge
		return b
	}
	for i := range list {
		t := &list[i]
		var start int
		b, start = beginMessage(b, packetTunnel)
		b = appendUint(b, tunnelKind, e.text(slotOther, t.Kind))
		b = appendEndpoint(b, tunnelSrc, t.Src)
		b = appendEndpoint(b, tunnelDst, t.Dst)
		b = appendOpt(b, tunnelID, t.ID)
		b = appendOpt(b, tunnelTTL, t.TTL)
		b = endMessage(b, start)
	}
	return b
}

// appendDerived appends the reset's own fields that usually derive.
func (e *encoder) appendDerived(b []byte, r *reset.Reset, flags uint64) []byte {
	if flags&flagDerivedHeaders == 0 {
		b = appendEndpoint(b, resetSrc, r.Src)
		b = appendEndpoint(b, resetDst, r.Dst)
	}
	if flags&flagDerivedFlow == 0 {
		b = appendHash(b, resetFlow, r.Flow)
	}
	if flags&flagDerivedPkt == 0 {
		b = appendHash(b, resetPkt, r.Pkt)
	}
	if flags&flagDerivedPacketID == 0 {
		b = appendHash(b, resetPacketID, r.PacketID)
	}
	return b
}

// appendTrigger stores SEQ and ACK as differences to the RST's ACK and SEQ,
// which its answer copies from them or counts on from them.
func (e *encoder) appendTrigger(b []byte, t *reset.Trigger, p *reset.Packet) []byte {
	if t == nil {
		return b
	}
	b, start := beginMessage(b, resetTrigger)
	b = appendUint(b, triggerFlags, uint64(t.Flags))
	b = appendDifference(b, triggerSeq, t.Seq, p.Ack.Or(0))
	b = appendDifference(b, triggerAck, t.Ack, p.Seq.Or(0))
	b = appendOpt(b, triggerLength, t.Length)
	b = appendOpt(b, triggerTTL, t.TTL)
	b = appendOpt(b, triggerTOS, t.TOS)
	b = appendOpt(b, triggerIPID, t.IPID)
	b = appendOpt(b, triggerWindow, t.Window)
	b = appendUint(b, triggerMACSrc, e.bytes(slotTriggerMAC, t.MACSrc))
	b = appendOpt(b, triggerMark, t.Mark)
	b = appendUint(b, triggerConntrack, e.text(slotConntrack, t.Conntrack))
	return endMessage(b, start)
}

func appendDifference(b []byte, field protowire.Number, v reset.Opt[uint32], base uint32) []byte {
	if !v.OK {
		return b
	}
	return appendSigned(b, field, int64(int32(v.V-base)))
}

func (e *encoder) appendEvidence(b []byte, list []reset.Evidence) []byte {
	if len(list) == 0 {
		return b
	}
	if len(list) > maxList {
		e.err = ErrTooLarge
		return b
	}
	b, start := beginMessage(b, resetEvidence)
	for i := range list {
		b = appendVarint(b, e.fact(&list[i]))
	}
	return endMessage(b, start)
}
