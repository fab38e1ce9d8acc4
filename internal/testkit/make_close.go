package testkit

import (
	"errors"
	"fmt"
	"os/exec"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// closeMakers are further ways in which an application leaves a connection:
// each looks like one of activeMakers or closedMakers and is, in one point,
// another.
func closeMakers() []Maker {
	return []Maker{
		{Name: "unread-after-shutdown", Kernel: "__tcp_close, data_was_unread in FIN_WAIT2", make: makeUnreadAfterShutdown},
		{Name: "unread-after-fin", Kernel: "__tcp_close, data_was_unread in CLOSE_WAIT", make: makeUnreadAfterFin},
		{Name: "unread-linger-positive", Kernel: "__tcp_close, data_was_unread before SOCK_LINGER", make: makeUnreadLingerPositive},
		{Name: "unread-custom-ttl", Kernel: "__tcp_close, ip_queue_xmit with IP_TTL", make: makeUnreadCustomTTL},
		{Name: "linger2-acked", Kernel: "tcp_rcv_state_process, TCP_FIN_WAIT1, linger2", make: makeLinger2Acked},
		{Name: "fin-acked-by-data", Kernel: "tcp_rcv_state_process, TCP_FIN_WAIT1", make: makeFinAckedByData},
		{Name: "disconnect-unsent", Kernel: "tcp_disconnect, TCPF_LAST_ACK", make: makeDisconnectUnsent},
		{Name: "listener-closed-reuseport", Kernel: "inet_csk_listen_stop", make: makeListenerClosedReusePort},
		{Name: "socket-destroyed-ss", Kernel: "tcp_abort, SOCK_DESTROY", make: makeSocketDestroyedBySS},
	}
}

// makeUnreadAfterShutdown has the server close its sending side, and then the
// socket, with what the client wrote in between unread.
func makeUnreadAfterShutdown(r *run) error {
	return r.aborted(reset.UnreadData, "TCP_ABORT_ON_CLOSE", func(client, server *sock) error {
		if err := unix.Shutdown(server.fd, unix.SHUT_WR); err != nil {
			return fmt.Errorf("shutting down: %w", err)
		}
		if err := client.awaitEnd(); err != nil {
			return err
		}
		return leaveUnread(client, server)
	})
}

// leaveUnread writes at one end and closes the other without reading it.
func leaveUnread(client, server *sock) error {
	if err := client.write([]byte("unread")); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if err := server.awaitUnread(1); err != nil {
		return err
	}
	return server.locatedClose()
}

// makeUnreadAfterFin has the client write and close its sending side, and the
// server leave without having read: a request that nobody took.
func makeUnreadAfterFin(r *run) error {
	return r.aborted(reset.UnreadData, "TCP_ABORT_ON_CLOSE", func(client, server *sock) error {
		if err := client.write([]byte("unread")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := unix.Shutdown(client.fd, unix.SHUT_WR); err != nil {
			return fmt.Errorf("shutting down: %w", err)
		}
		port, peer := server.local.Port(), server.remote.Port()
		if err := r.awaitState(r.server, port, peer, unix.BPF_TCP_CLOSE_WAIT); err != nil {
			return err
		}
		return server.locatedClose()
	})
}

// makeUnreadLingerPositive sets SO_LINGER to some seconds, which resets
// nothing: unread data does.
func makeUnreadLingerPositive(r *run) error {
	return r.aborted(reset.UnreadData, "TCP_ABORT_ON_CLOSE", func(client, server *sock) error {
		linger := unix.Linger{Onoff: 1, Linger: 3}
		if err := unix.SetsockoptLinger(server.fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger); err != nil {
			return fmt.Errorf("setting SO_LINGER: %w", err)
		}
		return leaveUnread(client, server)
	})
}

// makeUnreadCustomTTL has the application change the TTL of its packets after
// the handshake: what looks like a forgery is the peer's own.
func makeUnreadCustomTTL(r *run) error {
	const ttl = 99
	first := len(r.expects)
	err := r.aborted(reset.UnreadData, "TCP_ABORT_ON_CLOSE", func(client, server *sock) error {
		level, option := unix.IPPROTO_IP, unix.IP_TTL
		if r.scene.Family == reset.IPv6 {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
		}
		if err := unix.SetsockoptInt(server.fd, level, option, ttl); err != nil {
			return fmt.Errorf("setting the TTL: %w", err)
		}
		return leaveUnread(client, server)
	})
	for i := first; i < len(r.expects); i++ {
		r.expects[i].Seen = seen(reset.Peer, reset.PeerAbort, reset.Forged, reset.CauseUnknown).or(reset.Path)
	}
	return err
}

// makeLinger2Acked closes a socket that has TCP_LINGER2 below zero, in
// FIN_WAIT1: the acknowledgement of its FIN is answered with a RST. The peer is
// kept from acknowledging until the socket is closed.
func makeLinger2Acked(r *run) error {
	for range r.n {
		if err := r.linger2AckedOne(); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}

func (r *run) linger2AckedOne() error {
	client, server, err := r.connect()
	if err != nil {
		return err
	}
	defer client.vanish()
	if err := server.setInt(unix.TCP_LINGER2, -1); err != nil {
		return err
	}
	if err := client.locate(); err != nil {
		return err
	}
	// The FIN is acknowledged at once.
	if err := server.close(); err != nil {
		return err
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: client.remote.Port(), dstPort: client.local.Port(),
		flags: reset.RST, seq: reset.Some(client.rcvNxt + 1), window: reset.Some[uint16](0), ttl: 64,
		sender: reset.LocalKernel, cause: reset.Linger2, reason: "TCP_ABORT_ON_DATA", verdict: reset.Accepted,
		also: Seen{Senders: []reset.Sender{reset.LocalApp}},
		seen: seen(reset.Peer, reset.AfterClose, reset.PeerAbort, reset.PeerNoConnection, reset.Linger2).must(),
	})
	return nil
}

// makeFinAckedByData has the client write after it has got the FIN of a closed
// socket: its data acknowledges the FIN and crosses nothing. The server's
// firewall drops the bare acknowledgement.
func makeFinAckedByData(r *run) error {
	return r.refusedData(reset.DataAfterClose, "TCP_ABORT_ON_DATA", func(client, server *sock) error {
		err := r.block(r.server.node, filter{
			hook: nftables.ChainHookInput, srcPort: client.local.Port(), flags: reset.ACK, exact: true,
		})
		if err != nil {
			return err
		}
		if err := server.close(); err != nil {
			return err
		}
		return client.awaitEnd()
	})
}

// makeDisconnectUnsent dissolves a connection in LAST_ACK that has data which
// the peer's window keeps from being sent.
func makeDisconnectUnsent(r *run) error {
	for range r.n {
		if err := r.disconnectUnsentOne(); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}

func (r *run) disconnectUnsentOne() error {
	client, server, err := r.connect()
	if err != nil {
		return err
	}
	defer client.vanish()
	defer server.vanish()
	if err := unix.Shutdown(client.fd, unix.SHUT_WR); err != nil {
		return fmt.Errorf("shutting down: %w", err)
	}
	port, peer := server.local.Port(), server.remote.Port()
	if err := r.awaitState(r.server, port, peer, unix.BPF_TCP_CLOSE_WAIT); err != nil {
		return err
	}
	if err := server.fill(); err != nil {
		return err
	}
	if err := unix.Shutdown(server.fd, unix.SHUT_WR); err != nil {
		return fmt.Errorf("shutting down: %w", err)
	}
	if err := server.unconnect(); err != nil {
		return err
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: port, dstPort: peer, flags: reset.RST | reset.ACK,
		sender: reset.LocalApp, cause: reset.Disconnect, reason: "TCP_DISCONNECT_WITH_DATA", own: true, verdict: reset.Accepted,
	})
	return nil
}

// fill writes until the socket takes no more, and the peer's window is closed.
func (c *sock) fill() error {
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return err
	}
	data := make([]byte, 1<<16)
	// The buffer grows while the peer acknowledges, and takes more again.
	return poll("the peer's window to close", func() (bool, error) {
		for {
			err := uninterrupted(func() error {
				_, err := unix.SendmsgN(c.fd, data, nil, nil, unix.MSG_NOSIGNAL)
				return err
			})
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if err != nil {
				return false, fmt.Errorf("filling a socket: %w", err)
			}
		}
		info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err == nil && info.Unacked == 0 && info.Notsent_bytes > 0, err
	})
}

// makeListenerClosedReusePort closes one of two listeners of a port, with
// connections in its queue. The other goes on listening.
func makeListenerClosedReusePort(r *run) error {
	for range r.n {
		if err := r.reusePortOne(); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}

func (r *run) reusePortOne() error {
	first, err := r.listenShared(0)
	if err != nil {
		return err
	}
	defer first.vanish()
	client, err := r.dial(r.client, first.local)
	defer client.vanish()
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	if err := first.awaitQueued(1); err != nil {
		return err
	}
	second, err := r.listenShared(first.local.Port())
	if err != nil {
		return err
	}
	defer second.vanish()
	if err := client.locate(); err != nil {
		return err
	}
	if err := first.close(); err != nil {
		return err
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: first.local.Port(), dstPort: client.local.Port(),
		flags: reset.RST | reset.ACK, seq: reset.Some(client.rcvNxt), ack: reset.Some(client.sndNxt),
		sender: reset.LocalApp, cause: reset.ListenerClosed, reason: "TCP_STATE", own: true, verdict: reset.Accepted,
	})
	return nil
}

// makeSocketDestroyedBySS ends the connection with the ss program.
func makeSocketDestroyedBySS(r *run) error {
	path, err := exec.LookPath("ss")
	if err != nil {
		return &UnsupportedError{Need: "ss"}
	}
	return r.aborted(reset.SocketDestroyed, "TCP_STATE", func(client, server *sock) error {
		if err := server.locate(); err != nil {
			return err
		}
		err := r.server.node.Do(func() error {
			out, err := exec.Command(path, "-K", "-n", "-t", "sport", fmt.Sprintf("= :%d", server.local.Port()),
				"and", "dport", fmt.Sprintf("= :%d", client.local.Port())).CombinedOutput()
			if err != nil {
				return fmt.Errorf("ss -K: %w: %s", err, out)
			}
			return nil
		})
		if err != nil {
			return err
		}
		got, err := server.awaitError()
		if err == nil && got != unix.ECONNABORTED {
			err = fmt.Errorf("destroyed socket bears %v", got)
		}
		return err
	})
}
