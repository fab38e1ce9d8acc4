package testkit

import (
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// closedMakers are the answers to a peer that goes on sending to a socket
// whose application has left.
func closedMakers() []Maker {
	return []Maker{
		{Name: "shutdown-then-data", Kernel: "tcp_rcv_state_process, RCV_SHUTDOWN", make: makeShutdownThenData},
		{Name: "close-race", Kernel: "tcp_rcv_state_process, TCP_FIN_WAIT1", make: makeCloseRace},
		{Name: "time-wait", Kernel: "tcp_timewait_state_process, TCP_TW_RST", make: makeTimeWait},
		{Name: "half-open", Kernel: "tcp_v4_rcv, no_tcp_socket", make: makeHalfOpen},
		{Name: "linger2", Kernel: "__tcp_close, TCP_FIN_WAIT2", make: makeLinger2},
	}
}

// refusedData makes n connections, lets prepare close the server's end of
// each, has the client write, and checks that it was reset for it.
func (r *run) refusedData(cause reset.Cause, reason string, prepare func(client, server *sock) error) error {
	for range r.n {
		if err := r.refuseOne(cause, reason, prepare); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}

func (r *run) refuseOne(cause reset.Cause, reason string, prepare func(client, server *sock) error) error {
	client, server, err := r.connect()
	if err != nil {
		return err
	}
	defer client.vanish()
	defer server.vanish()
	if err := prepare(client, server); err != nil {
		return err
	}
	if err := client.locate(); err != nil {
		return err
	}
	if err := client.write([]byte("too late")); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: client.remote.Port(), dstPort: client.local.Port(),
		flags: reset.RST, seq: reset.Some(client.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
		sender: reset.LocalKernel, cause: cause, reason: reason, verdict: reset.Accepted,
	})
	return nil
}

// makeShutdownThenData writes to a socket that its owner has shut down both
// ways and still holds. On this path tcp_receive_reset fires although no RST
// was received.
func makeShutdownThenData(r *run) error {
	return r.refusedData(reset.DataAfterClose, "TCP_ABORT_ON_DATA", func(client, server *sock) error {
		if err := unix.Shutdown(server.fd, unix.SHUT_RDWR); err != nil {
			return fmt.Errorf("shutting down: %w", err)
		}
		return client.awaitEnd()
	})
}

// makeCloseRace lets data cross the FIN of a socket that is closed: the
// client's firewall drops the first FIN, and is opened before the second.
func makeCloseRace(r *run) error {
	return r.refusedData(reset.CloseRace, "TCP_ABORT_ON_DATA", func(_, server *sock) error {
		remove, err := r.client.node.apply(filter{
			hook: nftables.ChainHookInput, srcPort: server.local.Port(), flags: reset.FIN,
		})
		if err != nil {
			return err
		}
		port, peer := server.local.Port(), server.remote.Port()
		if err := server.close(); err != nil {
			return err
		}
		if err := r.awaitState(r.server, port, peer, unix.BPF_TCP_FIN_WAIT1); err != nil {
			return err
		}
		return remove()
	})
}

// makeTimeWait writes to a connection whose other end is closed and, its FIN
// acknowledged, only a mini-socket.
func makeTimeWait(r *run) error {
	return r.refusedData(reset.TimeWait, "TCP_TIMEWAIT_SOCKET", func(client, server *sock) error {
		if err := server.close(); err != nil {
			return err
		}
		if err := client.awaitEnd(); err != nil {
			return err
		}
		return r.awaitState(r.server, client.remote.Port(), client.local.Port(), timeWait)
	})
}

// makeHalfOpen writes to a connection that the other end has lost without a
// word, as by a crash.
func makeHalfOpen(r *run) error {
	return r.refusedData(reset.HalfOpen, "NO_SOCKET", func(_, server *sock) error {
		server.vanish()
		return nil
	})
}

// makeLinger2 closes a socket in FIN_WAIT2 that has TCP_LINGER2 below zero.
func makeLinger2(r *run) error {
	return r.aborted(reset.Linger2, "TCP_ABORT_ON_LINGER", func(_, server *sock) error {
		if err := server.setInt(unix.TCP_LINGER2, -1); err != nil {
			return err
		}
		if err := unix.Shutdown(server.fd, unix.SHUT_WR); err != nil {
			return fmt.Errorf("shutting down: %w", err)
		}
		err := r.awaitState(r.server, server.local.Port(), server.remote.Port(), unix.BPF_TCP_FIN_WAIT2)
		if err != nil {
			return err
		}
		return server.locatedClose()
	})
}

// awaitEnd reads until the peer's FIN.
func (c *sock) awaitEnd() error {
	n := 0
	err := uninterrupted(func() (err error) {
		n, err = unix.Read(c.fd, make([]byte, 16))
		return err
	})
	if err != nil || n != 0 {
		return fmt.Errorf("reading to the end: %d bytes, %w", n, err)
	}
	return nil
}
