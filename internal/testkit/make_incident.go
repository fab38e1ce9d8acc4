package testkit

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// incidentMakers rebuild public incidents that no other maker is.
func incidentMakers() []Maker {
	return []Maker{
		{Name: "incident-anycast", Kernel: "fib_rules_lookup, tcp_v4_rcv, no_tcp_socket", make: makeAnycast,
			Scenes: func(s Scene) bool { return s.Route == Routed && s.Family == reset.IPv4 }},
		{Name: "incident-snat-reuse", Kernel: "tcp_timewait_state_process, tcp_rcv_synsent_state_process",
			Scenes: func(s Scene) bool { return s.Route == Routed }, make: makeSNATReuse},
		{Name: "incident-reuseport", Kernel: "inet_csk_listen_stop", make: makeReuseport},
	}
}

// What the router sends another way: anycastMark is the part of the header that
// its choice depends on, anycastTTL the default of the host that is there.
const (
	anycastMark  = 0x10
	anycastTTL   = 55
	anycastTable = 78
)

// makeAnycast has a router choose between two hosts of one address by a part of
// the header that is not the same in every packet of a connection: in the
// middle of it one packet reaches the other host, which knows nothing of it.
func makeAnycast(r *run) error {
	other, err := r.anycast()
	if err != nil {
		return err
	}
	at := side{other, r.server.addr, "a0"}
	first := len(r.expects)
	for range r.n {
		client, server, err := r.connect()
		if err != nil {
			return err
		}
		defer client.vanish()
		defer server.vanish()
		if err := client.write([]byte("good")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := server.awaitUnread(4); err != nil {
			return err
		}
		if err := client.locate(); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(client.fd, unix.IPPROTO_IP, unix.IP_TOS, anycastMark); err != nil {
			return fmt.Errorf("setting the TOS: %w", err)
		}
		if err := client.write([]byte("astray")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := client.awaitReset(); err != nil {
			return err
		}
		r.sent(shot{
			from: at, to: r.client, srcPort: client.remote.Port(), dstPort: client.local.Port(),
			flags: reset.RST, seq: reset.Some(client.rcvNxt), window: reset.Some[uint16](0), ttl: anycastTTL,
			sender: reset.LocalKernel, cause: reset.NoConnection, reason: "NO_SOCKET", verdict: reset.Accepted,
			also: Seen{Causes: []reset.Cause{reset.WrongHost}},
			seen: seen(reset.Peer, reset.WrongHost, reset.PeerNoConnection, reset.Forged, reset.CauseUnknown).or(reset.Path),
		})
	}
	r.late(first)
	return nil
}

// anycast is a second host with the server's address, behind the router, who
// sends it what bears anycastMark.
func (r *run) anycast() (*Node, error) {
	const role = "anycast"
	for _, n := range r.lab.nodes {
		if n.Role == role {
			return n, r.astray()
		}
	}
	n, err := r.lab.NewNode(role)
	if err != nil {
		return nil, err
	}
	if _, err := n.Sysctl(fmt.Sprintf("ipv4/ip_default_ttl=%d", anycastTTL)); err != nil {
		return nil, err
	}
	if err := r.lab.Link(End{r.lab.Router, "r7", prefixes(7, 1)}, End{n, "a0", prefixes(7, 2)}); err != nil {
		return nil, err
	}
	if err := n.configure("a0", netip.PrefixFrom(r.server.addr, 32)); err != nil {
		return nil, err
	}
	if err := n.route(prefixes(1, 0)[0].Masked(), prefixes(7, 1)[0].Addr()); err != nil {
		return nil, err
	}
	via := &netlink.Route{Dst: ipNet(netip.PrefixFrom(r.server.addr, 32)), Gw: prefixes(7, 2)[0].Addr().AsSlice(), Table: anycastTable}
	if err := r.lab.Router.rt.RouteAdd(via); err != nil {
		return nil, fmt.Errorf("routing to the other host: %w", err)
	}
	return n, r.astray()
}

// astray installs the router's choice for as long as the maker runs.
func (r *run) astray() error {
	rule := netlink.NewRule()
	rule.Tos, rule.Table, rule.Priority, rule.Family = anycastMark, anycastTable, 101, netlink.FAMILY_V4
	if err := r.lab.Router.rt.RuleAdd(rule); err != nil {
		return fmt.Errorf("sending packets astray: %w", err)
	}
	r.cleanup(func() error { return r.lab.Router.rt.RuleDel(rule) })
	return nil
}

// makeSNATReuse has the router give one connection the source port of another
// one that it has forgotten, while the server still has it in TIME_WAIT: the
// server acknowledges the old connection, and the new one's client resets it.
func makeSNATReuse(r *run) error {
	// With timestamps the server would take the new SYN for what it is.
	if err := r.sysctl(r.client.node, "ipv4/tcp_timestamps=0"); err != nil {
		return err
	}
	if err := r.sysctl(r.lab.Router, "netfilter/nf_conntrack_tcp_timeout_time_wait=0"); err != nil {
		return &UnsupportedError{Need: "conntrack"}
	}
	for i := range r.n {
		if err := r.reuseOne(i + 1); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) reuseOne(nth int) error {
	l, err := r.listen(r.server, 8)
	if err != nil {
		return err
	}
	defer l.vanish()
	outside := netip.AddrPortFrom(r.lab.outside(r.scene.Family), r.lab.NextPort())
	err = r.translate(r.lab.Router, translation{
		hook: nftables.ChainHookPostrouting, dstPort: l.local.Port(), source: true, to: outside,
	})
	if err != nil {
		return err
	}
	old, err := r.dial(r.client, l.local)
	defer old.vanish()
	if err != nil {
		return fmt.Errorf("connecting through NAT: %w", err)
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	if err := old.locate(); err != nil {
		return err
	}
	if err := server.close(); err != nil {
		return err
	}
	if err := old.awaitEnd(); err != nil {
		return err
	}
	if err := old.close(); err != nil {
		return err
	}
	if err := r.awaitState(r.server, l.local.Port(), outside.Port(), unix.BPF_TCP_TIME_WAIT); err != nil {
		return err
	}
	reused := &sock{fd: -1, local: r.client.at(r.lab.NextPort()), remote: l.local}
	again, err := r.connectAgain(reused, old.sndNxt-1<<20)
	if err != nil {
		return err
	}
	defer again.vanish()
	r.natted(shot{
		from: r.client, to: r.server, srcPort: reused.local.Port(), dstPort: l.local.Port(),
		flags: reset.RST, seq: reset.Some(old.sndNxt + 1), window: reset.Some[uint16](0),
		sender: reset.LocalKernel, cause: reset.TupleReused, reason: "TCP_INVALID_ACK_SEQUENCE",
		verdict: reset.Accepted, drop: "NOT_SPECIFIED", also: Seen{Causes: []reset.Cause{reset.BadAck}},
		// Who knows of the translation finds the sender's own record.
		seen: seen(reset.LocalKernel, reset.TupleReused, reset.AfterClose, reset.PeerNoConnection, reset.CauseUnknown).or(reset.Peer),
	}, flow(reused.local, l.local), flow(outside, l.local))
	return r.taken(l, nth)
}

// natted records a RST of which the router translates the source.
func (r *run) natted(s shot, inside, outside Flow) {
	first := len(r.expects)
	r.sent(s)
	w := way{
		sentStack: inside, sentInet: inside, left: inside, passed: inside,
		passedOn: outside, came: outside, takenInet: outside, takenStack: outside,
	}
	for i := first; i < len(r.expects); i++ {
		w.tell(&r.expects[i])
	}
}

// outside is the router's address on the server's net.
func (l *Lab) outside(f reset.Family) netip.Addr {
	if f == reset.IPv6 {
		return prefixes(2, 1)[1].Addr()
	}
	return prefixes(2, 1)[0].Addr()
}
