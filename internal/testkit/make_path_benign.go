package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// benignMakers are resets of honest ends that look forged to who knows only
// half: old numbers, repeated, another TTL, of nobody's connection.
func benignMakers() []Maker {
	remote := func(s Scene) bool { return s.Route != Loopback }
	return []Maker{
		{Name: "benign-in-flight", Kernel: "tcp_v4_rcv, no_tcp_socket", Scenes: throughBox, make: makeInFlight},
		{Name: "benign-repeated", Kernel: "tcp_v4_rcv, no_tcp_socket", Scenes: throughBox, make: makeRepeated},
		{Name: "benign-crossing-fin", Kernel: "tcp_timewait_state_process, TCP_TW_RST", Scenes: throughBox, make: makeCrossingFin},
		{Name: "benign-after-fin", Kernel: "__tcp_close, data_was_unread", make: makeAfterFin},
		{Name: "benign-other-ttl", Kernel: "ip_send_unicast_reply, ip_select_ttl", Scenes: remote, make: makeOtherTTL},
		{Name: "backscatter", Kernel: "tcp_v4_rcv, no_tcp_socket", Scenes: throughBox, make: makeBackscatter},
		{Name: "scan-ports", Kernel: "tcp_v4_rcv, no_tcp_socket", make: makeScanPorts},
		{Name: "scan-half-open", Kernel: "tcp_v4_rcv, no_tcp_socket", make: func(r *run) error { return r.scanHalfOpen(0) }},
		// The SYN has a TTL of its own: nmap draws one, and so does who writes others' names.
		{Name: "scan-nearer", Kernel: "tcp_v4_rcv, no_tcp_socket", Scenes: remote, make: func(r *run) error { return r.scanHalfOpen(37) }},
	}
}

// honest is what the end that takes an honest kernel's answer may say: never
// that something on the path wrote it.
var honest = seen(reset.Peer, reset.PeerNoConnection, reset.AfterClose, reset.CauseUnknown)

// inFlight is how many segments are under way when the peer forgets.
const inFlight = 3

// holdData is a middlebox that holds the client's data until it is told to let
// it go.
func (r *run) holdData() (box *middlebox, err error) {
	if box, err = r.middlebox(0, linkDelay, nil); err == nil {
		box.set(box.hold)
	}
	return box, err
}

// makeInFlight is a peer that forgets while segments are on their way to it
// that were sent before its own last data arrived: its kernel answers each, with
// the ACK that it bears, which is old by then.
func makeInFlight(r *run) error {
	box, err := r.holdData()
	if err != nil {
		return err
	}
	box.again = true
	const answer = 500
	for range r.n {
		err := r.overtaken(box, func(client, server *sock) error {
			if err := client.locate(); err != nil {
				return err
			}
			if err := server.write(make([]byte, answer)); err != nil {
				return fmt.Errorf("writing: %w", err)
			}
			if err := server.awaitAcknowledged(); err != nil {
				return err
			}
			server.vanish()
			return nil
		}, func(client *sock) error {
			old := r.kernelAnswers(client, client.rcvNxt, reset.HalfOpen, "NO_SOCKET")
			old.count, old.verdict, old.drop = inFlight, reset.Ignored, "TCP_OLD_SEQUENCE"
			r.sent(old)
			r.sent(r.kernelAnswers(client, client.rcvNxt+answer, reset.HalfOpen, "NO_SOCKET"))
			// The client sends again, this time with the ACK that fits.
			return client.awaitReset()
		})
		if err != nil {
			return err
		}
	}
	if err := r.awaitSent(r.server.node, r.n*(inFlight+1)); err != nil {
		return err
	}
	return box.awaitPassed(r.n * (inFlight + 1))
}

// makeRepeated is the same without data of the peer: the answers are equal, and
// one for each segment.
func makeRepeated(r *run) error {
	box, err := r.holdData()
	if err != nil {
		return err
	}
	for range r.n {
		err := r.overtaken(box, func(client, server *sock) error {
			server.vanish()
			return client.locate()
		}, func(client *sock) error {
			first := r.kernelAnswers(client, client.rcvNxt, reset.HalfOpen, "NO_SOCKET")
			rest := first
			rest.count, rest.verdict, rest.drop = inFlight-1, reset.NoSocket, "NO_SOCKET"
			rest.seen = honest.noSocket()
			r.sent(first)
			r.sent(rest)
			return client.awaitReset()
		})
		if err != nil {
			return err
		}
	}
	if err := r.awaitSent(r.server.node, r.n*inFlight); err != nil {
		return err
	}
	return box.awaitPassed(r.n * inFlight)
}

