package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// virtual is an address that nobody has and that the namespace translates to
// the server's.
func (r *run) virtual(l *sock, by *Node, hook *nftables.ChainHook) (service netip.AddrPort, err error) {
	service = netip.AddrPortFrom(beside(r.server.addr), l.local.Port())
	return service, r.translate(by, translation{hook: hook, dstPort: service.Port(), to: l.local})
}

// stranger is the client's answer to a packet that bears the server's own
// address instead of the one that the client knows.
func (r *run) stranger(server, client netip.AddrPort, seq uint32) shot {
	return shot{
		from: r.client, to: r.server, srcPort: client.Port(), dstPort: server.Port(),
		flags: reset.RST, seq: reset.Some(seq), window: reset.Some[uint16](0), ttl: 64,
		sender: reset.LocalKernel, cause: reset.UntranslatedReply, reason: "NO_SOCKET", verdict: reset.Accepted,
		seen: seen(reset.Peer, reset.PeerNoConnection, reset.UntranslatedReply).must(),
	}
}

// untranslatedReply has the server send what the conntrack of who translates,
// the router or the client itself, calls INVALID, since it is far out of the
// window: it passes untranslated, and the client, which knows the service's
// address only, resets the server.
func (r *run) untranslatedReply(by *Node, hook *nftables.ChainHook) error {
	for i := range r.n {
		l, err := r.listen(r.server, 1)
		if err != nil {
			return err
		}
		defer l.vanish()
		service, err := r.virtual(l, by, hook)
		if err != nil {
			return err
		}
		client, err := r.dial(r.client, service)
		defer client.vanish()
		if err != nil {
			return fmt.Errorf("connecting to %s: %w", service, err)
		}
		server, err := l.accept()
		if err != nil {
			return err
		}
		defer server.vanish()
		if err := server.locate(); err != nil {
			return err
		}
		if err := r.farOut(server); err != nil {
			return err
		}
		r.sent(r.stranger(server.local, client.local, server.rcvNxt))
		if err := r.awaitSent(r.client.node, i+1); err != nil {
			return err
		}
	}
	return nil
}

// farOut has the server send what conntrack calls INVALID, since it is far out
// of the window, and waits for the RST that it brings about.
func (r *run) farOut(server *sock) error {
	s := Segment{
		Src: server.local, Dst: server.remote, Seq: server.sndNxt + 1<<28, Ack: server.rcvNxt,
		Flags: reset.ACK | reset.PSH, Window: 500, DF: true, Payload: []byte("far out of the window"),
	}
	if err := r.server.node.InjectRaw(s.Bytes()); err != nil {
		return err
	}
	return server.awaitReset()
}

// makeUntranslatedMasquerade is the same of a router that puts its own address
// into the client's place: what is not translated back has reached the router
// itself, which knows no such connection.
func makeUntranslatedMasquerade(r *run) error {
	outside := side{r.lab.Router, prefixes(2, 1)[0].Addr(), "r1"}
	if r.scene.Family == reset.IPv6 {
		outside.addr = prefixes(2, 1)[1].Addr()
	}
	for range r.n {
		l, err := r.listen(r.server, 1)
		if err != nil {
			return err
		}
		defer l.vanish()
		port := r.lab.NextPort()
		err = r.translate(r.lab.Router, translation{
			hook: nftables.ChainHookPostrouting, dstPort: l.local.Port(), source: true, to: netip.AddrPortFrom(outside.addr, port),
		})
		if err != nil {
			return err
		}
		client, err := r.dial(r.client, l.local)
		defer client.vanish()
		if err != nil {
			return fmt.Errorf("connecting by a router that masquerades: %w", err)
		}
		server, err := l.accept()
		if err != nil {
			return err
		}
		defer server.vanish()
		if err := server.locate(); err != nil {
			return err
		}
		if err := r.farOut(server); err != nil {
			return err
		}
		answer := r.stranger(server.local, server.remote, server.rcvNxt)
		answer.from, answer.at = outside, r.lab.Router
		answer.also = Seen{Causes: []reset.Cause{reset.NoConnection}} // for who cannot ask conntrack
		// From there it comes from nearer than all that the client sent.
		answer.seen = seen(reset.Peer, reset.PeerNoConnection, reset.UntranslatedReply, reset.FirewallReject, reset.Forged).or(reset.Path).must()
		r.sent(answer)
	}
	return nil
}

// makeUntranslatedSynAck has a rule in the router that keeps the server's side
// from being tracked: the SYN+ACK reaches the client from an address that it
// never called.
func makeUntranslatedSynAck(r *run) error {
	for i := range r.n {
		l, err := r.listen(r.server, 1)
		if err != nil {
			return err
		}
		defer l.vanish()
		service, err := r.virtual(l, r.lab.Router, nftables.ChainHookPrerouting)
		if err != nil {
			return err
		}
		if err := r.block(r.lab.Router, filter{hook: nftables.ChainHookPrerouting, srcPort: l.local.Port(), notrack: true}); err != nil {
			return err
		}
		c, err := r.newSock(r.client)
		if err != nil {
			return err
		}
		defer c.vanish()
		if err = unix.SetNonblock(c.fd, true); err == nil {
			c.step()
			err = unix.Connect(c.fd, sockaddr(service))
		}
		if errors.Is(err, unix.EINPROGRESS) {
			err = c.locate()
		}
		if err != nil {
			return fmt.Errorf("beginning to connect: %w", err)
		}
		shot := r.stranger(l.local, c.local, c.sndNxt)
		shot.drop = "NOT_SPECIFIED"
		r.sent(shot)
		if err := r.awaitSent(r.client.node, i+1); err != nil {
			return err
		}
		if err := r.awaitGrowth(r.server.node, "TcpExtEmbryonicRsts", i+1); err != nil {
			return err
		}
	}
	return nil
}
