package testkit

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// activeMakers are the resets that an end of a connection sends of its own
// accord: tcp_send_active_reset. They always have RST and ACK, SEQ is the next
// number to send, ACK the next one expected.
func activeMakers() []Maker {
	return []Maker{
		{Name: "unread-data", Kernel: "__tcp_close, data_was_unread", make: makeUnreadData},
		{Name: "linger-zero", Kernel: "__tcp_close, SOCK_LINGER: tcp_disconnect", make: makeLingerZero},
		{Name: "disconnect", Kernel: "tcp_disconnect, connect(AF_UNSPEC)", make: makeDisconnect},
		{Name: "listener-closed", Kernel: "inet_csk_listen_stop", make: makeListenerClosed},
	}
}

// aborted makes n connections, lets abort end the server's end of each, and
// checks that the client's end was reset.
func (r *run) aborted(cause reset.Cause, reason string, abort func(client, server *sock) error) error {
	for range r.n {
		if err := r.abortOne(cause, reason, abort); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}

func (r *run) abortOne(cause reset.Cause, reason string, abort func(client, server *sock) error) error {
	client, server, err := r.connect()
	if err != nil {
		return err
	}
	defer client.vanish()
	defer server.vanish()
	if err := abort(client, server); err != nil {
		return err
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: server.local.Port(), dstPort: client.local.Port(),
		flags: reset.RST | reset.ACK, seq: reset.Some(server.sndNxt), ack: reset.Some(server.rcvNxt),
		sender: reset.LocalApp, cause: cause, reason: reason, own: true, verdict: reset.Accepted,
	})
	return nil
}

// makeUnreadData closes a socket while bytes of the peer lie unread
// (RFC 2525, 2.17).
func makeUnreadData(r *run) error {
	return r.aborted(reset.UnreadData, "TCP_ABORT_ON_CLOSE", func(client, server *sock) error {
		const unread = 300
		if err := client.write(make([]byte, unread)); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := server.awaitUnread(unread); err != nil {
			return err
		}
		return server.locatedClose()
	})
}

// makeLingerZero closes a socket that has SO_LINGER set to zero seconds.
func makeLingerZero(r *run) error {
	return r.aborted(reset.LingerZero, "TCP_STATE", func(_, server *sock) error {
		linger := unix.Linger{Onoff: 1}
		if err := unix.SetsockoptLinger(server.fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger); err != nil {
			return fmt.Errorf("setting SO_LINGER: %w", err)
		}
		return server.locatedClose()
	})
}

// makeDisconnect dissolves a connection with connect(AF_UNSPEC).
func makeDisconnect(r *run) error {
	return r.aborted(reset.Disconnect, "TCP_STATE", func(_, server *sock) error {
		if err := server.locate(); err != nil {
			return err
		}
		return server.unconnect()
	})
}

// makeListenerClosed closes a listener whose queue holds connections that
// nobody has accepted.
func makeListenerClosed(r *run) error {
	l, err := r.listen(r.server, r.n)
	if err != nil {
		return err
	}
	defer l.close()
	for range r.n {
		client, err := r.dial(r.client, l.local)
		if client != nil {
			defer client.vanish()
		}
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		if err := client.locate(); err != nil {
			return err
		}
		r.sent(shot{
			from: r.server, to: r.client, srcPort: l.local.Port(), dstPort: client.local.Port(),
			flags: reset.RST | reset.ACK, seq: reset.Some(client.rcvNxt), ack: reset.Some(client.sndNxt),
			sender: reset.LocalApp, cause: reset.ListenerClosed, reason: "TCP_STATE", own: true,
			verdict: reset.Accepted,
		})
	}
	// The last ACK of each handshake must have reached the listener.
	if err := l.awaitQueued(r.n); err != nil {
		return err
	}
	if err := l.close(); err != nil {
		return err
	}
	return r.awaitSent(r.server.node, r.n)
}
