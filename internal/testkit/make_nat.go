package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// natMakers are resets of connections that a namespace translates: one of its
// own, so that its sockets know other addresses than its devices, or one that
// it forwards.
func natMakers() []Maker {
	routed := func(s Scene) bool { return s.Route == Routed }
	remote := func(s Scene) bool { return s.Route != Loopback }
	inside := func(s Scene) bool { return s.Route == Loopback }
	return []Maker{
		{Name: "redirected-closed", Kernel: "tcp_v4_send_reset, nf_nat_redirect", make: natted{by: byServer, end: refused}.make},
		{Name: "redirected-abort", Kernel: "tcp_send_active_reset, nf_nat_redirect", make: natted{by: byServer, end: serverAborts}.make},
		{Name: "output-dnat-abort", Kernel: "tcp_send_active_reset, nf_nat_ipv4_local_fn", make: natted{by: byClient, end: clientAborts}.make},
		{Name: "output-dnat-accepted", Kernel: "tcp_reset, nf_nat_ipv4_local_in", Scenes: remote, make: natted{by: byClient, end: serverAborts}.make},
		{Name: "output-dnat-refused", Kernel: "tcp_reset, nf_nat_ipv4_local_in", Scenes: remote, make: natted{by: byClient, end: refused}.make},
		{Name: "hairpin-closed", Kernel: "tcp_v4_send_reset, nf_nat_ipv4_out", Scenes: inside, make: natted{by: byClient, both: true, end: refused}.make},
		{Name: "hairpin-abort", Kernel: "tcp_send_active_reset, nf_nat_ipv4_out", Scenes: inside, make: natted{by: byClient, both: true, end: serverAborts}.make},
		{Name: "both-nat-abort", Kernel: "tcp_send_active_reset, nf_nat_ipv4_out", make: natted{by: byClient, both: true, end: clientAborts}.make},
		{Name: "both-nat-accepted", Kernel: "tcp_reset, nf_nat_ipv4_in", Scenes: remote, make: natted{by: byClient, both: true, end: serverAborts}.make},
		{Name: "both-nat-refused", Kernel: "tcp_reset, nf_nat_ipv4_in", Scenes: remote, make: natted{by: byClient, both: true, end: refused}.make},
		{Name: "hairpin-router", Kernel: "tcp_send_active_reset, ip_forward", Scenes: routed, make: natted{by: byRouter, both: true, end: serverAborts}.make},
	}
}

// ending is how a translated connection comes to its RST.
type ending uint8

const (
	refused      ending = iota // the port to which it is translated is closed
	serverAborts               // with SO_LINGER of zero seconds
	clientAborts
)

// translator is who translates. Where both ends are in one namespace the
// server is the client too.
type translator uint8

const (
	byServer translator = iota // REDIRECT of what comes in
	byClient                   // of its own connection
	byRouter                   // between two ends of which each takes it for the other
)

// natted is a kind of translated connection.
type natted struct {
	by   translator
	both bool // the source too
	end  ending
}

// names are what the two ends of one connection call themselves and each
// other: client and server by their own addresses, dialled and caller by the
// other end's.
type names struct {
	client, dialled netip.AddrPort
	server, caller  netip.AddrPort
}

func (k natted) make(r *run) error {
	if k.by == byRouter {
		r.server = r.client
	}
	from := r.server.node
	if k.end == clientAborts {
		from = r.client.node
	}
	if err := r.meet(); err != nil {
		return err
	}
	for range r.n {
		if err := k.makeOne(r); err != nil {
			return err
		}
	}
	return r.awaitSent(from, r.n)
}

// meet has the two ends ask for link-layer addresses: a reply that must wait
// for one has left its call chain, and cannot be told under other addresses.
func (r *run) meet() error {
	client, server, err := r.connect()
	client.vanish()
	server.vanish()
	return err
}

