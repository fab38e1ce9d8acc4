package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// makeSynRecvBadSyn sends a second SYN with another number inside the window
// of a half-open connection. The client's firewall drops what the server says,
// or the client's kernel would end the half-open connection itself.
func makeSynRecvBadSyn(r *run) error {
	l, err := r.listen(r.server, 8)
	if err != nil {
		return err
	}
	defer l.vanish()
	hook := nftables.ChainHookInput
	if err := r.block(r.client.node, filter{hook: hook, srcPort: l.local.Port()}); err != nil {
		return err
	}
	for i := range r.n {
		s := r.craft(r.client, r.server, r.lab.NextPort(), l.local.Port(), reset.SYN)
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		if err := r.awaitState(r.server, s.Dst.Port(), s.Src.Port(), unix.BPF_TCP_SYN_RECV); err != nil {
			return err
		}
		s.Seq += 100
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		a := r.answered(s, r.server, r.client, reset.BadSyn, "INVALID_SYN")
		a.verdict, a.drop = reset.Dropped, "NETFILTER_DROP"
		r.sent(a)
		if err := r.awaitSent(r.server.node, i+1); err != nil {
			return err
		}
	}
	return nil
}

// makeSynSentBadAck answers a connecting socket with a SYN+ACK that
// acknowledges what was never sent: the client resets, the server ignores it.
func makeSynSentBadAck(r *run) error {
	return r.refuseSynAck(reset.BadAck, "TCP_INVALID_ACK_SEQUENCE", func(s *Segment) { s.Ack += 1000 })
}

// makeSynSentStale acknowledges the SYN, with an echo of a timestamp that was
// never sent (RFC 7323, 3.2).
func makeSynSentStale(r *run) error {
	return r.refuseSynAck(reset.StaleTimestamp, "TCP_RFC7323_PAWS", func(s *Segment) {
		s.Options = []byte{2, 4, 5, 0xb4, 1, 1, 8, 10, 0, 0, 0, 1, 1, 2, 3, 4}
	})
}

func (r *run) refuseSynAck(cause reset.Cause, reason string, spoil func(*Segment)) error {
	for i := range r.n {
		c, port, err := r.connecting()
		if err != nil {
			return err
		}
		defer c.vanish()
		s := r.craft(r.server, r.client, port, c.local.Port(), reset.SYN|reset.ACK)
		s.Ack = c.sndNxt
		spoil(&s)
		if err := r.server.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		r.sent(r.answered(s, r.client, r.server, cause, reason))
		if err := r.awaitSent(r.client.node, i+1); err != nil {
			return err
		}
	}
	return nil
}

// connecting makes a client socket that is in SYN_SENT and stays there, since
// the server's firewall drops its SYN. Its numbers are located.
func (r *run) connecting() (c *sock, port uint16, err error) {
	port = r.lab.NextPort()
	hook := nftables.ChainHookInput
	if err := r.block(r.server.node, filter{hook: hook, dstPort: port, flags: reset.SYN}); err != nil {
		return nil, 0, err
	}
	if c, err = r.newSock(r.client); err != nil {
		return nil, 0, err
	}
	if err = unix.SetNonblock(c.fd, true); err == nil {
		err = unix.Connect(c.fd, sockaddr(netip.AddrPortFrom(r.server.addr, port)))
	}
	if errors.Is(err, unix.EINPROGRESS) {
		err = c.locate()
	}
	if err != nil {
		c.vanish()
		return nil, 0, fmt.Errorf("beginning to connect: %w", err)
	}
	return c, port, nil
}

// makeSynAckNoSocket sends a SYN in the name of a client socket that does not
// exist any more: the client's kernel answers the SYN+ACK with a RST, which
// ends the server's half-open connection. No tracepoint of TCP tells of that
// end; the RST is freed with no reason.
func makeSynAckNoSocket(r *run) error {
	l, err := r.listen(r.server, 8)
	if err != nil {
		return err
	}
	defer l.vanish()
	for i := range r.n {
		s := r.craft(r.client, r.server, r.lab.NextPort(), l.local.Port(), reset.SYN)
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		r.sent(shot{
			from: r.client, to: r.server, srcPort: s.Src.Port(), dstPort: s.Dst.Port(),
			flags: reset.RST, seq: reset.Some(s.Seq + 1), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.NoConnection, reason: "NO_SOCKET",
			verdict: reset.Accepted, drop: "NOT_SPECIFIED",
		})
		if err := r.awaitSent(r.client.node, i+1); err != nil {
			return err
		}
	}
	return r.awaitGrowth(r.server.node, "TcpExtEmbryonicRsts", r.n)
}

// makeAcceptOverflow fills a listener's accept queue while n further
// handshakes are under way, with tcp_abort_on_overflow set. TCP_DEFER_ACCEPT
// holds each handshake open until its client's first data.
func makeAcceptOverflow(r *run) error {
	if err := r.sysctl(r.server.node, "ipv4/tcp_abort_on_overflow=1"); err != nil {
		return err
	}
	// The SYN queue must hold n victims and one filler, and is as long as the
	// accept queue.
	backlog := r.n + 2
	l, err := r.listen(r.server, backlog)
	if err != nil {
		return err
	}
	q := &queue{run: r, listener: l}
	defer q.drain()
	if err := l.setInt(unix.TCP_DEFER_ACCEPT, 5); err != nil {
		return err
	}
	for range backlog {
		if err := q.fill(); err != nil {
			return err
		}
	}
	var victims []*sock
	for range r.n {
		c, err := q.dial()
		if err != nil {
			return err
		}
		victims = append(victims, c)
	}
	// The queue overflows at one more than the backlog.
	if err := q.fill(); err != nil {
		return err
	}
	return r.overflow(l, victims)
}

// queue is a listener's accept queue and the clients that wait in it.
type queue struct {
	run      *run
	listener *sock
	clients  []*sock
	length   int
}

func (q *queue) dial() (*sock, error) {
	c, err := q.run.dial(q.run.client, q.listener.local)
	q.clients = append(q.clients, c)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return c, c.locate()
}

// fill makes the queue one longer.
func (q *queue) fill() error {
	c, err := q.dial()
	if err != nil {
		return err
	}
	if err := c.write([]byte("fill")); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	q.length++
	return q.listener.awaitQueued(q.length)
}

// drain ends queued connections without a packet, the listener last.
func (q *queue) drain() {
	if unix.SetNonblock(q.listener.fd, true) == nil {
		for {
			c, err := q.listener.accept()
			if err != nil {
				break
			}
			c.vanish()
		}
	}
	for _, c := range q.clients {
		c.vanish()
	}
	_ = q.listener.close()
}

func (r *run) overflow(l *sock, victims []*sock) error {
	for _, c := range victims {
		if err := c.write([]byte("late")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := c.awaitReset(); err != nil {
			return err
		}
		r.sent(shot{
			from: r.server, to: r.client, srcPort: l.local.Port(), dstPort: c.local.Port(),
			flags: reset.RST, seq: reset.Some(c.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.BacklogOverflow, reason: "INVALID_SYN",
			verdict: reset.Accepted,
		})
	}
	return r.awaitSent(r.server.node, len(victims))
}
