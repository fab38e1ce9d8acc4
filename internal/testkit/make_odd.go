package testkit

import (
	"github.com/rstwatch/rstwatch/internal/reset"
)

// oddMakers are resets whose headers no ordinary stack writes, for the
// decoders' sake: all through a raw socket in the server to a client that
// knows nothing of the connection.
func oddMakers() []Maker {
	v4 := func(s Scene) bool { return s.Family == reset.IPv4 }
	v6 := func(s Scene) bool { return s.Family == reset.IPv6 }
	// PadN of four bytes: an option that every node skips.
	padN := []byte{1, 4, 0, 0, 0, 0}
	odd := func(name string, scenes func(Scene) bool, craft func(*Segment)) Maker {
		return Maker{Name: "odd-" + name, Kernel: "ip_rcv, ipv6_rcv, tcp_v4_rcv", Scenes: scenes, make: func(r *run) error {
			return makeOdd(r, craft)
		}}
	}
	return []Maker{
		odd("ip-options", v4, func(s *Segment) { s.IPOptions = []byte{1, 1, 1, 1, 7, 7, 4, 0, 0, 0, 0} }),
		odd("hop-by-hop", v6, func(s *Segment) { s.Extensions = []Extension{{0, padN}} }),
		odd("destination-options", v6, func(s *Segment) { s.Extensions = []Extension{{60, padN}} }),
		odd("routing", v6, func(s *Segment) { s.Extensions = []Extension{{43, []byte{253, 0, 0, 0, 0, 0}}} }),
		odd("extension-chain", v6, func(s *Segment) {
			s.Extensions = []Extension{{0, padN}, {60, padN}, {43, []byte{253, 0, 0, 0, 0, 0}}, {60, padN}}
		}),
		odd("payload", nil, func(s *Segment) { s.Payload = []byte("connection refused by policy") }),
		odd("tcp-options", nil, func(s *Segment) { s.Options = []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 30, 4, 0x80, 1} }),
		odd("reserved", nil, func(s *Segment) { s.Reserved = 0xf }),
		odd("all-flags", nil, func(s *Segment) { s.Flags, s.Reserved, s.Urgent = 0xff, 0xf, 7 }),
		odd("low-ttl", nil, func(s *Segment) { s.TTL, s.TOS = 2, 0xb8 }),
		{Name: "odd-first-fragment", Kernel: "ip_defrag, ipv6_frag_rcv", make: makeOddFragment},
	}
}

func makeOdd(r *run, craft func(*Segment)) error {
	for range r.n {
		s, _ := r.bogus()
		craft(&s)
		if err := r.server.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		r.sent(r.injected(s, r.server, r.client))
	}
	return r.awaitSegments(r.client.node, r.n)
}

// makeOddFragment cuts a RST with payload in two: the first fragment holds the
// whole TCP header, the second none of it and is no RST of its own. INPUT sees
// the whole, every hook before it the parts.
func makeOddFragment(r *run) error {
	for range r.n {
		s, _ := r.bogus()
		s.DF, s.Payload = false, make([]byte, 64)
		for _, packet := range s.Fragments(12) {
			if err := r.server.node.InjectRaw(packet); err != nil {
				return err
			}
		}
		r.sent(r.injected(s, r.server, r.client))
	}
	return r.awaitSegments(r.client.node, r.n)
}
