package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// at is an address of the side.
func (s side) at(port uint16) netip.AddrPort { return netip.AddrPortFrom(s.addr, port) }

// haproxy is one process in the foreground, between its port and a backend in
// the same namespace, which it calls from the port after its own.
func (r *run) haproxy(mode, frontend, backend string, to uint16) (*served, error) {
	s, program, err := r.newServed("haproxy")
	if err != nil {
		return nil, err
	}
	config, err := s.write("haproxy.cfg", fmt.Sprintf(`global
  log stderr local0 err
defaults
  mode %s
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend front
  bind %s:%d
  %s
  default_backend back
backend back
  retries 0
  %s
  server one %s:%d source %s:%d
`, mode, r.server.addr, s.port, frontend, backend, r.server.addr, to, r.server.addr, s.port+1))
	if err != nil {
		return nil, err
	}
	return s, s.start(program, "-db", "-f", config)
}

// makeHaproxyRejects accepts connections that a rule rejects at once.
func makeHaproxyRejects(r *run) error {
	s, err := r.haproxy("tcp", "tcp-request connection reject", "", r.lab.NextPort())
	if err != nil {
		return err
	}
	for range r.n {
		c, err := r.dial(r.client, r.server.at(s.port))
		if c != nil {
			defer c.vanish()
		}
		switch {
		case errors.Is(err, unix.ECONNRESET): // before connect() had returned
		case err != nil:
			return fmt.Errorf("connecting to a server: %w", err)
		default:
			if err := c.awaitReset(); err != nil {
				return err
			}
		}
		r.sent(s.reset(c, reset.RST|reset.ACK, reset.LingerZero, "TCP_STATE"))
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeHaproxyRefused has no backend that listens: the client is told 503, and
// only haproxy meets a reset.
func makeHaproxyRefused(r *run) error {
	closed := r.lab.NextPort()
	s, err := r.haproxy("http", "", "", closed)
	if err != nil {
		return err
	}
	for range r.n {
		c, err := s.call()
		if err != nil {
			return err
		}
		defer c.vanish()
		if err := c.write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		if err := c.awaitText("</body></html>\n"); err != nil {
			return err
		}
		if err := c.awaitEnd(); err != nil {
			return err
		}
		if err := c.close(); err != nil { // after the server's FIN: nothing is left
			return err
		}
		r.within(shot{
			from: r.server, to: r.server, at: r.server.node, srcPort: closed, dstPort: s.port + 1,
			flags: reset.RST | reset.ACK, seq: reset.Some[uint32](0), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.NoListener, reason: "NO_SOCKET", verdict: reset.Accepted,
		})
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeHaproxyRelays aborts at the client: haproxy, told not to linger, aborts
// towards the backend.
func makeHaproxyRelays(r *run) error {
	l, err := r.listen(r.server, 8)
	if err != nil {
		return err
	}
	defer l.vanish()
	s, err := r.haproxy("tcp", "", "option nolinger", l.local.Port())
	if err != nil {
		return err
	}
	for i := range r.n {
		c, err := s.call()
		if err != nil {
			return err
		}
		defer c.vanish()
		if err := c.write([]byte("hello")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		backend, err := l.accept()
		if err != nil {
			return err
		}
		defer backend.vanish()
		if err := backend.awaitUnread(5); err != nil {
			return err
		}
		linger := unix.Linger{Onoff: 1}
		if err := unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger); err != nil {
			return fmt.Errorf("setting SO_LINGER: %w", err)
		}
		if err := c.locatedClose(); err != nil {
			return err
		}
		if err := backend.awaitReset(); err != nil {
			return err
		}
		r.sent(shot{
			from: r.client, to: r.server, srcPort: c.local.Port(), dstPort: s.port,
			flags: reset.RST | reset.ACK, seq: reset.Some(c.sndNxt), ack: reset.Some(c.rcvNxt), ttl: 64,
			sender: reset.LocalApp, cause: reset.LingerZero, reason: "TCP_STATE", own: true, verdict: reset.Accepted,
		})
		passedOn := shot{
			from: r.server, to: r.server, at: r.server.node, srcPort: backend.remote.Port(), dstPort: l.local.Port(),
			flags: reset.RST | reset.ACK, ttl: 64,
			sender: reset.LocalApp, cause: reset.Relayed, reason: "TCP_STATE", pid: s.cmd.Process.Pid, verdict: reset.Accepted,
			also: Seen{Causes: []reset.Cause{reset.LingerZero}}, seen: seen(reset.Peer, reset.PeerAbort, reset.Relayed, reset.CauseUnknown),
		}
		r.within(passedOn)
		if err := r.awaitSent(r.client.node, i+1); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}
