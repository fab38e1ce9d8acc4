package reset

import "encoding/binary"

// hashSeed versions the hashes: a change of any of them takes a new seed, so
// that old and new values never meet.
const hashSeed = 0x7273747761746368 // "rstwatch"

// FlowHash is equal for both directions and both ends of a connection: a
// 64-bit hash over the sorted pair of (address, port), IPv4 as ::ffff:a.b.c.d.
// It is 0 where an endpoint is unknown.
func FlowHash(a, b Endpoint) Hash {
	if a.IsZero() || b.IsZero() {
		return 0
	}
	if b.Addr().As16() == a.Addr().As16() && b.Port() < a.Port() || less16(b.Addr().As16(), a.Addr().As16()) {
		a, b = b, a
	}
	return Hash(hashEndpoints(hashSeed, a, b))
}

// PktHash is equal at both ends of a packet that nothing rewrote: a hash over
// source, destination and SEQ. It is 0 where one of them is unknown.
func PktHash(src, dst Endpoint, seq Opt[uint32]) Hash {
	if src.IsZero() || dst.IsZero() || !seq.OK {
		return 0
	}
	return Hash(mix(hashEndpoints(hashSeed+1, src, dst) ^ uint64(seq.V)*0x9e3779b97f4a7c15))
}

// PacketHash tells one packet from another of the same tuple and SEQ: PktHash
// plus the fields that no router changes. It is the record's packet_id.
func PacketHash(src, dst Endpoint, p *Packet) Hash {
	h := uint64(PktHash(src, dst, p.Seq))
	if h == 0 {
		return 0
	}
	rest := uint64(p.Ack.V)<<32 | uint64(p.IPID.V)<<16 | uint64(p.Window.V)
	return Hash(mix(h ^ mix(rest+uint64(p.Flags)*0x9e3779b97f4a7c15)))
}

// Hashes returns FlowHash, PktHash and PacketHash of one packet for the price of
// less than two: every reset needs all three.
func Hashes(src, dst Endpoint, p *Packet) (flow, pkt, packet Hash) {
	if src.IsZero() || dst.IsZero() {
		return 0, 0, 0
	}
	from, to := src.Addr().As16(), dst.Addr().As16()
	s := [3]uint64{binary.BigEndian.Uint64(from[:8]), binary.BigEndian.Uint64(from[8:]), uint64(src.Port())}
	d := [3]uint64{binary.BigEndian.Uint64(to[:8]), binary.BigEndian.Uint64(to[8:]), uint64(dst.Port())}
	a, b := s, d
	if d[0] < s[0] || d[0] == s[0] && (d[1] < s[1] || d[1] == s[1] && d[2] < s[2]) {
		a, b = d, s
	}
	// The two chains of multiplications run side by side in the processor.
	f, h := uint64(hashSeed), uint64(hashSeed+1)
	for i := range 3 {
		f, h = mix(f^a[i]), mix(h^s[i])
	}
	for i := range 3 {
		f, h = mix(f^b[i]), mix(h^d[i])
	}
	flow = Hash(f)
	if !p.Seq.OK {
		return flow, 0, 0
	}
	h = mix(h ^ uint64(p.Seq.V)*0x9e3779b97f4a7c15)
	if h == 0 {
		return flow, 0, 0
	}
	rest := uint64(p.Ack.V)<<32 | uint64(p.IPID.V)<<16 | uint64(p.Window.V)
	return flow, Hash(h), Hash(mix(h ^ mix(rest+uint64(p.Flags)*0x9e3779b97f4a7c15)))
}

func hashEndpoints(seed uint64, a, b Endpoint) uint64 {
	h := seed
	for _, e := range [2]Endpoint{a, b} {
		ip := e.Addr().As16()
		h = mix(h ^ binary.BigEndian.Uint64(ip[0:8]))
		h = mix(h ^ binary.BigEndian.Uint64(ip[8:16]))
		h = mix(h ^ uint64(e.Port()))
	}
	return h
}

func less16(a, b [16]byte) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}
