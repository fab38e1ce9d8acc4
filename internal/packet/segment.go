package packet

import (
	"encoding/binary"
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Address is an IP address as two numbers, IPv4 as ::ffff:a.b.c.d: what a
// table of connections compares fastest.
type Address struct{ Hi, Lo uint64 }

// AddressOf is an address as two numbers.
func AddressOf(a netip.Addr) Address {
	b := a.As16()
	return Address{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// Addr is the address for people, IPv4 as such.
func (a Address) Addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.Hi)
	binary.BigEndian.PutUint64(b[8:], a.Lo)
	return netip.AddrFrom16(b).Unmap()
}

// Segment is what keeping account of a connection needs of one TCP segment.
// It is for every packet of a capture, of which resets are few: plain values,
// no slice of the packet, and nothing that only a record wants.
type Segment struct {
	Src, Dst         Address
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Payload          uint32 // bytes, as the headers say, whatever was captured
	Length           uint32 // bytes of the IP packet, as its header says
	IPID             uint16
	Window           uint16
	Flags            reset.Flags
	TTL, TOS         uint8
	Version          uint8 // 4 or 6
	DF               bool
	Timestamp        bool // it bears the timestamp option (RFC 7323)
}

// End is the SEQ after the segment: SYN and FIN count as one byte each.
func (s *Segment) End() uint32 {
	end := s.Seq + s.Payload
	if s.Flags&reset.SYN != 0 {
		end++
	}
	if s.Flags&reset.FIN != 0 {
		end++
	}
	return end
}

// DecodeSegment reads a segment that starts at its IP header and whose packet
// was whole bytes long on the wire; whole matters only where the IP header does
// not say its length. The error is one of this package's; then into is not to
// be used.
func DecodeSegment(raw []byte, whole int, into *Segment) error {
	l, err := locate(raw)
	if err != nil {
		return err
	}
	fixed, options, payload, err := l.tcpHeader(raw)
	if err != nil {
		return err
	}
	last := l.last
	if l.length == 0 {
		last = max(whole, payload)
	}
	into.Payload = uint32(last - payload)
	into.Length = l.length
	into.Version = l.version
	if l.version == 4 {
		into.Src = Address{Lo: 0xffff<<32 | uint64(binary.BigEndian.Uint32(raw[12:16]))}
		into.Dst = Address{Lo: 0xffff<<32 | uint64(binary.BigEndian.Uint32(raw[16:20]))}
		into.TOS, into.TTL = raw[1], raw[8]
		into.IPID = binary.BigEndian.Uint16(raw[4:6])
		into.DF = raw[6]&0x40 != 0
	} else {
		into.Src = Address{binary.BigEndian.Uint64(raw[8:16]), binary.BigEndian.Uint64(raw[16:24])}
		into.Dst = Address{binary.BigEndian.Uint64(raw[24:32]), binary.BigEndian.Uint64(raw[32:40])}
		into.TOS, into.TTL = uint8(binary.BigEndian.Uint16(raw[0:2])>>4), raw[7]
		into.IPID, into.DF = 0, false
	}
	_ = fixed[tcpFixed-1]
	into.SrcPort = binary.BigEndian.Uint16(fixed[0:2])
	into.DstPort = binary.BigEndian.Uint16(fixed[2:4])
	into.Seq = binary.BigEndian.Uint32(fixed[4:8])
	into.Ack = binary.BigEndian.Uint32(fixed[8:12])
	into.Flags = reset.Flags(fixed[13])
	into.Window = binary.BigEndian.Uint16(fixed[14:16])
	into.Timestamp = hasTimestamp(options)
	return nil
}

const (
	optionEnd       = 0 // IANA TCP option kinds
	optionNop       = 1
	optionTimestamp = 8
)

// hasTimestamp looks for the timestamp option among those that were captured.
func hasTimestamp(options []byte) bool {
	// As every established connection of the common systems has it.
	if len(options) >= 12 && options[0] == optionNop && options[1] == optionNop && options[2] == optionTimestamp {
		return true
	}
	for len(options) >= 2 {
		switch options[0] {
		case optionEnd:
			return false
		case optionNop:
			options = options[1:]
			continue
		case optionTimestamp:
			return true
		}
		length := int(options[1])
		if length < 2 || length > len(options) {
			return false
		}
		options = options[length:]
	}
	return false
}
