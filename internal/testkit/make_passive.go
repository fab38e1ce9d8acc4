package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// passiveMakers are the resets with which the kernel answers a packet on its
// own: tcp_v4_send_reset and tcp_v6_send_reset. Such a RST has SEQ of the
// packet's ACK and no ACK of its own, or, where the packet had no ACK, SEQ 0
// and an ACK of all that the packet held (RFC 9293, 3.5.2). Its window is 0.
func passiveMakers() []Maker {
	return []Maker{
		{Name: "closed-port", Kernel: "tcp_v4_rcv, no_tcp_socket", make: makeClosedPort},
		{Name: "stray-data", Kernel: "tcp_v4_rcv, no_tcp_socket", make: makeStrayData},
		{Name: "stray-fin", Kernel: "tcp_v4_rcv, no_tcp_socket", make: makeStrayFin},
		{Name: "stray-repeated", Kernel: "tcp_v4_rcv, no_tcp_socket", make: makeStrayRepeated},
		{Name: "output-dropped", Kernel: "tcp_v4_send_reset, ip_local_out", make: makeOutputDropped},
		{Name: "listen-bad-ack", Kernel: "tcp_rcv_state_process, TCP_LISTEN", make: makeListenBadAck},
		{Name: "listen-bad-join", Kernel: "subflow_check_req, MP_JOIN", make: makeListenBadJoin},
		{Name: "syn-recv-bad-syn", Kernel: "tcp_check_req, embryonic_reset", make: makeSynRecvBadSyn},
		{Name: "syn-sent-bad-ack", Kernel: "tcp_rcv_synsent_state_process", make: makeSynSentBadAck},
		{Name: "syn-sent-stale-timestamp", Kernel: "tcp_rcv_synsent_state_process", make: makeSynSentStale},
		{Name: "syn-ack-no-socket", Kernel: "tcp_v4_rcv, no_tcp_socket", make: makeSynAckNoSocket},
		{Name: "accept-overflow", Kernel: "tcp_check_req, listen_overflow", make: makeAcceptOverflow},
	}
}

// makeClosedPort connects to a port where nobody listens.
func makeClosedPort(r *run) error {
	for range r.n {
		port := r.lab.NextPort()
		c, err := r.dial(r.client, netip.AddrPortFrom(r.server.addr, port))
		c.vanish()
		if !errors.Is(err, unix.ECONNREFUSED) {
			return fmt.Errorf("connecting to a closed port: got %v, expected a refusal", err)
		}
		r.sent(shot{
			from: r.server, to: r.client, srcPort: port, dstPort: c.local.Port(),
			flags: reset.RST | reset.ACK, seq: reset.Some[uint32](0), window: reset.Some[uint16](0),
			sender: reset.LocalKernel, cause: reset.NoListener, reason: "NO_SOCKET",
			verdict: reset.Accepted, ttl: 64,
		})
	}
	return r.awaitSent(r.server.node, r.n)
}

// craft is a segment from one end of the scene to the other with numbers that
// depend on nothing but the port, so that each run's are told apart.
func (r *run) craft(from, to side, srcPort, dstPort uint16, flags reset.Flags) Segment {
	return Segment{
		Src: netip.AddrPortFrom(from.addr, srcPort), Dst: netip.AddrPortFrom(to.addr, dstPort),
		Seq: 0x10000000 | uint32(srcPort)<<8, Ack: 0x20000000 | uint32(dstPort)<<8,
		Flags: flags, Window: 4096, IPID: srcPort ^ dstPort | 1, DF: true,
	}
}

