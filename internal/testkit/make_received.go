package testkit

import (
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// receivedMakers are forged resets that meet the client's stack in every state
// that decides differently: tcp_validate_incoming, tcp_reset and their kin.
// The forger is the router, on a routed way, or else the server's namespace,
// and writes through a raw socket in the server's name.
func receivedMakers() []Maker {
	return []Maker{
		{Name: "forged-exact", Kernel: "tcp_validate_incoming, tcp_reset", make: makeForgedExact},
		{Name: "forged-in-window", Kernel: "tcp_validate_incoming, tcp_send_challenge_ack", make: func(r *run) error {
			return makeForgedInexact(r, 10, reset.Challenged, "TCP_RESET")
		}},
		{Name: "forged-below-window", Kernel: "tcp_validate_incoming, tcp_sequence", make: func(r *run) error {
			return makeForgedInexact(r, -1<<20, reset.Ignored, "TCP_OLD_SEQUENCE")
		}},
		{Name: "forged-above-window", Kernel: "tcp_validate_incoming, tcp_sequence", make: func(r *run) error {
			return makeForgedInexact(r, 1<<30, reset.Ignored, "TCP_INVALID_SEQUENCE")
		}},
		{Name: "forged-bad-checksum", Kernel: "tcp_v4_rcv, csum_error", make: makeForgedBadChecksum},
		{Name: "forged-input-dropped", Kernel: "nf_hook_slow", make: makeForgedInputDropped},
		{Name: "forged-listen", Kernel: "tcp_rcv_state_process, TCP_LISTEN", make: makeForgedListen},
		{Name: "forged-syn-sent", Kernel: "tcp_rcv_synsent_state_process, tcp_reset", make: func(r *run) error {
			return makeForgedSynSent(r, reset.RST|reset.ACK, 0, reset.Accepted, "")
		}},
		{Name: "forged-syn-sent-bad-ack", Kernel: "tcp_rcv_synsent_state_process", make: func(r *run) error {
			return makeForgedSynSent(r, reset.RST|reset.ACK, 500, reset.Ignored, "TCP_INVALID_ACK_SEQUENCE")
		}},
		{Name: "forged-syn-sent-no-ack", Kernel: "tcp_rcv_synsent_state_process", make: func(r *run) error {
			return makeForgedSynSent(r, reset.RST, 0, reset.Ignored, "TCP_RESET")
		}},
		{Name: "forged-syn-recv", Kernel: "tcp_check_req", make: makeForgedSynRecv},
		{Name: "forged-time-wait", Kernel: "tcp_timewait_state_process", make: makeForgedTimeWait},
		{Name: "forged-peer-alive", Kernel: "tcp_reset, then tcp_v4_send_reset", make: makeForgedPeerAlive},
	}
}

// forge sends a RST in the server's name and describes what becomes of it.
func (r *run) forge(s Segment, verdict reset.Verdict, drop string, inHooks Hooks) error {
	forger := r.server.node
	if r.scene.Route == Routed {
		forger = r.lab.Router
	}
	if err := forger.InjectRaw(s.Bytes()); err != nil {
		return err
	}
	shot := r.injected(s, r.server, r.client)
	shot.at, shot.verdict, shot.drop, shot.inHooks = forger, verdict, drop, inHooks
	shot.seen = Seen{Senders: byPath, Causes: asForged, Must: true}
	if forger == r.server.node {
		shot.seen.Senders = byPeerOrPath // its own name, past its own TCP
	}
	r.sent(shot)
	return nil
}

// forgedFor is a RST that fits the client's connection exactly.
func (r *run) forgedFor(client *sock) (Segment, error) {
	if err := client.locate(); err != nil {
		return Segment{}, err
	}
	s := r.craft(r.server, r.client, client.remote.Port(), client.local.Port(), reset.RST)
	s.Seq, s.Ack = client.rcvNxt, 0
	return s, nil
}

// onConnection makes n connections and lets forge act on each.
func (r *run) onConnection(forge func(client, server *sock) error) error {
	for range r.n {
		client, server, err := r.connect()
		if err != nil {
			return err
		}
		defer client.vanish()
		defer server.vanish()
		if err := forge(client, server); err != nil {
			return err
		}
	}
	return nil
}

// alive proves that the connection still carries data to the client.
func alive(client, server *sock) error {
	if err := server.write([]byte("alive")); err != nil {
		return fmt.Errorf("writing after a RST that should be ignored: %w", err)
	}
	if err := client.awaitUnread(5); err != nil {
		return fmt.Errorf("after a RST that should be ignored: %w", err)
	}
	return nil
}

// makeForgedExact hits RCV.NXT exactly (RFC 5961, 3.2).
func makeForgedExact(r *run) error {
	return r.onConnection(func(client, _ *sock) error {
		s, err := r.forgedFor(client)
		if err != nil {
			return err
		}
		if err := r.forge(s, reset.Accepted, "", 0); err != nil {
			return err
		}
		return client.awaitReset()
	})
}

// makeForgedInexact misses RCV.NXT by offset.
func makeForgedInexact(r *run, offset int32, verdict reset.Verdict, drop string) error {
	challenges := 0
	if verdict == reset.Challenged {
		challenges = r.n
	}
	err := r.onConnection(func(client, server *sock) error {
		s, err := r.forgedFor(client)
		if err != nil {
			return err
		}
		s.Seq += uint32(offset)
		if err := r.forge(s, verdict, drop, 0); err != nil {
			return err
		}
		return alive(client, server)
	})
	if err != nil {
		return err
	}
	return r.awaitGrowth(r.client.node, "TcpExtTCPChallengeACK", challenges)
}

// makeForgedBadChecksum fits but for its checksum.
func makeForgedBadChecksum(r *run) error {
	err := r.onConnection(func(client, server *sock) error {
		s, err := r.forgedFor(client)
		if err != nil {
			return err
		}
		s.BadChecksum = true
		if err := r.forge(s, reset.Ignored, "TCP_CSUM", 0); err != nil {
			return err
		}
		return alive(client, server)
	})
	if err != nil {
		return err
	}
	return r.awaitGrowth(r.client.node, "TcpInCsumErrors", r.n)
}

// makeForgedInputDropped fits, and the client's firewall drops it.
func makeForgedInputDropped(r *run) error {
	err := r.block(r.client.node, filter{hook: nftables.ChainHookInput, flags: reset.RST})
	if err != nil {
		return err
	}
	return r.onConnection(func(client, server *sock) error {
		s, err := r.forgedFor(client)
		if err != nil {
			return err
		}
		if err := r.forge(s, reset.Dropped, "NETFILTER_DROP", 0); err != nil {
			return err
		}
		return alive(client, server)
	})
}

// makeForgedListen goes to a listening socket.
func makeForgedListen(r *run) error {
	l, err := r.listen(r.client, 1)
	if err != nil {
		return err
	}
	defer l.close()
	for range r.n {
		s := r.craft(r.server, r.client, r.lab.NextPort(), l.local.Port(), reset.RST)
		if err := r.forge(s, reset.Ignored, "TCP_RESET", 0); err != nil {
			return err
		}
	}
	return r.awaitSegments(r.client.node, r.n)
}

// makeForgedSynSent goes to a connecting socket; off is by how much its ACK
// misses the SYN.
func makeForgedSynSent(r *run, flags reset.Flags, off uint32, verdict reset.Verdict, drop string) error {
	for range r.n {
		c, port, err := r.connecting()
		if err != nil {
			return err
		}
		defer c.vanish()
		s := r.craft(r.server, r.client, port, c.local.Port(), flags)
		s.Seq, s.Ack = 0, c.sndNxt+off
		if flags&reset.ACK == 0 {
			s.Ack = 0
		}
		if err := r.forge(s, verdict, drop, 0); err != nil {
			return err
		}
		if verdict == reset.Accepted {
			if got, err := c.awaitError(); err != nil || got != unix.ECONNREFUSED {
				return fmt.Errorf("connecting socket bears %v (%w), expected a refusal", got, err)
			}
		}
	}
	return r.awaitSegments(r.client.node, r.n)
}

// makeForgedSynRecv ends a half-open connection of a listener in the client:
// the SYN is forged too, and the server's firewall drops the answer to it. No
// tracepoint of TCP tells of the end; the RST is freed with no reason.
func makeForgedSynRecv(r *run) error {
	l, err := r.listen(r.client, 8)
	if err != nil {
		return err
	}
	defer l.close()
	hook := nftables.ChainHookInput
	if err := r.block(r.server.node, filter{hook: hook, srcPort: l.local.Port(), flags: reset.SYN}); err != nil {
		return err
	}
	for range r.n {
		s := r.craft(r.server, r.client, r.lab.NextPort(), l.local.Port(), reset.SYN)
		if err := r.server.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		if err := r.awaitState(r.client, s.Dst.Port(), s.Src.Port(), unix.BPF_TCP_SYN_RECV); err != nil {
			return err
		}
		s.Flags, s.Seq = reset.RST, s.Seq+1
		if err := r.forge(s, reset.Accepted, "NOT_SPECIFIED", 0); err != nil {
			return err
		}
	}
	return r.awaitGrowth(r.client.node, "TcpExtEmbryonicRsts", r.n)
}

// makeForgedTimeWait assassinates a connection in TIME_WAIT (RFC 1337). No
// tracepoint of TCP tells of the end; the RST is freed with no reason.
func makeForgedTimeWait(r *run) error {
	return r.onConnection(func(client, server *sock) error {
		local, remote := client.local.Port(), client.remote.Port()
		if err := client.close(); err != nil {
			return err
		}
		if err := server.awaitEnd(); err != nil {
			return err
		}
		if err := server.locate(); err != nil {
			return err
		}
		if err := server.close(); err != nil {
			return err
		}
		if err := r.awaitState(r.server, remote, local, gone); err != nil {
			return err
		}
		s := r.craft(r.server, r.client, remote, local, reset.RST)
		s.Seq, s.Ack = server.sndNxt+1, 0 // its FIN counts one
		if err := r.forge(s, reset.Accepted, "NOT_SPECIFIED", 0); err != nil {
			return err
		}
		return r.awaitState(r.client, local, remote, gone)
	})
}

// makeForgedPeerAlive resets the client and then lets the server, which knows
// nothing of it, send data: the client's kernel answers with a RST of its own,
// the proof of forgery.
func makeForgedPeerAlive(r *run) error {
	return r.onConnection(func(client, server *sock) error {
		s, err := r.forgedFor(client)
		if err != nil {
			return err
		}
		if err := r.forge(s, reset.Accepted, "", 0); err != nil {
			return err
		}
		if err := client.awaitReset(); err != nil {
			return err
		}
		if err := server.locate(); err != nil {
			return err
		}
		if err := server.write([]byte("still here")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		r.sent(shot{
			from: r.client, to: r.server, srcPort: client.local.Port(), dstPort: server.local.Port(),
			flags: reset.RST, seq: reset.Some(server.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.HalfOpen, reason: "NO_SOCKET", verdict: reset.Accepted,
		})
		return server.awaitReset()
	})
}
