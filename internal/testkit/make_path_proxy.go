package testkit

import (
	"fmt"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// proxyMakers are honest peers behind something that answers for them or moves
// them: what is known of the peer from before is then not the peer's.
func proxyMakers() []Maker {
	return []Maker{
		{Name: "benign-syn-proxy", Kernel: "tcp_v4_rcv, no_tcp_socket", Scenes: throughBox, make: makeSynProxy},
		{Name: "benign-rerouted", Kernel: "tcp_v4_rcv, no_tcp_socket", Scenes: throughBox, make: makeRerouted},
		{Name: "benign-rerouted-abort", Kernel: "__tcp_close, data_was_unread", Scenes: throughBox, make: makeReroutedAbort},
		{Name: "benign-jumping-delay", Kernel: "__tcp_close, data_was_unread", Scenes: throughBox, make: makeJumpingDelay},
	}
}

// The server's addresses of those whose distance is not always the same.
const (
	aliasProxied = 201 + iota
	aliasMoved
)

// behind is what those may say whose knowledge of the peer is not the peer's:
// the distances differ, and nobody can tell why.
var behind = seen(reset.Peer, reset.PeerNoConnection, reset.Forged, reset.WrongHost, reset.CauseUnknown).or(reset.Path)

// makeSynProxy has something near answer the SYN for a server that is far: the
// handshake's TTL is not that of the rest.
func makeSynProxy(r *run) error {
	_, err := r.middlebox(12, linkDelay, func(p *passing) ([]Segment, bool) {
		if !p.fromClient && p.flags&reset.SYN != 0 {
			p.age(-12)
		}
		return nil, true
	})
	if err == nil {
		err = r.alias(aliasProxied)
	}
	if err != nil {
		return err
	}
	return r.forgottenFar(exchangeOnce)
}

// makeRerouted moves the way to the server to a longer one after the handshake.
func makeRerouted(r *run) error {
	box, err := r.middlebox(2, linkDelay, nil)
	if err == nil {
		err = r.alias(aliasMoved)
	}
	if err != nil {
		return err
	}
	return r.forgottenFar(func(client, server *sock) error {
		if err := exchangeOnce(client, server); err != nil {
			return err
		}
		box.reroute(9)
		return nil
	})
}

// reroute puts the server at another distance.
func (b *middlebox) reroute(away uint8) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

// exchangeOnce sends a little each way.
func exchangeOnce(client, server *sock) error {
	for _, way := range [][2]*sock{{client, server}, {server, client}} {
		if err := way[0].write([]byte("hello")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := way[1].awaitUnread(5); err != nil {
			return err
		}
	}
	return server.awaitAcknowledged()
}

// forgottenFar makes n connections, lets prepare act, has the server forget and
// the client write.
func (r *run) forgottenFar(prepare func(client, server *sock) error) error {
	for range r.n {
		client, server, err := r.connect()
		if err != nil {
			return err
		}
		defer client.vanish()
		defer server.vanish()
		if err := prepare(client, server); err != nil {
			return err
		}
		server.vanish()
		if err := client.locate(); err != nil {
			return err
		}
		if err := client.write([]byte("still there?")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := client.awaitReset(); err != nil {
			return err
		}
		a := r.kernelAnswers(client, client.rcvNxt, reset.HalfOpen, "NO_SOCKET")
		a.ttl, a.seen = 0, behind
		r.sent(a)
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeReroutedAbort is an application's abort, after the way has become longer
// by one hop: window, options and IP ID go on as the connection's.
func makeReroutedAbort(r *run) error {
	box, err := r.middlebox(2, linkDelay, nil)
	if err == nil {
		err = r.alias(aliasMoved)
	}
	if err != nil {
		return err
	}
	err = r.aborted(reset.UnreadData, "TCP_ABORT_ON_CLOSE", func(client, server *sock) error {
		if err := exchangeOnce(client, server); err != nil {
			return err
		}
		box.reroute(3)
		return server.locatedClose()
	})
	r.behindBox(0, seen(reset.Peer, reset.PeerAbort, reset.CauseUnknown))
	box.reroute(2)
	return err
}

// makeJumpingDelay has an abort of the peer arrive right behind the client's
// own data, as the way becomes quick again: for the client it is faster than the
// peer can answer, and it is no answer. The data then meets no socket.
func makeJumpingDelay(r *run) error {
	const crossing = "crossing"
	box, err := r.middlebox(3, 20*time.Millisecond, nil)
	if err != nil {
		return err
	}
	box.set(func(p *passing) ([]Segment, bool) {
		box.mu.Lock()
		defer box.mu.Unlock()
		switch {
		case !p.fromClient && p.flags&(reset.RST|reset.ACK) == reset.RST|reset.ACK:
			box.kept = append(box.kept, p)
			return nil, false
		case p.fromClient && p.payload == uint32(len(crossing)) && box.kept == nil:
			return nil, false // sent again
		case p.fromClient && p.payload == uint32(len(crossing)):
			for _, abort := range box.kept {
				box.queue <- held{abort.frame, true, time.Now()}
			}
			box.kept = nil
		}
		return nil, true
	})
	first := len(r.expects)
	for range r.n {
		if err := r.crossed(box, []byte(crossing)); err != nil {
			return err
		}
	}
	r.behindBox(first, seen(reset.Peer, reset.PeerAbort, reset.PeerNoConnection, reset.AfterClose, reset.Backscatter, reset.CauseUnknown))
	if err := r.awaitSent(r.server.node, 2*r.n); err != nil {
		return err
	}
	return box.awaitPassed(2 * r.n)
}

// crossed makes one connection whose abort crosses data of the client.
func (r *run) crossed(box *middlebox, data []byte) error {
	client, server, err := r.connect()
	if err != nil {
		return err
	}
	defer client.vanish()
	defer server.vanish()
	if err := exchangeOnce(client, server); err != nil {
		return err
	}
	if err := client.locate(); err != nil {
		return err
	}
	if err := server.locatedClose(); err != nil {
		return err
	}
	if err := box.awaitHeld(1); err != nil {
		return err
	}
	if err := client.write(data); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	src, dst := client.remote.Port(), client.local.Port()
	r.sent(shot{
		from: r.server, to: r.client, srcPort: src, dstPort: dst,
		flags: reset.RST | reset.ACK, seq: reset.Some(server.sndNxt), ack: reset.Some(server.rcvNxt),
		sender: reset.LocalApp, cause: reset.UnreadData, reason: "TCP_ABORT_ON_CLOSE", own: true, verdict: reset.Accepted,
	})
	answer := r.kernelAnswers(client, client.rcvNxt, reset.HalfOpen, "NO_SOCKET")
	answer.ttl, answer.verdict, answer.drop = 0, reset.NoSocket, "NO_SOCKET"
	answer.also = Seen{Causes: []reset.Cause{reset.CloseRace, reset.DataAfterClose, reset.NoConnection}}
	r.sent(answer)
	return nil
}

// behindBox says what may be said of an abort that came through the box.
func (r *run) behindBox(first int, s Seen) {
	for i := range r.expects[first:] {
		if e := &r.expects[first+i]; e.Direction != reset.Out {
			e.Seen = s
		}
	}
}