// answered is the kernel's answer to a segment: from to, back to its sender.
func (r *run) answered(s Segment, from, to side, cause reset.Cause, reason string) shot {
	a := shot{
		from: from, to: to, srcPort: s.Dst.Port(), dstPort: s.Src.Port(),
		flags: reset.RST, seq: reset.Some(s.Ack), window: reset.Some[uint16](0),
		sender: reset.LocalKernel, cause: cause, reason: reason,
		verdict: reset.NoSocket, drop: "NO_SOCKET", ttl: 64,
	}
	if s.Flags&reset.ACK == 0 {
		length := uint32(len(s.Payload))
		if s.Flags&reset.SYN != 0 {
			length++
		}
		if s.Flags&reset.FIN != 0 {
			length++
		}
		a.flags, a.seq, a.ack = reset.RST|reset.ACK, reset.Some[uint32](0), reset.Some(s.Seq+length)
	}
	return a
}

// stray sends n segments that no socket of the server knows.
func (r *run) stray(craft func(*Segment)) error {
	for range r.n {
		s := r.craft(r.client, r.server, r.lab.NextPort(), r.lab.NextPort(), reset.ACK)
		craft(&s)
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		r.sent(r.answered(s, r.server, r.client, reset.NoConnection, "NO_SOCKET"))
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeStrayData sends data of a connection that the server does not have, as
// after a reboot.
func makeStrayData(r *run) error {
	return r.stray(func(s *Segment) { s.Flags |= reset.PSH; s.Payload = []byte("stray") })
}

// makeStrayFin sends a FIN without ACK, as some scanners do: the answer must
// acknowledge data and FIN.
func makeStrayFin(r *run) error {
	return r.stray(func(s *Segment) { s.Flags = reset.FIN; s.Payload = []byte("bye") })
}

// makeStrayRepeated sends the same stray segment n times: the answers are
// equal in every field, and yet n resets.
func makeStrayRepeated(r *run) error {
	s := r.craft(r.client, r.server, r.lab.NextPort(), r.lab.NextPort(), reset.ACK)
	for range r.n {
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
	}
	answer := r.answered(s, r.server, r.client, reset.NoConnection, "NO_SOCKET")
	answer.count = r.n
	r.sent(answer)
	return r.awaitSent(r.server.node, r.n)
}

// makeOutputDropped lets the server's own firewall drop the RST that its TCP
// has just sent: TcpOutRsts counts it all the same.
func makeOutputDropped(r *run) error {
	err := r.block(r.server.node, filter{hook: nftables.ChainHookOutput, flags: reset.RST})
	if err != nil {
		return err
	}
	for range r.n {
		s := r.craft(r.client, r.server, r.lab.NextPort(), r.lab.NextPort(), reset.ACK)
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		a := r.answered(s, r.server, r.client, reset.NoConnection, "NO_SOCKET")
		a.lostAtSender, a.outHooks, a.verdict, a.drop = true, Stack|Inet, reset.Dropped, "NETFILTER_DROP"
		r.sent(a)
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeListenBadAck sends a bare ACK to a listener.
func makeListenBadAck(r *run) error {
	return r.toListener(reset.BadAck, "TCP_FLAGS", func(s *Segment) { s.Flags = reset.ACK })
}

// makeListenBadJoin asks a multipath listener to add a path to a connection
// that it does not have (RFC 8684, 3.2): a SYN with MP_JOIN and a made-up token.
func makeListenBadJoin(r *run) error {
	return r.toListener(reset.MPTCP, "MPTCP_RST_EMPTCP", func(s *Segment) {
		s.Flags = reset.SYN
		s.Options = []byte{30, 12, 0x10, 1, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4}
	})
}

// toListener sends n segments to a listener that refuses them.
func (r *run) toListener(cause reset.Cause, reason string, craft func(*Segment)) error {
	protocol := unix.IPPROTO_TCP
	if cause == reset.MPTCP {
		protocol = unix.IPPROTO_MPTCP
	}
	l, err := r.listenProtocol(r.server, 8, protocol)
	if err != nil {
		return err
	}
	defer l.vanish()
	for range r.n {
		s := r.craft(r.client, r.server, r.lab.NextPort(), l.local.Port(), 0)
		craft(&s)
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		r.sent(r.answered(s, r.server, r.client, cause, reason))
	}
	return r.awaitSent(r.server.node, r.n)
}
