package testkit

import (
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// timerMakers are the resets that a timer of the kernel sends: tcp_keepalive_timer.
func timerMakers() []Maker {
	return []Maker{
		{Name: "keepalive-timeout", Kernel: "tcp_keepalive_timer", Slow: true, make: func(r *run) error {
			return makeKeepalive(r, reset.KeepaliveTimeout, 0)
		}},
		{Name: "keepalive-user-timeout", Kernel: "tcp_keepalive_timer", Slow: true, make: func(r *run) error {
			return makeKeepalive(r, reset.UserTimeout, 1500)
		}},
	}
}

// makeKeepalive lets n connections fall silent whose peer's firewall drops
// every probe, and the RST too. userTimeout is TCP_USER_TIMEOUT in ms.
func makeKeepalive(r *run, cause reset.Cause, userTimeout int) error {
	l, err := r.listen(r.server, r.n)
	if err != nil {
		return err
	}
	defer l.close()
	var servers, clients []*sock
	defer func() {
		for _, c := range append(servers, clients...) {
			c.vanish()
		}
	}()
	for range r.n {
		c, err := r.dial(r.client, l.local)
		clients = append(clients, c)
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		s, err := l.accept()
		if err != nil {
			return err
		}
		servers = append(servers, s)
	}
	hook := nftables.ChainHookInput
	if err := r.block(r.client.node, filter{hook: hook, srcPort: l.local.Port()}); err != nil {
		return err
	}
	for _, s := range servers {
		if err := s.keepalive(userTimeout); err != nil {
			return err
		}
	}
	for _, s := range servers {
		if err := r.timedOut(s, cause); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}

func (r *run) timedOut(s *sock, cause reset.Cause) error {
	got, err := s.awaitError()
	if err != nil {
		return err
	}
	if got != unix.ETIMEDOUT {
		return fmt.Errorf("socket bears %v, expected a timeout", got)
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: s.local.Port(), dstPort: s.remote.Port(),
		flags: reset.RST | reset.ACK, seq: reset.Some(s.sndNxt), ack: reset.Some(s.rcvNxt), ttl: 64,
		sender: reset.LocalKernel, cause: cause, reason: "TCP_KEEPALIVE_TIMEOUT", own: true,
		verdict: reset.Dropped, drop: "NETFILTER_DROP",
	})
	return nil
}

// keepalive makes the socket give up after about two seconds of silence.
func (c *sock) keepalive(userTimeout int) error {
	if err := c.locate(); err != nil {
		return err
	}
	for option, value := range map[int]int{
		unix.TCP_KEEPIDLE: 1, unix.TCP_KEEPINTVL: 1, unix.TCP_KEEPCNT: 1, unix.TCP_USER_TIMEOUT: userTimeout,
	} {
		if err := c.setInt(option, value); err != nil {
			return err
		}
	}
	if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1); err != nil {
		return fmt.Errorf("setting SO_KEEPALIVE: %w", err)
	}
	return nil
}
