package testkit

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// passing is a TCP packet that goes through a middlebox.
type passing struct {
	frame      []byte
	src, dst   netip.AddrPort
	fromClient bool
	ttl, tos   uint8
	ipid       uint16
	df         bool
	seq, ack   uint32
	flags      reset.Flags
	window     uint16
	payload    uint32 // its length
}

// parsePassing reads an Ethernet frame; it wants TCP without extension headers.
func parsePassing(frame []byte, client netip.Addr) (*passing, bool) {
	if len(frame) < boxHeader+40 {
		return nil, false
	}
	p := &passing{frame: frame}
	var src, dst netip.Addr
	var tcp []byte
	switch b := frame[boxHeader:]; {
	case b[0]>>4 == 4 && b[9] == unix.IPPROTO_TCP:
		p.tos, p.ttl, p.ipid, p.df = b[1], b[8], binary.BigEndian.Uint16(b[4:]), b[6]&0x40 != 0
		src, dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		tcp = b[int(b[0]&15)*4 : binary.BigEndian.Uint16(b[2:])]
	case b[0]>>4 == 6 && b[6] == unix.IPPROTO_TCP && len(b) >= 60:
		p.tos, p.ttl = b[0]<<4|b[1]>>4, b[7]
		src, dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		tcp = b[40 : 40+binary.BigEndian.Uint16(b[4:])]
	default:
		return nil, false
	}
	p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(tcp))
	p.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(tcp[2:]))
	p.seq, p.ack = binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint32(tcp[8:])
	p.flags, p.window = reset.Flags(tcp[13]), binary.BigEndian.Uint16(tcp[14:])
	p.payload = uint32(len(tcp) - int(tcp[12]>>4)*4)
	p.fromClient = src == client
	return p, true
}

// age takes hops from the packet's TTL, or gives some back.
func (p *passing) age(hops int) {
	p.ttl = uint8(int(p.ttl) - hops)
	b := p.frame[boxHeader:]
	if b[0]>>4 == 6 {
		b[7] = p.ttl
		return
	}
	b[8] = p.ttl
	b[10], b[11] = 0, 0
	binary.BigEndian.PutUint16(b[10:], checksum(b[:int(b[0]&15)*4]))
}

// length is what the packet takes of the sequence space.
func (p *passing) length() uint32 {
	n := p.payload
	for _, flag := range []reset.Flags{reset.SYN, reset.FIN} {
		if p.flags&flag != 0 {
			n++
		}
	}
	return n
}

// back is a RST to who sent the packet, in the name of who it goes to, as that
// one's kernel would answer it.
func (p *passing) back() Segment {
	s := Segment{Src: p.dst, Dst: p.src, Flags: reset.RST, Seq: p.ack, DF: true}
	if p.flags&reset.ACK == 0 {
		s.Flags, s.Seq, s.Ack = reset.RST|reset.ACK, 0, p.seq+p.length()
	}
	return s
}

// onwards is a RST to who the packet goes to, in the name of who sent it: the
// next in sequence, if the packet arrives before it, or in its place.
func (p *passing) onwards(arrives bool) Segment {
	s := Segment{Src: p.src, Dst: p.dst, Flags: reset.RST | reset.ACK, Seq: p.seq, Ack: p.ack, DF: true, Window: p.window}
	if arrives {
		s.Seq += p.length()
	}
	return s
}
