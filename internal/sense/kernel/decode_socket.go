package kernel

import (
	"math"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The bits of tcp_part.bits in bpf/sighting.h.
const (
	socketLinger = 1 << iota
	socketKeepalive
	socketOrphan
	socketMultipath
	socketOfKernel
)

// connection reads the socket's last state; tcp is nil where it is no full one.
func (d *decoder) connection(head *probeSighting, tcp *probeTcpPart) (c reset.Connection) {
	if int(head.State) < len(tcpStates) {
		c.State = tcpStates[head.State]
	}
	if head.Cookie != 0 {
		c.Cookie = reset.Some(head.Cookie)
	}
	if tcp == nil {
		return c
	}
	c.BytesSent = reset.Some(tcp.BytesSent)
	c.BytesReceived = reset.Some(tcp.BytesReceived)
	c.Unread = reset.Some(ahead(tcp.RcvNxt, tcp.CopiedSeq))
	c.Unsent = reset.Some(ahead(tcp.WriteSeq, tcp.SndUna))
	if tcp.SrttUs != 0 { // 0: none was measured
		c.RTTUS = reset.Some(tcp.SrttUs >> 3)
	}
	if tcp.MinRttUs != math.MaxUint32 && tcp.SrttUs != 0 {
		c.MinRTTUS = reset.Some(tcp.MinRttUs)
	}
	c.Retransmits = reset.Some(tcp.TotalRetrans)
	if d.hz != 0 && handshaken(c.State) {
		c.SinceSentMS = d.ms(tcp.SinceSent)
		c.SinceHeardMS = d.ms(tcp.SinceHeard)
		// An ACK and data are noted apart; the later of them is what was last heard.
		if heard := min(tcp.SinceHeard, tcp.SinceData); heard > tcp.SinceSent {
			c.QuietBeforeMS = d.ms(heard - tcp.SinceSent)
		}
	}
	return c
}

// handshaken tells whether a socket in this state has set its clocks: before
// the handshake TCP has not.
func handshaken(state string) bool {
	return state != "SYN_SENT" && state != "SYN_RECV" && state != "LISTEN"
}

// socket reads what the socket was set to.
func (d *decoder) socket(tcp *probeTcpPart, state string, f *reset.SocketFacts) {
	bit := func(b uint8) reset.Opt[bool] { return reset.Some(tcp.Bits&b != 0) }
	f.Orphan, f.Linger, f.Keepalive = bit(socketOrphan), bit(socketLinger), bit(socketKeepalive)
	f.Multipath, f.OfKernel = bit(socketMultipath), bit(socketOfKernel)
	f.Linger2 = reset.Some(tcp.Linger2)
	if d.hz != 0 {
		f.LingerMS = d.ms(tcp.Lingertime)
		if handshaken(state) {
			f.SinceDataMS = d.ms(tcp.SinceData)
		}
	}
	f.Shutdown, f.Error = reset.Some(tcp.Shutdown), reset.Some(uint16(tcp.Err))
	f.Retransmits, f.Probes = reset.Some(tcp.Retransmits), reset.Some(tcp.Probes)
	f.UserTimeoutMS = reset.Some(tcp.UserTimeout)
	f.RcvNxt, f.RcvWnd = reset.Some(tcp.RcvNxt), reset.Some(tcp.RcvWnd)
	f.SndNxt, f.SndUna = reset.Some(tcp.SndNxt), reset.Some(tcp.SndUna)
}

// ms is a number of jiffies in milliseconds; hz must be known.
func (d *decoder) ms(jiffies uint32) reset.Opt[int64] {
	return reset.Some(int64(jiffies) * 1000 / int64(d.hz))
}

// ahead is how many bytes a sequence number is ahead of another, modulo 2^32.
func ahead(a, b uint32) uint32 { return uint32(max(0, int32(a-b))) }