// makeCrossingFin lets data cross the FIN of a peer that closed: its answer
// bears the number of the FIN, one below what the client expects next.
func makeCrossingFin(r *run) error {
	box, err := r.holdData()
	if err != nil {
		return err
	}
	for range r.n {
		err := r.overtaken(box, func(client, server *sock) error {
			if err := client.locate(); err != nil {
				return err
			}
			if err := server.close(); err != nil {
				return err
			}
			return r.awaitState(r.server, client.remote.Port(), client.local.Port(), timeWait)
		}, func(client *sock) error {
			first := r.kernelAnswers(client, client.rcvNxt, reset.CloseRace, "TCP_TIMEWAIT_SOCKET")
			first.also = Seen{Causes: []reset.Cause{reset.TimeWait}}
			first.seen = seen(reset.Peer, reset.AfterClose, reset.PeerNoConnection, reset.CloseRace, reset.DataAfterClose, reset.CauseUnknown)
			// The first answer takes the mini-socket with it.
			rest := r.kernelAnswers(client, client.rcvNxt, reset.NoConnection, "NO_SOCKET")
			rest.also = Seen{Causes: []reset.Cause{reset.CloseRace, reset.HalfOpen}}
			rest.count, rest.verdict, rest.drop = inFlight-1, reset.NoSocket, "NO_SOCKET"
			rest.seen = first.seen.noSocket()
			r.sent(first)
			r.sent(rest)
			return client.awaitReset()
		})
		if err != nil {
			return err
		}
	}
	if err := r.awaitSent(r.server.node, r.n*inFlight); err != nil {
		return err
	}
	return box.awaitPassed(r.n * inFlight)
}

