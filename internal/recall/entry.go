package recall

import (
	"slices"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// entry is a reset that is kept. It owns everything that its record and context
// point to.
type entry struct {
	record     reset.Reset
	origin     reset.Origination
	context    reset.Context
	hasContext bool
	kernel     reset.Kernel // before it was judged
	packet     packetKey
	mono       int64
	pid        uint32
	listener   uint32 // of what came in while pid was not known: who listened on the port
	recorded   bool
	spent      bool // has had its last revision
	// Where it was sent, if that was known when it was told: what told it may be
	// forgotten sooner than this entry. twinMono is 0 where it was not.
	twin     attribute.Twin
	twinMono int64
	scans    int // of one whose verdict stands: with how many ports met it was judged

	older, newer *entry
	chained      [chains]links

	bytes      []byte // what the record's byte slices point into
	trigger    reset.Trigger
	nat        reset.NAT
	connection reset.Connection
	container  reset.Container
	process    ownedProcess
	owner      ownedProcess
}

// ownedProcess is room for a process and what it points to.
type ownedProcess struct {
	process, by     reset.Process
	exit, exitOfOne reset.Exit
}

// take copies a case. Its evidence is not copied: it is made anew.
func (e *entry) take(c *attribute.Case, kernel reset.Kernel, packet packetKey, recorded bool) {
	from := c.Reset
	e.record, e.origin, e.kernel, e.packet = *from, c.Origin, kernel, packet
	e.mono, e.recorded, e.spent = from.MonoNS.V, recorded, false
	e.bytes = e.bytes[:0]
	r := &e.record
	r.Evidence, r.CausedBy, r.Related = nil, slices.Clone(from.CausedBy), nil
	e.takePacket(&r.Packet)
	if from.Trigger != nil {
		e.trigger = *from.Trigger
		e.trigger.MACSrc = e.own(from.Trigger.MACSrc)
		r.Trigger = &e.trigger
	}
	if from.NAT != nil {
		e.nat = *from.NAT
		r.NAT = &e.nat
	}
	if from.Connection != nil {
		e.connection = *from.Connection
		r.Connection = &e.connection
	}
	if from.Container != nil {
		e.container = *from.Container
		r.Container = &e.container
	}
	r.Process = e.process.take(from.Process)
	e.kernel.UserStack = slices.Clone(kernel.UserStack)
	r.Kernel.UserStack = e.kernel.UserStack
	e.takeContext(c.Context)
	e.pid, e.listener = pidOf(r, e.contextOrNil()), listenerOf(r, e.contextOrNil())
}

func (e *entry) contextOrNil() *reset.Context {
	if e.hasContext {
		return &e.context
	}
	return nil
}

func (e *entry) takePacket(p *reset.Packet) {
	p.Raw, p.LinkHeader, p.Payload = e.own(p.Raw), e.own(p.LinkHeader), e.own(p.Payload)
	p.TCPOptions, p.IPOptions = e.own(p.TCPOptions), e.own(p.IPOptions)
	p.MACSrc, p.MACDst = e.own(p.MACSrc), e.own(p.MACDst)
	p.Tunnel = slices.Clone(p.Tunnel)
}

func (e *entry) takeContext(from *reset.Context) {
	if e.hasContext = from != nil; !e.hasContext {
		return
	}
	e.context = *from
	c := &e.context
	c.Past.HandshakeMAC, c.Peer.MAC, c.Passed.MAC, c.Flow.MAC = e.own(c.Past.HandshakeMAC), e.own(c.Peer.MAC), e.own(c.Passed.MAC), e.own(c.Flow.MAC)
	c.Past.Owner = e.owner.take(c.Past.Owner)
	if c.Flow.Answers != nil {
		answers := *c.Flow.Answers
		answers.MACSrc = e.own(answers.MACSrc)
		c.Flow.Answers = &answers
	}
}

// own copies bytes to where the entry keeps them.
func (e *entry) own(from []byte) []byte {
	if len(from) == 0 {
		return nil
	}
	start := len(e.bytes)
	e.bytes = append(e.bytes, from...)
	return e.bytes[start:len(e.bytes):len(e.bytes)]
}

func (o *ownedProcess) take(from *reset.Process) *reset.Process {
	if from == nil {
		return nil
	}
	o.process = *from
	o.process.Args = slices.Clone(from.Args)
	if from.Exit != nil {
		o.exit = *from.Exit
		o.process.Exit = &o.exit
	}
	if from.By != nil {
		o.by = *from.By
		o.by.By, o.by.Args = nil, slices.Clone(from.By.Args)
		if from.By.Exit != nil {
			o.exitOfOne = *from.By.Exit
			o.by.Exit = &o.exitOfOne
		}
		o.process.By = &o.by
	}
	return &o.process
}

// renew makes the record what it was before it was judged, but for what others
// added to it.
func (e *entry) renew() {
	r := &e.record
	r.Kernel = e.kernel
	r.Sender, r.Cause, r.Confidence, r.Evidence, r.Harm = 0, 0, reset.Confidence{}, nil, 0
	r.Role, r.Summary = 0, ""
	r.Twin, r.CausedBy, r.Related = reset.ID{}, nil, nil
}

// listenerOf is the process that listened on the port, where it is not known
// which process accepted the connection; or 0.
func listenerOf(r *reset.Reset, c *reset.Context) uint32 {
	if r.Direction == reset.In && r.Process == nil && c != nil && c.Past.Owner != nil && c.Past.OwnerListens {
		return c.Past.Owner.PID.V
	}
	return 0
}

// pidOf is the process that owned the socket, or 0.
func pidOf(r *reset.Reset, c *reset.Context) uint32 {
	if r.Process != nil && r.Process.PID.OK {
		return r.Process.PID.V
	}
	// Who listened may have left the accepting to another.
	if c != nil && c.Past.Owner != nil && !c.Past.OwnerListens {
		return c.Past.Owner.PID.V
	}
	return 0
}
