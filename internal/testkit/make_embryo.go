package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// embryoMakers are resets of connections that never were complete: half-open
// ones, cookies, and those of TCP Fast Open, which carry data before they are
// established; and those of Multipath TCP.
func embryoMakers() []Maker {
	return []Maker{
		{Name: "syn-recv-bad-ack", Kernel: "tcp_check_req, tcp_rcv_state_process", make: makeSynRecvBadAck},
		{Name: "syn-cookie-bad-ack", Kernel: "cookie_v4_check, cookie_v6_check", make: makeSynCookieBadAck},
		{Name: "fast-open-unread", Kernel: "__tcp_close, data_was_unread in SYN_RECV", make: func(r *run) error {
			return r.fastOpen(reset.UnreadData, "TCP_ABORT_ON_CLOSE", func(l *sock) error {
				c, err := l.accept()
				if err == nil {
					err = c.close()
				}
				return err
			})
		}},
		{Name: "fast-open-listener-closed", Kernel: "inet_csk_listen_stop, inet_child_forget", make: func(r *run) error {
			return r.fastOpen(reset.ListenerClosed, "TCP_STATE", func(l *sock) error {
				if err := l.awaitQueued(1); err != nil {
					return err
				}
				return l.close()
			})
		}},
		{Name: "mptcp-unread", Kernel: "__mptcp_close, mptcp_do_fastclose", make: func(r *run) error {
			return r.multipath(reset.UnreadData, func(client, server *sock) error {
				if err := client.write([]byte("unread")); err != nil {
					return fmt.Errorf("writing: %w", err)
				}
				return server.awaitUnread(1)
			})
		}},
		{Name: "mptcp-linger-zero", Kernel: "__mptcp_close, mptcp_do_fastclose", make: func(r *run) error {
			return r.multipath(reset.LingerZero, func(_, server *sock) error {
				linger := unix.Linger{Onoff: 1}
				return unix.SetsockoptLinger(server.fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger)
			})
		}},
	}
}

// makeSynRecvBadAck ends a handshake with the wrong number. The client's
// firewall drops what the server says.
func makeSynRecvBadAck(r *run) error {
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
		// Nobody can have sent that number: the server's is random.
		s.Flags, s.Seq = reset.ACK, s.Seq+1
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		a := r.answered(s, r.server, r.client, reset.BadAck, "TCP_FLAGS")
		a.verdict, a.drop = reset.Dropped, "NETFILTER_DROP"
		r.sent(a)
		if err := r.awaitSent(r.server.node, i+1); err != nil {
			return err
		}
	}
	return nil
}

// makeSynCookieBadAck sends ACKs whose cookie is wrong to a listener that sends
// cookies always.
func makeSynCookieBadAck(r *run) error {
	if err := r.sysctl(r.server.node, "ipv4/tcp_syncookies=2"); err != nil {
		return err
	}
	l, err := r.listen(r.server, 8)
	if err != nil {
		return err
	}
	defer l.vanish()
	// Only a listener that has sent a cookie of late looks at one.
	client, err := r.dial(r.client, l.local)
	defer client.vanish()
	if err != nil {
		return fmt.Errorf("connecting with a cookie: %w", err)
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	defer server.vanish()
	for i := range r.n {
		s := r.craft(r.client, r.server, r.lab.NextPort(), l.local.Port(), reset.ACK)
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		r.sent(r.answered(s, r.server, r.client, reset.BadAck, "TCP_FLAGS"))
		if err := r.awaitSent(r.server.node, i+1); err != nil {
			return err
		}
	}
	return r.awaitGrowth(r.server.node, "TcpExtSyncookiesFailed", r.n)
}

// fastOpen makes n connections whose SYN carries data, and lets end act on the
// listener while the client has not heard of the server yet: its firewall
// drops the SYN+ACK.
func (r *run) fastOpen(cause reset.Cause, reason string, end func(listener *sock) error) error {
	const both, withoutCookie = 3, 0x200 | 0x4
	for _, node := range []*Node{r.client.node, r.server.node} {
		if err := r.sysctl(node, fmt.Sprintf("ipv4/tcp_fastopen=%d", both|withoutCookie)); err != nil {
			return err
		}
	}
	for i := range r.n {
		if err := r.fastOpenOne(cause, reason, end); err != nil {
			return err
		}
		if err := r.awaitSent(r.server.node, i+1); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) fastOpenOne(cause reset.Cause, reason string, end func(listener *sock) error) error {
	l, err := r.listen(r.server, 8)
	if err != nil {
		return err
	}
	defer l.vanish()
	if err := l.setInt(unix.TCP_FASTOPEN, 8); err != nil {
		return err
	}
	err = r.block(r.client.node, filter{hook: nftables.ChainHookInput, srcPort: l.local.Port(), flags: reset.SYN})
	if err != nil {
		return err
	}
	c, err := r.newSock(r.client)
	if err != nil {
		return err
	}
	defer c.vanish()
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return err
	}
	data := []byte("early")
	_, err = unix.SendmsgN(c.fd, data, nil, sockaddr(l.local), unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL)
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("sending with the SYN: %w", err)
	}
	if err := c.locate(); err != nil {
		return err
	}
	if err := l.awaitQueued(1); err != nil {
		return err
	}
	r.lab.pause()
	if err := end(l); err != nil {
		return err
	}
	if got, err := c.awaitError(); err != nil || got != unix.ECONNREFUSED {
		return fmt.Errorf("connecting socket bears %v (%w), expected a refusal", got, err)
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: l.local.Port(), dstPort: c.local.Port(),
		flags: reset.RST | reset.ACK, ack: reset.Some(c.sndNxt), ttl: 64,
		sender: reset.LocalApp, cause: cause, reason: reason, own: true, verdict: reset.Accepted,
		seen: seen(reset.Peer, reset.PeerAbort, reset.Refused).must(),
	})
	return nil
}

// multipath makes n connections of Multipath TCP, lets prepare act, and closes
// the server's end: the RST has the option MP_FASTCLOSE, whatever it was that
// made the close an abort.
func (r *run) multipath(why reset.Cause, prepare func(client, server *sock) error) error {
	for i := range r.n {
		if err := r.multipathOne(why, prepare); err != nil {
			return err
		}
		if err := r.awaitSent(r.server.node, i+1); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) multipathOne(why reset.Cause, prepare func(client, server *sock) error) error {
	l, err := r.listenProtocol(r.server, 8, unix.IPPROTO_MPTCP)
	if err != nil {
		return err
	}
	defer l.vanish()
	client, err := r.newProtocolSock(r.client, unix.IPPROTO_MPTCP)
	if err != nil {
		return err
	}
	defer client.vanish()
	client.remote = netip.AddrPortFrom(r.server.addr, l.local.Port())
	if err := client.connect(); err != nil {
		return fmt.Errorf("connecting to %s: %w", client.remote, err)
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	defer server.vanish()
	if err := prepare(client, server); err != nil {
		return err
	}
	if err := server.close(); err != nil {
		return err
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: l.local.Port(), dstPort: client.local.Port(),
		flags: reset.RST | reset.ACK, ttl: 64,
		sender: reset.LocalApp, cause: reset.MPTCP, reason: "TCP_ABORT_ON_CLOSE", own: true, verdict: reset.Accepted,
		also: Seen{Causes: []reset.Cause{why}},
		seen: seen(reset.Peer, reset.PeerAbort, reset.MPTCP).must(),
	})
	return nil
}
