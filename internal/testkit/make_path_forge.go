package testkit

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// moment is the packet that provokes a forger.
type moment uint8

const (
	onRequest  moment = iota // the client's first data
	onSYN                    // the client's SYN
	onSYNACK                 // the server's SYN+ACK
	onResponse               // the server's first data
)

// shape is what a forger writes: what it changes of a RST that a Linux peer
// would have sent in answer to the packet p.
type shape func(p *passing, s *Segment)

// forgery is a way to forge.
type forgery struct {
	name   string
	scenes func(Scene) bool
	on     moment
	// toClient and toServer are the RSTs, in this order.
	toClient, toServer []shape
	// dropped: the packet that provoked it and all that follow end here.
	dropped bool
	// ignored: the client does not take the first.
	ignored bool
	// alike: they have the same numbers, and cannot be told apart by them.
	alike bool
	away  uint8         // hops of the server behind the router
	delay time.Duration // to the server and back, each
	seen  Seen
}

// request is what provokes a forger.
const request = "GET / HTTP/1.1\r\n\r\n"

// linkDelay is how long a packet takes to a server that is near: enough for
// what the box writes to be first.
const linkDelay = 2 * time.Millisecond

// forgeries is the table, the loudest first.
func forgeries() []forgery {
	plain := func(*passing, *Segment) {}
	withACK := func(p *passing, s *Segment) { s.Flags, s.Ack = reset.RST|reset.ACK, p.seq+p.length() }
	step := func(seq uint32) shape { return func(_ *passing, s *Segment) { s.Seq += seq } }
	windows := func(window uint16, ttl uint8) shape {
		return func(p *passing, s *Segment) {
			withACK(p, s)
			s.Window, s.TTL = window, ttl
		}
	}
	window := func(window uint16, ttl uint8) shape {
		return func(_ *passing, s *Segment) { s.Window, s.TTL = window, ttl }
	}
	copied := func(p *passing, s *Segment) { s.IPID, s.Window, s.TTL = p.ipid, p.window, p.ttl }
	tell := looksForged.must()
	// Another host of the same address, further away, looks the same.
	further := tell
	further.Causes = append(slices.Clone(tell.Causes), reset.WrongHost)
	return []forgery{
		{name: "path-nearer", scenes: throughBox, toClient: []shape{func(_ *passing, s *Segment) { s.TTL = 64 }}, away: 16, seen: tell},
		{name: "path-further", scenes: throughBox, toClient: []shape{func(_ *passing, s *Segment) { s.TTL = 40 }}, away: 4, seen: further},
		{name: "path-copied-id", scenes: throughBoxIPv4, toClient: []shape{copied}, away: 3, seen: tell},
		{name: "path-fixed-id", scenes: throughBoxIPv4, toClient: []shape{func(_ *passing, s *Segment) { s.IPID, s.DF = 16448, false }}, seen: tell},
		{name: "path-random-id", scenes: throughBoxIPv4, toClient: []shape{func(p *passing, s *Segment) { s.IPID = uint16(p.seq>>7) | 1 }}, seen: tell},
		{name: "path-triple", scenes: throughBox, toClient: []shape{plain, step(1460), step(4380)}, toServer: []shape{plain, step(1460), step(4380)}, seen: looksForged},
		{name: "path-triple-ack", alike: true, scenes: throughBox, toClient: []shape{windows(3293, 70), windows(3294, 71), windows(3295, 72)}, seen: tell},
		{name: "path-reserved", scenes: throughBox, toClient: []shape{func(p *passing, s *Segment) { withACK(p, s); s.Reserved = 0xf }}, seen: tell},
		{name: "path-both-ends", scenes: throughBox, toClient: []shape{func(p *passing, s *Segment) { s.TTL, s.IPID = 64, p.ipid }}, toServer: []shape{plain}, dropped: true, away: 16, seen: looksForged},
		{name: "path-server-only", scenes: throughBox, toServer: []shape{plain}, seen: looksForged},
		{name: "path-fast", scenes: throughBox, toClient: []shape{plain}, delay: 20 * time.Millisecond, seen: tell},
		{name: "path-fast-silent", scenes: throughBox, toClient: []shape{plain}, dropped: true, delay: 20 * time.Millisecond, seen: looksForged},
		{name: "path-hop-off", scenes: throughBox, toClient: []shape{func(_ *passing, s *Segment) { s.TTL = 53 }}, dropped: true, away: 10, seen: looksForged},
		// Nothing tells these two from the peer: a verdict of path would be luck.
		{name: "path-in-path", scenes: throughBox, toClient: []shape{plain}, dropped: true, away: 5, seen: looksForged},
		{name: "path-rewritten", scenes: throughBox, on: onResponse, toClient: []shape{rewritten}, dropped: true, seen: looksForged},

		{name: "path-syn", scenes: throughBox, on: onSYN, toClient: []shape{plain}, seen: synForged.must()},
		{name: "path-syn-triple", alike: true, scenes: throughBox, on: onSYN, seen: synForged.must(), toClient: []shape{windows(1980, 90), windows(1981, 91), windows(1982, 92)}},
		{name: "path-syn-ack-triple", alike: true, scenes: throughBox, on: onSYNACK, seen: synForged.must(), toClient: []shape{window(3293, 90), window(3294, 91), window(3295, 92)}},
		{name: "path-syn-reserved", scenes: throughBox, on: onSYN, ignored: true, seen: synForged.must(), toClient: []shape{func(p *passing, s *Segment) {
			s.Ack, s.IPID, s.Window, s.Reserved = p.seq, p.ipid, p.window, 0xf // no real stack takes that ACK
		}}},
	}
}

