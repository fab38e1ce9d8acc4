package kernel

import (
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The bits of bpf/sighting.h.
const (
	knownPast = 1 << iota
	knownPeer
	knownBeside
	knownOpening
)

const (
	passedIPID = 1 << iota
	passedMAC
	passedSYN
)

const (
	connectionRole = 1 << iota
	connectionOriginator
	connectionHandshake
	connectionMAC
	connectionIPID
)

const (
	ownerKnown = 1 << iota
	ownerExiting
	ownerOOM
	ownerListens
)

// context fills what was known around a RST: of its socket and of the tables.
func (d *decoder) context(head *probeSighting, p parts, s *reset.Sighting, c *reset.Context) {
	*c = reset.Context{}
	s.Context = c
	if p.tcp != nil {
		c.Cgroup, c.Inode = p.tcp.Cgroup, p.tcp.Inode
		d.socket(p.tcp, s.Connection.State, &c.Socket)
		s.Connection.Baseline = reset.BaselineNone
	}
	if p.passed != nil {
		c.Passed = d.passed(p.passed)
	}
	if p.known == nil {
		if p.tcp != nil {
			bytesOnly(s.Connection, s.Connection.State)
		}
		return
	}
	k := p.known
	if k.Bits&knownPast != 0 {
		d.past(head, &k.Past, c)
	}
	if k.Bits&knownOpening != 0 {
		c.Past.Known, c.Past.Originator = true, reset.Some(true)
		c.Past.Owner, c.Past.OwnerListens = d.owner(&k.Opening), false
	}
	if k.Bits&knownPeer != 0 {
		c.Peer = reset.PeerFacts{
			Known: true, TTL: k.Peer.Ttl, IPID: k.Peer.Ipid, AgoNS: since(head, k.Peer.HeardNs),
		}
		if k.Peer.HasMac != 0 {
			c.Peer.MAC = d.mac([6]byte(k.Peer.Mac[:6]))
		}
	}
	if k.Bits&knownBeside != 0 {
		d.beside(head, k, &c.Beside)
	}
	if s.Connection != nil && p.tcp != nil {
		baseline(s.Connection, c)
		state := s.Connection.State
		if state == "CLOSE" && c.Past.ClosedFrom != "" {
			state = c.Past.ClosedFrom
		}
		bytesOnly(s.Connection, state)
	}
}

// bytesOnly takes the SYN and the FINs out of a socket's counts: each takes a
// number of the sequence, and TCP counts it like a byte. state is the last one
// before the socket was closed.
func bytesOnly(c *reset.Connection, state string) {
	switch state {
	case "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT": // the other end's FIN came
		if c.BytesReceived.V > 0 {
			c.BytesReceived.V--
		}
		if c.Unread.V > 0 { // read() has not met it yet
			c.Unread.V--
		}
	}
	switch state {
	case "SYN_SENT", "FIN_WAIT1", "CLOSING", "LAST_ACK": // our SYN or FIN is not acknowledged
		if c.Unsent.V > 0 {
			c.Unsent.V--
		}
	}
}

// baseline says how much was known of the socket's connection before its RST.
func baseline(connection *reset.Connection, c *reset.Context) {
	switch {
	case c.Past.OpenedAgo.OK && handshaken(connection.State):
		connection.Baseline = reset.BaselineFull
		connection.AgeMS = reset.Some(c.Past.OpenedAgo.V / 1e6)
	case c.Peer.Known:
		connection.Baseline = reset.BaselineHandshake
	}
}

// past reads the line of the connection.
func (d *decoder) past(head *probeSighting, line *probeConnection, c *reset.Context) {
	past := &c.Past
	past.Known = true
	past.OpenedAgo, past.FinAgo = ago(head, line.OpenedNs), ago(head, line.FinNs)
	if line.Bits&connectionRole != 0 {
		past.Originator = reset.Some(line.Bits&connectionOriginator != 0)
	}
	if line.Bits&connectionHandshake != 0 {
		past.HandshakeTTL = reset.Some(line.Ttl)
		if line.Bits&connectionIPID != 0 {
			past.HandshakeIPID = reset.Some(line.Ipid)
		}
		if line.Bits&connectionMAC != 0 {
			past.HandshakeMAC = d.mac([6]byte(line.Mac[:6]))
		}
	}
	past.Owner, past.OwnerListens = d.owner(&line.Owner), line.Owner.Bits&ownerListens != 0
	if c.Cgroup == 0 {
		c.Cgroup = line.Cgroup
	}
	// A full socket's own end is this very RST's, not one before it.
	before := head.Has&hasTCP == 0 || head.State != stateClose
	if before {
		past.ResetAgo = ago(head, line.ResetNs)
	}
	if line.ClosedNs == 0 {
		return
	}
	if int(line.ClosedFrom) < len(tcpStates) {
		past.ClosedFrom = tcpStates[line.ClosedFrom]
	}
	if before {
		past.ClosedAgo = ago(head, line.ClosedNs)
	}
	past.ClosedError = line.Err
	if line.SrttUs != 0 {
		past.RTTUS = reset.Some(line.SrttUs >> 3)
	}
	past.RcvNxt, past.SndNxt = reset.Some(line.RcvNxt), reset.Some(line.SndNxt)
}

// passed reads the handshake's packet of a RST's source.
func (d *decoder) passed(part *probePassedPart) reset.Passed {
	p := reset.Passed{Known: true, TTL: part.Ttl, Seq: part.Seq, SYN: part.Bits&passedSYN != 0}
	if part.Bits&passedIPID != 0 {
		p.IPID = reset.Some(part.Ipid)
	}
	if part.Bits&passedMAC != 0 {
		p.MAC = d.mac([6]byte(part.Mac[:6]))
	}
	return p
}

func (d *decoder) beside(head *probeSighting, k *probeKnownPart, b *reset.Beside) {
	*b = reset.Beside{
		Known:  true,
		Remote: reset.EndpointFrom(netip.AddrFrom16(k.BesideAddr).Unmap(), k.BesidePort),
		AgoNS:  since(head, k.BesideNs),
	}
	if int(k.BesideState) < len(tcpStates) {
		b.State = tcpStates[k.BesideState]
	}
	if b.State != "CLOSE" {
		b.SndNxt, b.RcvNxt = reset.Some(k.BesideSndNxt), reset.Some(k.BesideRcvNxt)
	}
}

// owner names who connected, accepted or closed a connection; nil: not known.
func (d *decoder) owner(o *probeOwner) *reset.Process {
	if o.Bits&ownerKnown == 0 {
		return nil
	}
	process := &reset.Process{PID: reset.Some(o.Pid), Comm: d.name(o.Comm), UID: reset.Some(o.Uid)}
	if o.Bits&ownerExiting != 0 {
		process.Exit = exitOf(o.ExitCode, o.Bits&ownerOOM != 0)
	}
	return process
}

// owner is the process that holds the socket of a sighting, as far as the table
// knows: a listener's owner may have left the accepting to another.
func owner(s *reset.Sighting) *reset.Process {
	if s.Context == nil || s.Context.Past.OwnerListens {
		return nil
	}
	return s.Context.Past.Owner
}

// mac returns an address that may be kept.
func (d *decoder) mac(raw [6]byte) reset.MAC {
	if mac, ok := d.macs[raw]; ok {
		return mac
	}
	if len(d.macs) >= 4096 { // neighbours come and go
		clear(d.macs)
	}
	mac := reset.MAC(append([]byte(nil), raw[:]...))
	d.macs[raw] = mac
	return mac
}

// since is how long before the sighting something was; another processor's
// clock may be a little ahead.
func since(head *probeSighting, at uint64) int64 { return max(0, int64(head.MonoNs-at)) }

func ago(head *probeSighting, at uint64) reset.Opt[int64] {
	if at == 0 {
		return reset.Opt[int64]{}
	}
	return reset.Some(since(head, at))
}
