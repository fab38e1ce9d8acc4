package flow

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// A script is a conversation between c, which connects, and s. Its numbers are
// relative to the two initial sequence numbers, as Wireshark shows them.
type script struct {
	t        *testing.T
	tracker  *Tracker
	clientID uint32 // initial sequence number
	serverID uint32
	now      int64
	version  uint8
	clients  uint16 // IP ID, counting
	servers  uint16
}

const millisecond = int64(1e6)

func newScript(t *testing.T, clientID, serverID uint32) *script {
	return &script{
		t: t, tracker: New(DefaultConfig()), clientID: clientID, serverID: serverID, now: 1_764_000_000 * 1e9,
		version: 4, clients: 100, servers: 60_000,
	}
}

// change is what a test makes of a packet.
type change func(*packet.Segment)

func ttl(v uint8) change              { return func(p *packet.Segment) { p.TTL = v } }
func id(v uint16) change              { return func(p *packet.Segment) { p.IPID = v } }
func window(v uint16) change          { return func(p *packet.Segment) { p.Window = v } }
func absolute(seq, ack uint32) change { return func(p *packet.Segment) { p.Seq, p.Ack = seq, ack } }

var (
	clientMAC = []byte{2, 0, 0, 0, 0, 1}
	serverMAC = []byte{2, 0, 0, 0, 0, 2}
)

// segment makes a packet of "c" or "s".
func (x *script) segment(from string, flags reset.Flags, seq, ack, payload uint32, changes []change) (packet.Segment, []byte) {
	client, server := packet.Address{Lo: 0xffff0a000005}, packet.Address{Lo: 0xffff0a000007}
	p := packet.Segment{
		Src: client, Dst: server, SrcPort: 51334, DstPort: 443, Flags: flags, Seq: x.clientID + seq, Ack: x.serverID + ack,
		Payload: payload, Length: 40 + payload, Window: 501, TTL: 61, DF: true, Version: x.version,
	}
	mac := clientMAC
	if from == "s" {
		p.Src, p.Dst, p.SrcPort, p.DstPort = server, client, 443, 51334
		p.Seq, p.Ack, p.TTL, mac = x.serverID+seq, x.clientID+ack, 64, serverMAC
		x.servers++
		p.IPID = x.servers
	} else {
		x.clients++
		p.IPID = x.clients
	}
	if flags&reset.ACK == 0 {
		p.Ack = 0
	}
	for _, c := range changes {
		c(&p)
	}
	if p.Version == 6 {
		p.IPID, p.DF = 0, false
	}
	return p, mac
}

// say adds a packet, ten milliseconds after the one before.
func (x *script) say(from string, flags reset.Flags, seq, ack, payload uint32, changes ...change) {
	x.now += 10 * millisecond
	p, mac := x.segment(from, flags, seq, ack, payload, changes)
	x.tracker.Add(&p, x.now, &Place{Interface: 1, MAC: mac})
}

// rst adds a RST, which must be no copy.
func (x *script) rst(from string, flags reset.Flags, seq, ack uint32, changes ...change) *Watch {
	x.t.Helper()
	x.now += 10 * millisecond
	w := x.rstAt(x.now, 1, from, flags, seq, ack, changes...)
	if w == nil {
		x.t.Fatal("the RST was taken for a copy")
	}
	return w
}

func (x *script) rstAt(at int64, place uint32, from string, flags reset.Flags, seq, ack uint32, changes ...change) *Watch {
	p, mac := x.segment(from, flags|reset.RST, seq, ack, 0, changes)
	return x.tracker.Reset(&p, at, &Place{Interface: place, MAC: mac})
}

const (
	syn = reset.SYN
	ack = reset.ACK
	psh = reset.PSH | reset.ACK
	fin = reset.FIN | reset.ACK
)

func (x *script) handshake() {
	x.say("c", syn, 0, 0, 0)
	x.say("s", syn|ack, 0, 1, 0)
	x.say("c", ack, 1, 1, 0)
}

// request is a handshake, a request of 100 bytes and an answer of 1000.
func (x *script) request() {
	x.handshake()
	x.say("c", psh, 1, 1, 100)
	x.say("s", ack, 1, 101, 0)
	x.say("s", psh, 1, 101, 1000)
	x.say("c", ack, 101, 1001, 0)
}