// overtaken makes one connection whose client has segments under way, lets
// meanwhile act, lets the segments arrive and describes what came of it.
func (r *run) overtaken(box *middlebox, meanwhile func(client, server *sock) error, describe func(client *sock) error) error {
	client, server, err := r.connect()
	if err != nil {
		return err
	}
	defer client.vanish()
	defer server.vanish()
	if err := client.setInt(unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	// One after the other: TCP puts small writes that wait in a queue together
	// (tcp_should_autocork), which a slow machine has.
	for i := range inFlight {
		if err := client.write([]byte("under way")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := box.awaitHeld(i + 1); err != nil {
			return err
		}
	}
	if err := meanwhile(client, server); err != nil {
		return err
	}
	box.release()
	return describe(client)
}

// kernelAnswers is the RST with which the server's kernel answers data.
func (r *run) kernelAnswers(client *sock, seq uint32, cause reset.Cause, reason string) shot {
	return shot{
		from: r.server, to: r.client, srcPort: client.remote.Port(), dstPort: client.local.Port(),
		flags: reset.RST, seq: reset.Some(seq), window: reset.Some[uint16](0), ttl: 64,
		sender: reset.LocalKernel, cause: cause, reason: reason, verdict: reset.Accepted, seen: honest,
	}
}

// makeAfterFin resets behind its own FIN: the application has ended its half,
// goes on reading for a while, and then closes with data unread.
func makeAfterFin(r *run) error {
	first := len(r.expects)
	err := r.aborted(reset.UnreadData, "TCP_ABORT_ON_CLOSE", func(client, server *sock) error {
		if err := unix.Shutdown(server.fd, unix.SHUT_WR); err != nil {
			return fmt.Errorf("shutting down: %w", err)
		}
		if err := client.awaitEnd(); err != nil {
			return err
		}
		if err := client.write([]byte("too much")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := server.awaitUnread(8); err != nil {
			return err
		}
		return server.locatedClose()
	})
	for i := range r.expects[first:] {
		if e := &r.expects[first+i]; e.Direction != reset.Out {
			e.Seen = seen(reset.Peer, reset.PeerAbort, reset.AfterClose, reset.CauseUnknown)
		}
	}
	return err
}

// makeOtherTTL is a peer whose application has set its sockets' TTL: what its
// kernel answers without a socket bears the default nevertheless.
func makeOtherTTL(r *run) error {
	level, option := unix.IPPROTO_IP, unix.IP_TTL
	if r.scene.Family == reset.IPv6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
	}
	for range r.n {
		l, err := r.listen(r.server, 1)
		if err != nil {
			return err
		}
		defer l.close()
		if err := unix.SetsockoptInt(l.fd, level, option, 128); err != nil {
			return fmt.Errorf("setting the TTL: %w", err)
		}
		client, err := r.dial(r.client, l.local)
		defer client.vanish()
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		server, err := l.accept()
		if err != nil {
			return err
		}
		l.vanish()
		server.vanish()
		if err := client.locate(); err != nil {
			return err
		}
		if err := client.write([]byte("hello")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := client.awaitReset(); err != nil {
			return err
		}
		r.sent(r.kernelAnswers(client, client.rcvNxt, reset.HalfOpen, "NO_SOCKET"))
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeBackscatter is the answers to somebody else's SYNs in the client's name.
func makeBackscatter(r *run) error {
	for range r.n {
		s := r.craft(r.client, r.server, r.lab.NextPort(), r.lab.NextPort(), reset.SYN)
		if err := r.lab.Router.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		a := r.answered(s, r.server, r.client, reset.NoListener, "NO_SOCKET")
		a.seen = seen(reset.Peer, reset.Backscatter, reset.Scan, reset.CauseUnknown).or(reset.Path)
		r.sent(a)
		for i := range r.expects {
			// Who only passes it on cannot know that nobody asked.
			if e := &r.expects[i]; e.Direction == reset.Forward {
				e.Seen = seen(reset.Peer, reset.Backscatter, reset.Scan, reset.Refused, reset.CauseUnknown).or(reset.Path)
			}
		}
	}
	if err := r.awaitSent(r.server.node, r.n); err != nil {
		return err
	}
	return r.awaitSegments(r.client.node, r.n)
}

// scanned is how many ports a scan tries.
const scanned = 20

// makeScanPorts connects to port after port.
func makeScanPorts(r *run) error {
	ports := scanned + r.n
	for range ports {
		port := r.lab.NextPort()
		c, err := r.dial(r.client, netip.AddrPortFrom(r.server.addr, port))
		c.vanish()
		if !errors.Is(err, unix.ECONNREFUSED) {
			return fmt.Errorf("connecting to a closed port: got %v, expected a refusal", err)
		}
		r.sent(shot{
			from: r.server, to: r.client, srcPort: port, dstPort: c.local.Port(),
			flags: reset.RST | reset.ACK, seq: reset.Some[uint32](0), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.NoListener, reason: "NO_SOCKET", verdict: reset.Accepted,
			also: Seen{Causes: []reset.Cause{reset.Scan}}, seen: seen(reset.Peer, reset.Refused, reset.Scan, reset.CauseUnknown),
		})
	}
	return r.awaitSent(r.server.node, ports)
}

// scanHalfOpen asks open ports with SYNs of no socket, of that TTL: the scanner's
// own kernel answers each SYN+ACK, and nobody has lost anything.
func (r *run) scanHalfOpen(ttl uint8) error {
	open := 5 + r.n
	for i := range open {
		l, err := r.listen(r.server, 1)
		if err != nil {
			return err
		}
		defer l.vanish()
		s := r.craft(r.client, r.server, r.lab.NextPort(), l.local.Port(), reset.SYN)
		s.TTL = ttl
		if err := r.client.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		r.sent(shot{
			from: r.client, to: r.server, srcPort: s.Src.Port(), dstPort: s.Dst.Port(),
			flags: reset.RST, seq: reset.Some(s.Seq + 1), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.NoConnection, reason: "NO_SOCKET",
			verdict: reset.Accepted, drop: "NOT_SPECIFIED", also: Seen{Causes: []reset.Cause{reset.Scan}},
			seen: seen(reset.Peer, reset.Scan, reset.PeerNoConnection, reset.PeerAbort, reset.CauseUnknown),
		})
		if err := r.awaitSent(r.client.node, i+1); err != nil {
			return err
		}
	}
	return r.awaitGrowth(r.server.node, "TcpExtEmbryonicRsts", open)
}

// awaitAcknowledged waits until the peer has acknowledged all that was written.
func (c *sock) awaitAcknowledged() error {
	return poll("data to be acknowledged", func() (bool, error) {
		left, err := unix.IoctlGetInt(c.fd, unix.TIOCOUTQ)
		return left == 0, err
	})
}