// rewritten is a packet made a RST: all but its flags and its data is the
// peer's own.
func rewritten(p *passing, s *Segment) {
	*s = p.onwards(false)
	s.IPID, s.TTL = p.ipid, p.ttl
}

func (f forgery) kernel() string {
	if f.on == onSYN || f.on == onSYNACK {
		return "tcp_rcv_synsent_state_process, tcp_reset"
	}
	return "tcp_validate_incoming, tcp_reset"
}

// reaction forges once a connection, and where the rest is dropped lets nothing
// of it through from then on.
func (f forgery) reaction() reaction {
	var mu sync.Mutex
	fired := map[uint16]bool{} // by the client's port
	return func(p *passing) (forge []Segment, pass bool) {
		mu.Lock()
		defer mu.Unlock()
		port := p.dst.Port()
		if p.fromClient {
			port = p.src.Port()
		}
		if fired[port] {
			return nil, !f.dropped
		}
		if !f.provoked(p) {
			return nil, true
		}
		fired[port] = true
		for _, shape := range f.toClient {
			s := p.back()
			if !p.fromClient {
				s = p.onwards(true)
			}
			s.TTL = 64 - f.away
			shape(p, &s)
			forge = append(forge, s)
		}
		for _, shape := range f.toServer {
			s := p.onwards(false)
			s.Window = 0
			shape(p, &s)
			forge = append(forge, s)
		}
		return forge, !f.dropped
	}
}

func (f forgery) provoked(p *passing) bool {
	switch f.on {
	case onSYN:
		return p.flags&reset.SYN != 0
	case onSYNACK:
		return p.flags&(reset.SYN|reset.ACK) == reset.SYN|reset.ACK
	case onResponse:
		return !p.fromClient && p.payload > 0
	default:
		return p.fromClient && p.payload > 0
	}
}

func (f forgery) make(r *run) error {
	box, err := r.middlebox(f.away, max(f.delay, linkDelay), f.reaction())
	if err != nil {
		return err
	}
	for i := range r.n {
		if f.on == onSYN || f.on == onSYNACK {
			err = f.makeSYN(r, box, i+1)
		} else {
			err = f.makeData(r, box)
		}
		if err != nil {
			return err
		}
	}
	return r.awaitStrays(f, box)
}

// awaitStrays waits for what the kernels of the two ends said themselves.
func (r *run) awaitStrays(f forgery, box *middlebox) error {
	client, server := 0, 0
	switch {
	case f.dropped || f.ignored:
	case len(f.toServer) > 0:
		server = r.n
	default:
		client = r.n
	}
	if err := r.awaitSent(r.client.node, client); err != nil {
		return err
	}
	if err := r.awaitSent(r.server.node, server); err != nil {
		return err
	}
	return box.awaitPassed(client + server)
}

