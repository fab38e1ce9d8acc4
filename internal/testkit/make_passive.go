package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// passiveMakers are the resets with which the kernel answers a packet on its
// own: tcp_v4_send_reset and tcp_v6_send_reset.
func passiveMakers() []Maker {
	return []Maker{
		{Name: "closed-port", Kernel: "tcp_v4_rcv, no_tcp_socket", make: makeClosedPort},
	}
}

// makeClosedPort connects to a port where nobody listens. The answer to a SYN
// without ACK has SEQ 0 and acknowledges the SYN.
func makeClosedPort(r *run) error {
	for range r.n {
		port := r.lab.NextPort()
		c, err := r.dial(r.client, netip.AddrPortFrom(r.server.addr, port))
		if c != nil {
			c.vanish()
		}
		if !errors.Is(err, unix.ECONNREFUSED) {
			return fmt.Errorf("connecting to a closed port: got %v, expected a refusal", err)
		}
		r.sent(shot{
			from: r.server, to: r.client, srcPort: port, dstPort: c.local.Port(),
			flags: reset.RST | reset.ACK, seq: reset.Some[uint32](0),
			sender: reset.LocalKernel, cause: reset.NoListener, reason: "NO_SOCKET",
			verdict: reset.Accepted,
		})
	}
	return r.awaitGrowth("TcpOutRsts", r.n)
}
