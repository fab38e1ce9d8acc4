package kernel

import (
	"bytes"
	"errors"
	"net/netip"
	"unsafe"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// The kinds and bits of bpf/sighting.h.
const (
	kindWireIn = iota + 1
	kindWireOut
	kindSent
	kindReply
	kindAccepted
	kindRefused
	kindRejected
)

const (
	hasReason = 1 << iota
	hasDropReason
	hasSocket
	hasTCP
	hasCurrent
	hasWire
	hasVLAN
	hasQueueDev
	hasAbort
	hasKnown
	hasPassed
)

// hasTaker, of a packet that came in, stands in the place of hasWire.
const hasTaker = hasWire

const (
	headSize    = int(unsafe.Offsetof(probeSighting{}.Tail))
	tcpPartSize = int(unsafe.Sizeof(probeTcpPart{}))
	knownSize   = int(unsafe.Sizeof(probeKnownPart{}))
	passedSize  = int(unsafe.Sizeof(probePassedPart{}))
	abortHead   = int(unsafe.Offsetof(probeAbortPart{}.Stack))
)

var errSample = errors.New("a sample that is shorter than it says")

// tcpStates are the names of enum in include/net/tcp_states.h, which is
// user-visible and does not move.
var tcpStates = [...]string{
	"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
	"CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV", "BOUND_INACTIVE",
}

const stateClose = 7

// decoder turns samples into sightings. It is not safe for concurrent use.
type decoder struct {
	features *features
	now      clock.Pair // a moment not long ago: the wall clock may be stepped
	hz       uint32     // jiffies a second, 0 if not known
	names    map[[16]int8]string
	macs     map[[6]byte]reset.MAC
	stacks   stacks
	// keepStack puts the stack into the record.
	keepStack bool
	places    []places // what the sightings of the batch at hand point to
}

// places are the parts of a sighting that not every one has.
type places struct {
	trigger    reset.Trigger
	connection reset.Connection
	context    reset.Context
}

func newDecoder(f *features, hz uint32) *decoder {
	return &decoder{features: f, now: clock.Now(), hz: hz, names: make(map[[16]int8]string), macs: make(map[[6]byte]reset.MAC)}
}

// decode fills s, number at of its batch, from one sample. s points into the
// sample, whose bytes after the head are tail, and into the decoder: it is valid
// until either is used for the next batch.
func (d *decoder) decode(head *probeSighting, tail []byte, s *reset.Sighting, at int) error {
	for len(d.places) <= at {
		d.places = append(d.places, make([]places, batchSize)...)
	}
	place := &d.places[at]
	*s = reset.Sighting{
		MonoNS: int64(head.MonoNs),
		Time:   d.now.WallAt(int64(head.MonoNs)),
		Netns:  reset.Netns{ID: uint64(head.Netns), Cookie: head.NetnsCookie},
		SKB:    head.Skb, Cookie: head.Sk, CPU: head.Cpu,
	}
	parts, err := split(head, tail)
	if err != nil {
		return err
	}
	if head.Has&hasReason != 0 {
		s.Kernel.Reason = d.features.sendReasons[head.Reason]
	}
	if head.Has&hasDropReason != 0 {
		s.Kernel.DropReason = d.features.dropReasons[head.DropReason]
	}
	if parts.tcp != nil || head.Has&hasSocket != 0 {
		place.connection = d.connection(head, parts.tcp)
		s.Connection = &place.connection
	}
	if parts.tcp != nil || parts.known != nil || parts.passed != nil {
		d.context(head, parts, s, &place.context)
	}
	d.packet(head, parts.raw, s)
	switch head.Kind {
	case kindWireIn:
		s.Source, s.Hook = reset.Wire, reset.HookWireIn
		s.Kernel.Inferred = !d.features.tcpDrops || head.Has&hasTaker != 0
		s.Interface.In = d.name(head.Dev)
	case kindWireOut:
		s.Source, s.Hook = reset.Wire, reset.HookWireOut
		s.Origin = reset.Origination(head.Origin)
		s.Interface.Out = d.name(head.Dev)
		d.writer(head, s)
	case kindSent:
		s.Source, s.Hook = reset.TCPSendReset, reset.HookSent
		s.Origin = reset.OriginTCPSocket
		s.Src, s.Dst = socketEndpoints(head)
		d.aborted(head, parts, s)
	case kindReply:
		d.reply(head, parts, s, &place.trigger)
	case kindAccepted:
		s.Source, s.Hook = reset.TCPReceiveReset, reset.HookAccepted
		s.Dst, s.Src = socketEndpoints(head)
		s.Process = owner(s)
		if parts.tcp != nil {
			s.Next, s.Unacked = reset.Some(parts.tcp.RcvNxt), reset.Some(parts.tcp.SndUna)
		}
		if len(parts.raw) > 0 { // of the device that handed it on to this namespace
			s.Extra = s.Extra.With(reset.Wire)
		}
	case kindRejected:
		s.Source, s.Hook = reset.KfreeSkb, reset.HookRejected
		s.Origin = reset.OriginNoSocket
		d.trigger(head, parts, s, &place.trigger)
		if s.Trigger == nil {
			return errSample
		}
	case kindRefused:
		s.Source, s.Hook = reset.KfreeSkb, reset.HookRefused
		s.Origin = reset.Origination(head.Origin)
		s.Interface.In = d.name(head.Dev)
	default:
		return errSample
	}
	return nil
}

type parts struct {
	tcp          *probeTcpPart
	known        *probeKnownPart
	passed       *probePassedPart
	abort        *probeAbortPart // only as far as its stack is long
	trigger, raw []byte
}

// split finds the parts of a tail: see bpf/sighting.h.
func split(head *probeSighting, tail []byte) (p parts, err error) {
	if head.Has&hasTCP != 0 {
		if len(tail) < tcpPartSize {
			return p, errSample
		}
		p.tcp, tail = (*probeTcpPart)(unsafe.Pointer(&tail[0])), tail[tcpPartSize:]
	}
	if head.Has&hasKnown != 0 {
		if len(tail) < knownSize {
			return p, errSample
		}
		p.known, tail = (*probeKnownPart)(unsafe.Pointer(&tail[0])), tail[knownSize:]
	}
	if head.Has&hasPassed != 0 {
		if len(tail) < passedSize {
			return p, errSample
		}
		p.passed, tail = (*probePassedPart)(unsafe.Pointer(&tail[0])), tail[passedSize:]
	}
	if head.Has&hasAbort != 0 {
		if len(tail) < abortHead {
			return p, errSample
		}
		p.abort = (*probeAbortPart)(unsafe.Pointer(&tail[0]))
		if int(p.abort.StackLen) > min(len(tail)-abortHead, len(p.abort.Stack)*8) {
			return p, errSample
		}
		return p, nil
	}
	if n := int(head.TriggerLen); n > 0 {
		padded := (n + 7) &^ 7
		if len(tail) < padded {
			return p, errSample
		}
		p.trigger, tail = tail[:n:n], tail[padded:]
	}
	if n := int(head.RawLen); n > 0 {
		if len(tail) < n {
			return p, errSample
		}
		p.raw = tail[:n:n]
	}
	return p, nil
}

// reply fills what tcp_send_reset told of an answer and what came of it.
func (d *decoder) reply(head *probeSighting, p parts, s *reset.Sighting, trigger *reset.Trigger) {
	s.Source, s.Hook = reset.TCPSendReset, reset.HookSent
	s.Origin = reset.OriginTCPControl
	if head.Has&hasDropReason != 0 {
		s.Extra = s.Extra.With(reset.KfreeSkb)
	}
	if p.tcp != nil {
		s.Process = owner(s)
	}
	d.trigger(head, p, s, trigger)
	if head.Has&hasWire != 0 {
		s.Extra = s.Extra.With(reset.Wire)
		s.Interface.Out = d.name(head.Dev)
		if head.Has&hasQueueDev != 0 {
			s.Interface.PhysOut = d.name(head.Dev2)
		}
		// Every hook that such a RST can pass has passed: nothing more will come.
		s.Complete = true
	}
}

// trigger fills the packet that the RST answers; its tuple is the RST's, the
// other way round.
func (d *decoder) trigger(head *probeSighting, p parts, s *reset.Sighting, trigger *reset.Trigger) {
	*trigger = reset.Trigger{}
	if from, to, err := packet.DecodeTrigger(p.trigger, trigger); err == nil {
		s.Trigger = trigger
		delivery(head, trigger)
		if s.Src.IsZero() {
			s.Src, s.Dst = to, from
		}
	}
}

// delivery fills how the trigger reached TCP.
func delivery(head *probeSighting, trigger *reset.Trigger) {
	if head.TriggerHasMac != 0 {
		trigger.MACSrc = head.TriggerMac[:]
	}
	if head.TriggerMark != 0 {
		trigger.Mark = reset.Some(head.TriggerMark)
	}
	if head.TriggerCt&conntrackKnown != 0 {
		trigger.Conntrack = conntrackStates[head.TriggerCt&7]
	}
}

// conntrackStates are iptables' words for enum ip_conntrack_info
// (include/uapi/linux/netfilter/nf_conntrack_common.h), which is user-visible.
// Number 5, which is none of them, is CT_INVALID of bpf/sighting.h.
var conntrackStates = [8]string{
	0: "ESTABLISHED", 1: "RELATED", 2: "NEW", 3: "ESTABLISHED", 4: "RELATED", 5: "INVALID", 7: "UNTRACKED",
}

const conntrackKnown = 0x80

// packet fills what the RST's own bytes say.
func (d *decoder) packet(head *probeSighting, raw []byte, s *reset.Sighting) {
	if len(raw) == 0 {
		return
	}
	src, dst, err := packet.Decode(raw, &s.Packet)
	if err != nil {
		return
	}
	s.Src, s.Dst = src, dst
	s.Packet.Raw = raw
	if n := int(head.LinkLen); n > 0 && n <= len(head.Link) {
		s.Packet.LinkHeader = head.Link[:n:n]
		packet.DecodeLink(s.Packet.LinkHeader, &s.Packet)
	}
	if head.Has&hasVLAN != 0 {
		s.Packet.VLAN = reset.Some(head.Vlan)
	}
	if head.Mark != 0 {
		s.Packet.Mark = reset.Some(head.Mark)
	}
}

// writer names the running task where it is the one that made the packet: a
// process in its own system call.
func (d *decoder) writer(head *probeSighting, s *reset.Sighting) {
	if task := d.task(head); task != nil {
		task.UID = reset.Some(head.Uid)
		s.Process = task
	}
}

// task is the running task; nil where none was asked for, or the idle one.
func (d *decoder) task(head *probeSighting) *reset.Process {
	if head.Has&hasCurrent == 0 || head.Pid == 0 {
		return nil
	}
	return &reset.Process{PID: reset.Some(head.Pid), Comm: d.name(head.Comm)}
}

func socketEndpoints(head *probeSighting) (local, remote reset.Endpoint) {
	if head.Has&hasSocket == 0 {
		return local, remote
	}
	var here, there netip.Addr
	if head.Family == 4 {
		here, there = netip.AddrFrom4([4]byte(head.Saddr[:4])), netip.AddrFrom4([4]byte(head.Daddr[:4]))
	} else {
		here, there = netip.AddrFrom16(head.Saddr), netip.AddrFrom16(head.Daddr)
	}
	return reset.EndpointFrom(here, head.Sport), reset.EndpointFrom(there, head.Dport)
}

// name interns a NUL-terminated kernel name.
func (d *decoder) name(raw [16]int8) string {
	if raw[0] == 0 {
		return ""
	}
	if name, ok := d.names[raw]; ok {
		return name
	}
	text := make([]byte, 0, len(raw))
	for _, c := range raw {
		if c == 0 {
			break
		}
		text = append(text, byte(c))
	}
	// Process names are whatever a process likes: the table must not grow for ever.
	if len(d.names) >= 4096 {
		clear(d.names)
	}
	name := string(bytes.ToValidUTF8(text, []byte("?")))
	d.names[raw] = name
	return name
}
