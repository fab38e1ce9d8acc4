package testkit

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// limitMakers are resets that the kernel sends because it has waited, or keeps,
// too much.
func limitMakers() []Maker {
	// They take seconds, and the way between the ends is nothing to them.
	routed := func(s Scene) bool { return s.Route == Routed }
	return []Maker{
		{Name: "fin-wait2-timeout", Kernel: "tcp_keepalive_timer, TCP_FIN_WAIT2", Slow: true, Scenes: routed, make: makeFinWait2Timeout},
		{Name: "retransmit-timeout", Kernel: "tcp_write_timeout, then tcp_v4_send_reset", Slow: true, Scenes: routed, make: makeRetransmitTimeout},
		{Name: "orphan-limit", Kernel: "tcp_out_of_resources, tcp_check_oom", Slow: true, Scenes: routed, make: makeOrphanLimit},
	}
}

// makeFinWait2Timeout closes a socket whose peer never closes, with a time for
// FIN_WAIT2 so long that the socket stays whole; then the time is made shorter
// than that of TIME_WAIT, and the timer ends the socket. It is the same reason
// as an application's abort, from a timer.
func makeFinWait2Timeout(r *run) error {
	const long, short = "ipv4/tcp_fin_timeout=62", "ipv4/tcp_fin_timeout=30"
	if err := r.sysctl(r.server.node, long); err != nil {
		return err
	}
	var clients []*sock
	defer func() {
		for _, c := range clients {
			c.vanish()
		}
	}()
	for range r.n {
		client, server, err := r.connect()
		if err != nil {
			return err
		}
		clients = append(clients, client)
		if err := errors.Join(client.locate(), server.close(), client.awaitEnd()); err != nil {
			return err
		}
		err = r.awaitState(r.server, client.remote.Port(), client.local.Port(), unix.BPF_TCP_FIN_WAIT2)
		if err != nil {
			return err
		}
	}
	if _, err := r.server.node.Sysctl(short); err != nil {
		return err
	}
	for _, c := range clients {
		if err := c.awaitReset(); err != nil {
			return err
		}
		r.sent(shot{
			from: r.server, to: r.client, srcPort: c.remote.Port(), dstPort: c.local.Port(),
			flags: reset.RST | reset.ACK, seq: reset.Some(c.rcvNxt + 1), ack: reset.Some(c.sndNxt), ttl: 64,
			sender: reset.LocalKernel, cause: reset.Linger2, reason: "TCP_STATE", verdict: reset.Accepted,
			also: Seen{Senders: []reset.Sender{reset.LocalApp, reset.SenderUnknown}, Causes: []reset.Cause{reset.CauseUnknown, reset.DataAfterClose}},
			seen: seen(reset.Peer, reset.AfterClose, reset.PeerAbort, reset.IdleTimeout).must(),
		})
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeRetransmitTimeout lets the server give up on data that is never
// acknowledged: no RST tells of that. The next packet of the client, which
// knows nothing, meets no socket.
func makeRetransmitTimeout(r *run) error {
	for i := range r.n {
		client, server, err := r.connect()
		if err != nil {
			return err
		}
		defer client.vanish()
		defer server.vanish()
		if err := r.unheard(client, server); err != nil {
			return err
		}
		if err := client.locate(); err != nil {
			return err
		}
		if err := client.write([]byte("hello?")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := client.awaitReset(); err != nil {
			return err
		}
		r.sent(shot{
			from: r.server, to: r.client, srcPort: server.local.Port(), dstPort: client.local.Port(),
			flags: reset.RST, seq: reset.Some(client.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.HalfOpen, reason: "NO_SOCKET", verdict: reset.Accepted,
			also: Seen{Causes: []reset.Cause{reset.UserTimeout}},
			seen: seen(reset.Peer, reset.PeerNoConnection, reset.IdleTimeout).must(),
		})
		if err := r.awaitSent(r.server.node, i+1); err != nil {
			return err
		}
	}
	return nil
}

// unheard has the server write what its peer's firewall drops, until the
// server's TCP gives up.
func (r *run) unheard(client, server *sock) error {
	remove, err := r.client.node.apply(filter{hook: nftables.ChainHookInput, srcPort: server.local.Port()})
	if err != nil {
		return err
	}
	err = server.setInt(unix.TCP_USER_TIMEOUT, 400)
	if err == nil {
		err = server.write([]byte("are you there?"))
	}
	if err == nil {
		var got unix.Errno
		if got, err = server.awaitError(); err == nil && got != unix.ETIMEDOUT {
			err = fmt.Errorf("socket bears %v, expected a timeout", got)
		}
	}
	return errors.Join(err, remove())
}

// fillers are how many sockets without an owner hold the limit of orphans.
const fillers = 64

// makeOrphanLimit lowers the number of orphans that the host may have, which is
// one for all namespaces, to one and a half of what there are. That is too few
// only for those that the kernel counts twice, since the way to their peer has
// reported an error: the sockets of this maker. All others stay far from it.
func makeOrphanLimit(r *run) error {
	const limit = "/proc/sys/net/ipv4/tcp_max_orphans"
	usual, err := os.ReadFile(limit)
	if err != nil {
		return &UnsupportedError{Need: limit}
	}
	held, free, err := r.orphans(fillers, filter{hook: nftables.ChainHookInput})
	if err != nil {
		return err
	}
	unreachable := filter{hook: nftables.ChainHookInput, unreachable: true}
	victims, _, err := r.orphans(0, unreachable)
	if err != nil {
		return errors.Join(err, free())
	}
	count, err := orphansOfHost()
	if err == nil {
		err = os.WriteFile(limit, []byte(strconv.Itoa(count+count/2)), 0)
	}
	for range r.n {
		if err == nil {
			err = r.abandon(victims)
		}
	}
	if err == nil {
		err = r.awaitSent(r.server.node, r.n)
	}
	err = errors.Join(err, os.WriteFile(limit, usual, 0), free())
	for _, c := range held.clients {
		// The other end's FIN comes through now; ours ends it.
		err = errors.Join(err, c.awaitEnd(), c.close())
	}
	return err
}

// herd is connections of one listener whose server's end has no owner.
type herd struct {
	listener *sock
	clients  []*sock
	filter   filter
}

// orphans makes n connections, closes the server's end of each, and keeps the
// client from hearing of it as the filter says, until free is called.
func (r *run) orphans(n int, f filter) (h *herd, free func() error, err error) {
	h = &herd{filter: f}
	if h.listener, err = r.listen(r.server, 8); err != nil {
		return nil, nil, err
	}
	r.cleanup(func() error { h.listener.vanish(); return nil })
	var servers []*sock
	for range n {
		c, s, err := h.connect(r)
		if err != nil {
			return nil, nil, err
		}
		h.clients, servers = append(h.clients, c), append(servers, s)
	}
	h.filter.srcPort = h.listener.local.Port()
	if n == 0 {
		return h, nil, nil
	}
	if free, err = r.client.node.apply(h.filter); err != nil {
		return nil, nil, err
	}
	for _, s := range servers {
		if err := s.close(); err != nil {
			return nil, nil, errors.Join(err, free())
		}
	}
	return h, free, nil
}

func (h *herd) connect(r *run) (client, server *sock, err error) {
	if client, err = r.dial(r.client, h.listener.local); err == nil {
		server, err = h.listener.accept()
	}
	if err != nil {
		client.vanish()
		return nil, nil, fmt.Errorf("connecting to %s: %w", h.listener.local, err)
	}
	return client, server, nil
}

// abandon makes one orphan with unacknowledged data and an unreachable peer,
// which the kernel resets when it would send the data again.
func (r *run) abandon(h *herd) error {
	client, server, err := h.connect(r)
	if err != nil {
		return err
	}
	r.cleanup(func() error { client.vanish(); return nil })
	if err := server.locate(); err != nil {
		return err
	}
	remove, err := r.client.node.apply(h.filter)
	if err != nil {
		return err
	}
	data := []byte("unheard")
	if err = server.write(data); err == nil {
		err = server.close()
	}
	if err == nil {
		err = r.awaitState(r.server, client.remote.Port(), client.local.Port(), gone)
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: client.remote.Port(), dstPort: client.local.Port(),
		flags: reset.RST | reset.ACK, seq: reset.Some(server.sndNxt + uint32(len(data)) + 1), ack: reset.Some(server.rcvNxt), ttl: 64,
		sender: reset.LocalKernel, cause: reset.OutOfMemory, reason: "TCP_ABORT_ON_MEMORY",
		verdict: reset.Dropped, drop: "NETFILTER_DROP",
	})
	return errors.Join(err, remove())
}

// orphansOfHost counts the sockets without an owner of all namespaces.
func orphansOfHost() (int, error) {
	data, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	for i, word := range fields {
		if word == "orphan" && i+1 < len(fields) {
			return strconv.Atoi(fields[i+1])
		}
	}
	return 0, errors.New("reading /proc/net/sockstat: no orphans")
}
