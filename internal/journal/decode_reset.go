package journal

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func consumeVarint(b []byte) (uint64, int) { return protowire.ConsumeVarint(b) }

// pending holds what can be finished only once all fields of a reset are read,
// since fields may come in any order.
type pending struct {
	id               []byte
	flags            uint64
	provisionalUntil reset.Opt[int64]
	seq, ack         reset.Opt[int64] // of the trigger, as differences
}

func (d *decoder) decodeReset() *reset.Reset {
	m := d.c.message()
	r := &reset.Reset{Revision: 1}
	time, mono := d.prevTime, d.prevMono
	var late pending
	var monoKnown bool
	for m.next() {
		switch m.field {
		case resetTime:
			time += uint64(m.signed())
		case resetMono:
			mono += uint64(m.signed())
			monoKnown = true
		default:
			d.resetField(&m, r, &late)
		}
	}
	r.Time = reset.Time(time)
	if monoKnown {
		r.MonoNS = reset.Some(int64(mono + time))
	}
	d.prevTime, d.prevMono = time, mono
	finish(&m, r, &late)
	d.close(&m)
	return r
}

// resetField reads one field of those that do not depend on the record before.
func (d *decoder) resetField(m *cursor, r *reset.Reset, late *pending) {
	switch m.field {
	case resetID:
		late.id = m.data
	case resetPlace:
		d.setPlace(m, r)
	case resetJudgement:
		d.setJudgement(m, r)
	case resetRaw:
		r.Packet.Raw = clone(m.data)
	case resetLinkHeader:
		r.Packet.LinkHeader = d.bytes(m)
	case resetFlags:
		late.flags = m.value
	case resetTrigger:
		d.decodeTrigger(m, r, late)
	case resetConnection:
		r.Connection = d.decodeConnection(m)
	case resetProcess:
		r.Process = d.decodeProcess(m, 0)
	case resetContainer:
		r.Container = d.decodeContainer(m)
	case resetSummary:
		r.Summary = d.text(m)
	case resetEvidence:
		d.setEvidence(m, r)
	case resetPacket:
		d.decodePacket(m, &r.Packet)
	case resetRevision:
		r.Revision = small[uint32](m)
	case resetProvisionalUntil:
		late.provisionalUntil = optSigned(m)
	default:
		d.rareField(m, r)
	}
}

func (d *decoder) rareField(m *cursor, r *reset.Reset) {
	switch m.field {
	case resetFlow:
		r.Flow = reset.Hash(m.value)
	case resetPkt:
		r.Pkt = reset.Hash(m.value)
	case resetPacketID:
		r.PacketID = reset.Hash(m.value)
	case resetSrc:
		r.Src = m.endpoint()
	case resetDst:
		r.Dst = m.endpoint()
	case resetTwin:
		r.Twin = m.id()
	case resetNAT:
		r.NAT = d.decodeNAT(m)
	case resetCausedBy:
		r.CausedBy = m.ids()
	case resetRelated:
		r.Related = m.ids()
	case resetStack:
		r.Kernel.Stack = d.texts(m)
	case resetUserStack:
		r.Kernel.UserStack = d.texts(m)
	case resetFold:
		r.Fold = d.decodeFold(m)
	}
}

// finish computes the fields that derive from others.
func finish(m *cursor, r *reset.Reset, late *pending) {
	p := &r.Packet
	r.Final = late.flags&flagFinal != 0
	if late.flags&flagDerivedHeaders != 0 {
		r.Src, r.Dst, _ = packet.Decode(p.Raw, p)
	}
	if late.flags&flagDerivedLink != 0 {
		packet.DecodeLink(p.LinkHeader, p)
	}
	if late.flags&flagDerivedPayload != 0 {
		p.Payload = clone(packet.PayloadOf(p.Raw))
	}
	if late.flags&flagDerivedFlow != 0 {
		r.Flow = reset.FlowHash(r.Src, r.Dst)
	}
	if late.flags&flagDerivedPkt != 0 {
		r.Pkt = reset.PktHash(r.Src, r.Dst, p.Seq)
	}
	if late.flags&flagDerivedPacketID != 0 {
		r.PacketID = reset.PacketHash(r.Src, r.Dst, p)
	}
	if late.provisionalUntil.OK {
		r.ProvisionalUntil = r.Time + reset.Time(late.provisionalUntil.V)
	}
	if late.seq.OK {
		r.Trigger.Seq = reset.Some(uint32(late.seq.V) + p.Ack.Or(0))
	}
	if late.ack.OK {
		r.Trigger.Ack = reset.Some(uint32(late.ack.V) + p.Seq.Or(0))
	}
	finishID(m, r, late.id)
}

func finishID(m *cursor, r *reset.Reset, id []byte) {
	switch len(id) {
	case 0:
	case 10:
		binary.BigEndian.PutUint64(r.ID[:8], uint64(int64(r.Time)/1e6)<<16)
		copy(r.ID[6:], id)
	case len(r.ID):
		copy(r.ID[:], id)
	default:
		m.fail("not an id")
	}
}

func (d *decoder) setPlace(m *cursor, r *reset.Reset) {
	if m.value == 0 || m.value > uint64(len(d.places)) {
		m.fail("place is not in the table")
		return
	}
	p := &d.places[m.value-1]
	r.Netns, r.Interface, r.Host, r.BootID = p.netns, p.iface, p.host, p.bootID
}

func (d *decoder) setJudgement(m *cursor, r *reset.Reset) {
	if m.value == 0 || m.value > uint64(len(d.judgements)) {
		m.fail("judgement is not in the table")
		return
	}
	j := &d.judgements[m.value-1]
	r.Sources, r.Direction, r.Role, r.Sender, r.Cause = j.sources, j.direction, j.role, j.sender, j.cause
	r.Confidence, r.Harm, r.Rule, r.Claim = j.confidence, j.harm, j.rule, j.claim
	r.Kernel.Verdict, r.Kernel.Inferred = j.verdict, j.inferred
	r.Kernel.Reason, r.Kernel.DropReason = j.reason, j.dropReason
}

func (d *decoder) setEvidence(m *cursor, r *reset.Reset) {
	refs(m, func(ref uint64) {
		if ref == 0 || ref > uint64(len(d.evidence)) {
			m.fail("evidence is not in the table")
			return
		}
		r.Evidence = append(r.Evidence, d.evidence[ref-1])
	})
}

func (d *decoder) decodeTrigger(parent *cursor, r *reset.Reset, late *pending) {
	m := parent.message()
	t := &reset.Trigger{}
	r.Trigger = t
	for m.next() {
		switch m.field {
		case triggerFlags:
			t.Flags = small[reset.Flags](&m)
		case triggerSeq:
			late.seq = optSigned(&m)
		case triggerAck:
			late.ack = optSigned(&m)
		case triggerLength:
			t.Length = opt[uint32](&m)
		case triggerTTL:
			t.TTL = opt[uint8](&m)
		case triggerTOS:
			t.TOS = opt[uint8](&m)
		case triggerIPID:
			t.IPID = opt[uint16](&m)
		case triggerWindow:
			t.Window = opt[uint16](&m)
		case triggerMACSrc:
			t.MACSrc = d.bytes(&m)
		case triggerMark:
			t.Mark = opt[uint32](&m)
		case triggerConntrack:
			t.Conntrack = d.text(&m)
		}
	}
	parent.err = m.err
}
