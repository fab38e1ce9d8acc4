package testkit

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// forgetAfter is the memory of what forgets silent connections in the lab, and
// silence a longer one: seconds, for the minutes of real ones.
const (
	forgetAfter = time.Second
	silence     = 2 * time.Second
)

// idleMakers are connections that were silent for too long: for a firewall, for
// a balancer, for the peer.
func idleMakers() []Maker {
	return []Maker{
		{Name: "idle-firewall", Kernel: "nf_conntrack_tcp_packet, nf_send_reset", Slow: true, Scenes: throughBox, make: makeIdleFirewall},
		{Name: "idle-nearer", Kernel: "tcp_validate_incoming, tcp_reset", Slow: true, Scenes: throughBox, make: func(r *run) error {
			return makeIdleBox(r, 12, 64)
		}},
		{Name: "idle-balancer", Kernel: "tcp_validate_incoming, tcp_reset", Slow: true, Scenes: throughBox, make: func(r *run) error {
			return makeIdleBox(r, 12, 64-12)
		}},
		{Name: "idle-peer", Kernel: "tcp_v4_rcv, no_tcp_socket", Slow: true, Scenes: throughBox, make: makeIdlePeer},
	}
}

// Silence lets connections that fall silent be so for d, if that is longer than
// the two seconds that suffice the lab: a verdict may want more.
func (l *Lab) Silence(d time.Duration) { l.silence = d }

// forgotten is what may be said of a RST that a silence led to: the silence
// tells, not who forgot.
var forgotten = seen(reset.Path, reset.IdleTimeout, reset.FirewallReject, reset.PeerNoConnection, reset.Forged, reset.CauseUnknown).or(reset.Peer)

// silent makes n connections that have carried data, waits, lets
// fallen act at the server's end, and then has each client write.
func (r *run) silent(fallen func(server *sock) error, answered func(client, server *sock) error) error {
	var clients, servers []*sock
	defer func() {
		for _, c := range append(clients, servers...) {
			c.vanish()
		}
	}()
	for range r.n {
		client, server, err := r.connect()
		if err != nil {
			return err
		}
		clients, servers = append(clients, client), append(servers, server)
		if err := client.write([]byte("before")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := server.awaitUnread(6); err != nil {
			return err
		}
	}
	time.Sleep(max(silence, r.lab.silence)) // what the maker is about: it can be longer, not shorter
	for i, client := range clients {
		if err := fallen(servers[i]); err != nil {
			return err
		}
		if err := client.locate(); err != nil {
			return err
		}
		if err := client.write([]byte("after")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := client.awaitReset(); err != nil {
			return fmt.Errorf("after a silence: %w", err)
		}
		if err := answered(client, servers[i]); err != nil {
			return err
		}
	}
	return nil
}

// makeIdleFirewall lets the router's conntrack forget a connection, and its
// firewall reject what belongs to none.
func makeIdleFirewall(r *run) error {
	for _, setting := range []string{
		fmt.Sprintf("netfilter/nf_conntrack_tcp_timeout_established=%d", int(forgetAfter.Seconds())),
		fmt.Sprintf("netfilter/nf_conntrack_tcp_timeout_unacknowledged=%d", int(forgetAfter.Seconds())),
		"netfilter/nf_conntrack_tcp_loose=0",
	} {
		if err := r.sysctl(r.lab.Router, setting); err != nil {
			return &UnsupportedError{Need: "conntrack, " + setting}
		}
	}
	if err := r.block(r.lab.Router, filter{hook: nftables.ChainHookForward, invalid: true, reject: true}); err != nil {
		return err
	}
	return r.silent(func(*sock) error { return nil }, func(client, server *sock) error {
		r.sent(shot{
			from: r.server, to: r.client, srcPort: server.local.Port(), dstPort: client.local.Port(),
			flags: reset.RST, seq: reset.Some(client.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalFirewall, cause: reset.FirewallReject, also: Seen{Causes: []reset.Cause{reset.IdleTimeout}},
			verdict: reset.Accepted, outHooks: Inet | Device, at: r.lab.Router, seen: forgotten,
		})
		return nil
	})
}

// invalid are the packets that conntrack can put to no connection.
func invalid() []expr.Any {
	bit := []byte{1, 0, 0, 0} // NF_CT_STATE_INVALID_BIT, in the host's order
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: bit, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// makeIdleBox is a middlebox that forgets and answers for the server, which is
// away hops behind it, with a TTL of ttl.
func makeIdleBox(r *run, away, ttl uint8) error {
	var mu sync.Mutex
	heard, forgot := map[uint16]time.Time{}, map[uint16]bool{}
	box, err := r.middlebox(away, linkDelay, func(p *passing) ([]Segment, bool) {
		mu.Lock()
		defer mu.Unlock()
		port := p.dst.Port()
		if p.fromClient {
			port = p.src.Port()
		}
		last, known := heard[port]
		heard[port] = time.Now()
		if forgot[port] {
			return nil, false
		}
		if !known || p.flags&reset.SYN != 0 || time.Since(last) < forgetAfter {
			return nil, true
		}
		forgot[port] = true
		s := p.back()
		s.TTL = ttl
		return []Segment{s}, false
	})
	if err != nil {
		return err
	}
	return r.silent(func(*sock) error { return nil }, func(*sock, *sock) error {
		answers, err := box.await(1)
		if err != nil {
			return err
		}
		r.forged(answers[0], reset.Accepted, "", forgotten)
		last := len(r.expects)
		for i := last - 2; i < last; i++ {
			r.expects[i].Cause = reset.IdleTimeout
		}
		return nil
	})
}

// makeIdlePeer is a peer that forgets by itself, without a word, as a proxy
// does that wants its memory back.
func makeIdlePeer(r *run) error {
	return r.silent(func(server *sock) error { server.vanish(); return nil }, func(client, server *sock) error {
		r.sent(shot{
			from: r.server, to: r.client, srcPort: server.local.Port(), dstPort: client.local.Port(),
			flags: reset.RST, seq: reset.Some(client.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.HalfOpen, reason: "NO_SOCKET", verdict: reset.Accepted,
			seen: seen(reset.Peer, reset.PeerNoConnection, reset.IdleTimeout, reset.CauseUnknown).or(reset.Path),
		})
		return nil
	})
}
