package packet

import (
	"encoding/binary"
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Decode reads the headers of a TCP segment. raw starts at the IP header and
// may be cut short, or be followed by the link layer's padding. It sets the
// fields of into from Family to Urgent, and Captured; those that the packet
// does not have become absent. Raw, Payload, Mark, Tunnel and the link layer's
// fields are left alone. TCPOptions and IPOptions are slices of raw; where the
// capture ends within the options, TCPOptions holds what was captured.
//
// Length is what the IP header says, not what was captured. IPOptions is
// IPv4's only. The endpoints are as the wire bears them, so that an
// IPv4-mapped IPv6 address stays one.
//
// The error is one of this package's. Everything that was read before it is
// set, so that a caller may keep a packet that the kernel will drop.
func Decode(raw []byte, into *reset.Packet) (src, dst reset.Endpoint, err error) {
	clearHeaders(into)
	into.Captured = reset.Some(uint32(len(raw)))
	l, err := locate(raw)
	switch l.version {
	case 4:
		decodeIPv4(raw, into)
	case 6:
		decodeIPv6(raw, into)
	default:
		return src, dst, err
	}
	if l.length != 0 {
		into.Length = reset.Some(l.length)
	}
	if err != nil {
		return src, dst, err
	}
	fixed, options, _, err := l.tcpHeader(raw)
	if fixed == nil {
		return src, dst, err
	}
	into.TCPOptions = options
	decodeTCP(fixed, into)
	src, dst = endpoints(raw, l.version, fixed)
	return src, dst, err
}

// clearHeaders makes the fields of layers 3 and 4 absent.
func clearHeaders(p *reset.Packet) {
	p.Family, p.Flags = reset.FamilyNone, 0
	p.Length, p.FlowLabel, p.Seq, p.Ack = reset.Opt[uint32]{}, reset.Opt[uint32]{}, reset.Opt[uint32]{}, reset.Opt[uint32]{}
	p.TOS, p.TTL, p.Reserved = reset.Opt[uint8]{}, reset.Opt[uint8]{}, reset.Opt[uint8]{}
	p.IPID, p.Window, p.Urgent = reset.Opt[uint16]{}, reset.Opt[uint16]{}, reset.Opt[uint16]{}
	p.DF = reset.Opt[bool]{}
	p.TCPOptions, p.IPOptions = nil, nil
}

// decodeIPv4 reads the fields of RFC 791, 3.1. The fixed header is there.
func decodeIPv4(raw []byte, into *reset.Packet) {
	into.Family = reset.IPv4
	into.TOS = reset.Some(raw[1])
	into.IPID = reset.Some(binary.BigEndian.Uint16(raw[4:6]))
	into.DF = reset.Some(raw[6]&0x40 != 0)
	into.TTL = reset.Some(raw[8])
	if header := int(raw[0]&15) * 4; header > ipv4Fixed && len(raw) > ipv4Fixed {
		end := min(header, len(raw))
		into.IPOptions = raw[ipv4Fixed:end:end]
	}
}

// decodeIPv6 reads the fields of RFC 8200, 3. The fixed header is there.
func decodeIPv6(raw []byte, into *reset.Packet) {
	first := binary.BigEndian.Uint32(raw[0:4])
	into.Family = reset.IPv6
	into.TOS = reset.Some(uint8(first >> 20))
	into.FlowLabel = reset.Some(first & 0xfffff)
	into.TTL = reset.Some(raw[7])
}

// decodeTCP reads the fields of RFC 9293, 3.1.
func decodeTCP(fixed []byte, into *reset.Packet) {
	_ = fixed[tcpFixed-1]
	into.Seq = reset.Some(binary.BigEndian.Uint32(fixed[4:8]))
	into.Ack = reset.Some(binary.BigEndian.Uint32(fixed[8:12]))
	into.Reserved = reset.Some(fixed[12] & 15)
	into.Flags = reset.Flags(fixed[13])
	into.Window = reset.Some(binary.BigEndian.Uint16(fixed[14:16]))
	into.Urgent = reset.Some(binary.BigEndian.Uint16(fixed[18:20]))
}

// endpoints pairs the addresses of the IP header with the ports of the TCP
// header; both are there.
func endpoints(raw []byte, version byte, fixed []byte) (src, dst reset.Endpoint) {
	var from, to netip.Addr
	if version == 4 {
		from, to = netip.AddrFrom4([4]byte(raw[12:16])), netip.AddrFrom4([4]byte(raw[16:20]))
	} else {
		from, to = netip.AddrFrom16([16]byte(raw[8:24])), netip.AddrFrom16([16]byte(raw[24:40]))
	}
	src = reset.Endpoint{AddrPort: netip.AddrPortFrom(from, binary.BigEndian.Uint16(fixed[0:2]))}
	dst = reset.Endpoint{AddrPort: netip.AddrPortFrom(to, binary.BigEndian.Uint16(fixed[2:4]))}
	return src, dst
}

// DecodeTrigger reads the packet that a RST answers: its Flags, Seq, Ack,
// Length, TTL, TOS, IPID and Window; the other fields of into are left alone.
// raw, the endpoints (the trigger's own, not the RST's) and the error are as
// for Decode.
func DecodeTrigger(raw []byte, into *reset.Trigger) (src, dst reset.Endpoint, err error) {
	var p reset.Packet
	src, dst, err = Decode(raw, &p)
	into.Flags, into.Seq, into.Ack, into.Window = p.Flags, p.Seq, p.Ack, p.Window
	into.Length, into.TTL, into.TOS, into.IPID = p.Length, p.TTL, p.TOS, p.IPID
	return src, dst, err
}

// Derive sets everything in p that follows from p.Raw and p.LinkHeader, as
// Decode and DecodeLink do. A reader of the journal, which keeps only those
// two, calls it. Without Raw, nothing is set and the error is ErrTruncated.
func Derive(p *reset.Packet) (src, dst reset.Endpoint, err error) {
	if len(p.Raw) == 0 {
		return src, dst, ErrTruncated
	}
	DecodeLink(p.LinkHeader, p)
	return Decode(p.Raw, p)
}

// PayloadOf returns the captured part of the TCP payload of a packet that
// starts at its IP header, without the link layer's padding; nil if there is
// none or the headers cannot be read. It is a slice of raw.
func PayloadOf(raw []byte) []byte {
	l, err := locate(raw)
	if err != nil {
		return nil
	}
	_, _, payload, err := l.tcpHeader(raw)
	if err != nil || payload >= l.end {
		return nil
	}
	return raw[payload:l.end:l.end]
}

// HeaderLength returns how many bytes from the IP header on are headers: what
// to keep of raw where payload is not wanted. It is len(raw) if the headers
// cannot be read or end beyond the capture.
func HeaderLength(raw []byte) int {
	l, err := locate(raw)
	if err != nil {
		return len(raw)
	}
	_, _, payload, err := l.tcpHeader(raw)
	if err != nil {
		return len(raw)
	}
	return min(payload, len(raw))
}