// makeData resets one established connection.
func (f forgery) makeData(r *run, box *middlebox) error {
	client, server, err := r.connect()
	if err != nil {
		return err
	}
	defer client.vanish()
	defer server.vanish()
	if err := client.locate(); err != nil {
		return err
	}
	writer := client
	if f.on == onResponse {
		writer = server
	}
	if err := writer.write([]byte(request)); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	forged, err := box.await(len(f.toClient) + len(f.toServer))
	if err != nil {
		return err
	}
	f.tell(r, forged)
	if len(f.toClient) > 0 {
		if err := client.awaitReset(); err != nil {
			return fmt.Errorf("client: %w", err)
		}
	}
	if len(f.toServer) > 0 {
		if err := server.awaitReset(); err != nil {
			return fmt.Errorf("server: %w", err)
		}
	}
	if f.dropped {
		return nil
	}
	return f.strays(r, client, server, forged)
}

// tell records what the box wrote. Of several to one end the first ends the
// connection, and the rest meet no socket.
func (f forgery) tell(r *run, forged []Segment) {
	taken := map[netip.AddrPort]bool{}
	for _, s := range forged {
		switch {
		case f.ignored:
			r.forged(s, reset.Ignored, "TCP_INVALID_ACK_SEQUENCE", f.seen)
		case taken[s.Dst]:
			r.forged(s, reset.NoSocket, "NO_SOCKET", f.seen.noSocket())
		default:
			r.forged(s, reset.Accepted, "", f.seen)
		}
		taken[s.Dst] = true
	}
	for i := range r.expects {
		if e := &r.expects[i]; f.alike && e.Sender == reset.Path {
			e.TTL, e.Window = reset.Opt[uint8]{}, reset.Opt[uint16]{}
		}
	}
}

// noSocket is what may be said of a RST that met no socket any more: backscatter
// too, and unknown.
func (s Seen) noSocket() Seen {
	s.Causes = append(append([]reset.Cause(nil), s.Causes...), reset.Backscatter, reset.AfterClose)
	s.Must = false
	return s
}

// strays records what the ends say when a packet of the living one meets the
// socket that was reset.
func (f forgery) strays(r *run, client, server *sock, forged []Segment) error {
	if len(f.toServer) == 0 {
		// The server acknowledges the request, to nobody.
		if err := server.awaitReset(); err != nil {
			return fmt.Errorf("server, which acknowledges to a socket that is gone: %w", err)
		}
		acked := client.sndNxt + uint32(len(request))
		r.answersStray(r.client, r.server, client.local.Port(), server.local.Port(), acked, reset.Accepted, "")
		return nil
	}
	// The request comes behind the forged RSTs and meets no socket.
	verdict, drop := reset.NoSocket, "NO_SOCKET"
	if len(f.toClient) == 0 {
		verdict, drop = reset.Accepted, ""
		if err := client.awaitReset(); err != nil {
			return err
		}
	}
	asked := forged[len(forged)-1].Ack
	r.answersStray(r.server, r.client, server.local.Port(), client.local.Port(), asked, verdict, drop)
	return nil
}

// makeSYN resets one connection that is being made.
func (f forgery) makeSYN(r *run, box *middlebox, nth int) error {
	l, err := r.listen(r.server, 8)
	if err != nil {
		return err
	}
	defer l.vanish()
	client, err := r.dial(r.client, l.local)
	defer client.vanish()
	if f.ignored != (err == nil) || err != nil && !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("connecting past a forger: %w", err)
	}
	forged, err := box.await(len(f.toClient))
	if err != nil {
		return err
	}
	f.tell(r, forged)
	if f.ignored {
		server, err := l.accept()
		if err != nil {
			return err
		}
		defer server.vanish()
		// What the client sent again, for the RST's sake, must not come after the end.
		return exchangeOnce(client, server)
	}
	// The server's SYN+ACK comes too late, and its half-open connection goes.
	r.answersStray(r.client, r.server, client.local.Port(), l.local.Port(), forged[0].Ack, reset.Accepted, "NOT_SPECIFIED")
	for i := range r.expects {
		// For the server it is what a scan leaves: a SYN, and a RST for the answer.
		if e := &r.expects[i]; e.Sender == reset.LocalKernel && e.Direction != reset.Out {
			e.Seen.Causes = append(slices.Clone(e.Seen.Causes), reset.Scan)
		}
	}
	return r.awaitGrowth(r.server.node, "TcpExtEmbryonicRsts", nth)
}
