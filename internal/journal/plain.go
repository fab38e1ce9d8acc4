package journal

import (
	"bytes"
	"encoding/binary"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Lengths of the headers that a RST usually has.
const (
	ipv4Header = 20
	ipv6Header = 40
	tcpHeader  = 20
	protoTCP   = 6
)

// plainHeaders reports whether the reset's fields are those of its raw packet,
// for the packets that nearly all are: whole, without options or extension
// headers of IP, without payload or padding. It is a short cut for
// packet.Decode and a comparison, and says false where it does not know.
func plainHeaders(r *reset.Reset) bool {
	p := &r.Packet
	raw := p.Raw
	at := 0
	switch {
	case len(raw) >= ipv4Header+tcpHeader && raw[0] == 0x45 && plainIPv4(r, raw):
		at = ipv4Header
	case len(raw) >= ipv6Header+tcpHeader && raw[0]>>4 == 6 && plainIPv6(r, raw):
		at = ipv6Header
	default:
		return false
	}
	tcp := raw[at:]
	return int(tcp[12]>>4)*4 == len(tcp) &&
		p.Seq == reset.Some(binary.BigEndian.Uint32(tcp[4:])) &&
		p.Ack == reset.Some(binary.BigEndian.Uint32(tcp[8:])) &&
		p.Window == reset.Some(binary.BigEndian.Uint16(tcp[14:])) &&
		p.Urgent == reset.Some(binary.BigEndian.Uint16(tcp[18:])) &&
		p.Reserved == reset.Some(tcp[12]&15) && p.Flags == reset.Flags(tcp[13]) &&
		p.Captured == reset.Some(uint32(len(raw))) && p.Length == p.Captured &&
		r.Src.Port() == binary.BigEndian.Uint16(tcp) && r.Dst.Port() == binary.BigEndian.Uint16(tcp[2:]) &&
		len(p.IPOptions) == 0 && bytes.Equal(p.TCPOptions, tcp[tcpHeader:])
}

func plainIPv4(r *reset.Reset, raw []byte) bool {
	p := &r.Packet
	fragment := binary.BigEndian.Uint16(raw[6:])
	if int(binary.BigEndian.Uint16(raw[2:])) != len(raw) || fragment&0x1fff != 0 || raw[9] != protoTCP ||
		!r.Src.Addr().Is4() || !r.Dst.Addr().Is4() {
		return false
	}
	src, dst := r.Src.Addr().As4(), r.Dst.Addr().As4()
	return src == [4]byte(raw[12:]) && dst == [4]byte(raw[16:]) &&
		p.Family == reset.IPv4 && p.TOS == reset.Some(raw[1]) && p.TTL == reset.Some(raw[8]) &&
		p.IPID == reset.Some(binary.BigEndian.Uint16(raw[4:])) && p.DF == reset.Some(fragment&0x4000 != 0) &&
		!p.FlowLabel.OK
}

func plainIPv6(r *reset.Reset, raw []byte) bool {
	p := &r.Packet
	if int(binary.BigEndian.Uint16(raw[4:]))+ipv6Header != len(raw) || raw[6] != protoTCP ||
		!r.Src.Addr().Is6() || !r.Dst.Addr().Is6() || r.Src.Addr().Zone() != "" || r.Dst.Addr().Zone() != "" {
		return false
	}
	src, dst := r.Src.Addr().As16(), r.Dst.Addr().As16()
	first := binary.BigEndian.Uint32(raw)
	return src == [16]byte(raw[8:]) && dst == [16]byte(raw[24:]) &&
		p.Family == reset.IPv6 && p.TOS == reset.Some(uint8(first>>20)) && p.TTL == reset.Some(raw[7]) &&
		p.FlowLabel == reset.Some(first&0xfffff) && !p.IPID.OK && !p.DF.OK
}