func (k natted) makeOne(r *run) error {
	client, err := r.newSock(r.client)
	if err != nil {
		return err
	}
	defer client.vanish()
	listener := &sock{fd: -1, local: netip.AddrPortFrom(r.server.addr, r.lab.NextPort())}
	if k.end != refused {
		if listener, err = r.listen(r.server, 1); err != nil {
			return err
		}
		defer listener.vanish()
	}
	n := k.name(r, client.local, listener.local)
	if err := k.install(r, n); err != nil {
		return err
	}
	client.remote = n.dialled
	err = client.connect()
	if k.end == refused {
		return k.refused(r, n, err)
	}
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", n.dialled, err)
	}
	server, err := listener.accept()
	if err != nil {
		return err
	}
	defer server.vanish()
	if server.remote != n.caller {
		return fmt.Errorf("the caller is %s, expected %s", server.remote, n.caller)
	}
	return k.abort(r, n, client, server)
}

// name chooses the addresses that the translation adds.
func (k natted) name(r *run, client, server netip.AddrPort) names {
	n := names{client: client, server: server, caller: client}
	dialled, caller := r.server.addr, r.client.addr
	switch {
	case k.by == byRouter:
		dialled = r.lab.router(r.scene.Family)
		caller = dialled
	case k.by == byClient && r.scene.Route != Loopback:
		dialled = beside(r.server.addr)
	}
	n.dialled = netip.AddrPortFrom(dialled, r.lab.NextPort())
	if k.both {
		n.caller = netip.AddrPortFrom(caller, r.lab.NextPort())
	}
	return n
}

// install makes the rules for one connection.
func (k natted) install(r *run, n names) error {
	at, hook := r.client.node, nftables.ChainHookOutput
	switch {
	case k.by == byRouter:
		at, hook = r.lab.Router, nftables.ChainHookPrerouting
	case k.by == byServer && r.scene.Route != Loopback:
		at, hook = r.server.node, nftables.ChainHookPrerouting
	}
	rules := []translation{{hook: hook, dstPort: n.dialled.Port(), local: k.by == byServer, to: n.server}}
	if k.both {
		rules = append(rules, translation{
			hook: nftables.ChainHookPostrouting, dstPort: n.server.Port(), source: true, to: n.caller,
		})
	}
	return r.translate(at, rules...)
}

func (k natted) refused(r *run, n names, err error) error {
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("connecting to a closed port: got %v, expected a refusal", err)
	}
	k.sent(r, n, shot{
		from: r.server, to: r.client,
		flags: reset.RST | reset.ACK, seq: reset.Some[uint32](0), window: reset.Some[uint16](0), ttl: 64,
		sender: reset.LocalKernel, cause: reset.NoListener, reason: "NO_SOCKET", verdict: reset.Accepted,
	})
	return nil
}

func (k natted) abort(r *run, n names, client, server *sock) error {
	s := shot{from: r.server, to: r.client}
	ours, peer := server, client
	if k.end == clientAborts {
		s.from, s.to = r.client, r.server
		ours, peer = client, server
	}
	linger := unix.Linger{Onoff: 1}
	if err := unix.SetsockoptLinger(ours.fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger); err != nil {
		return fmt.Errorf("setting SO_LINGER: %w", err)
	}
	if err := ours.locatedClose(); err != nil {
		return err
	}
	if err := peer.awaitReset(); err != nil {
		return err
	}
	s.flags, s.seq, s.ack = reset.RST|reset.ACK, reset.Some(ours.sndNxt), reset.Some(ours.rcvNxt)
	s.sender, s.cause, s.reason, s.own, s.verdict = reset.LocalApp, reset.LingerZero, "TCP_STATE", true, reset.Accepted
	k.sent(r, n, s)
	return nil
}

// sent records the RST with the addresses that it has at each place.
func (k natted) sent(r *run, n names, s shot) {
	first := len(r.expects)
	if k.by == byRouter {
		s.seen = seen(reset.Peer, reset.PeerAbort).must()
	}
	r.sent(s)
	w := k.fromServer(r, n)
	if k.end == clientAborts {
		w = fromClient(n)
	}
	for i := first; i < len(r.expects); i++ {
		w.tell(&r.expects[i])
	}
}
