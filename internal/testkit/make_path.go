package testkit

import (
	"github.com/rstwatch/rstwatch/internal/reset"
)

// pathMakers are resets of something between the two ends, and what only looks
// like them. The middlebox is a program on the router's path.
func pathMakers() []Maker {
	var all []Maker
	for _, f := range forgeries() {
		all = append(all, Maker{Name: f.name, Kernel: f.kernel(), Scenes: f.scenes, make: f.make})
	}
	all = append(all, wrongMACMaker(), rebornMaker(), natForgetsMaker())
	all = append(all, idleMakers()...)
	all = append(all, benignMakers()...)
	return append(all, proxyMakers()...)
}

// throughBox are the scenes that lead through the middlebox.
func throughBox(s Scene) bool { return s.Route == Routed }

// throughBoxIPv4 are those of packets with an IP ID.
func throughBoxIPv4(s Scene) bool { return throughBox(s) && s.Family == reset.IPv4 }

// What those may say who have only a forged RST: that it was forged, or, where
// nothing tells, that it looks like the peer's.
var (
	looksForged = seen(reset.Path, reset.Forged, reset.FirewallReject, reset.PeerNoConnection, reset.PeerAbort, reset.CauseUnknown).or(reset.Peer)
	synForged   = seen(reset.Path, reset.Forged, reset.FirewallReject, reset.Refused, reset.PeerAbort, reset.CauseUnknown).or(reset.Peer)
)

// forged records a RST that the middlebox wrote.
func (r *run) forged(s Segment, verdict reset.Verdict, drop string, seen Seen) {
	from, to := r.server, r.client
	if s.Dst.Addr() == r.server.addr {
		from, to = to, from
	}
	r.sent(shot{
		from: from, to: to, srcPort: s.Src.Port(), dstPort: s.Dst.Port(), flags: s.Flags,
		seq: reset.Some(s.Seq), ack: reset.Some(s.Ack), window: reset.Some(s.Window), ttl: s.ttl(),
		sender: reset.Path, cause: reset.Forged, verdict: verdict, drop: drop, seen: seen,
		unseenAtSender: true, byBox: true,
	})
}

// answersStray records the RST with which a kernel answers a packet to a
// socket that a forged RST has ended: seq is the packet's ACK.
func (r *run) answersStray(from, to side, src, dst uint16, seq uint32, verdict reset.Verdict, drop string) {
	r.sent(shot{
		from: from, to: to, srcPort: src, dstPort: dst,
		flags: reset.RST, seq: reset.Some(seq), window: reset.Some[uint16](0), ttl: r.ttlOf(from),
		sender: reset.LocalKernel, cause: reset.HalfOpen, reason: "NO_SOCKET", verdict: verdict, drop: drop,
		seen: seen(reset.Peer, reset.PeerNoConnection, reset.AfterClose, reset.Backscatter, reset.CauseUnknown),
	})
}

// ttlOf is the TTL with which what a side sends begins, as far as the middlebox
// leaves it alone: unknown behind one that makes the server seem further.
func (r *run) ttlOf(from side) uint8 {
	if r.hidden > 0 && from == r.server {
		return 0
	}
	return 64
}
