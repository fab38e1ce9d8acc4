package query

import "github.com/rstwatch/rstwatch/internal/reset"

// headerField returns the field of the record that holds a byte of a header, 0
// if none does: fragments and checksums are not kept.
func headerField(proto string, offset int) Fields {
	if offset < 0 {
		return 0
	}
	switch proto {
	case "ip":
		switch {
		case offset == 2 || offset == 3:
			return FieldLength
		case offset == 6 || offset == 7 || offset == 10 || offset == 11:
			return 0
		case offset < 12:
			return FieldIP
		case offset < 20:
			return FieldAddress
		}
	case "ip6":
		switch {
		case offset == 4 || offset == 5:
			return FieldLength
		case offset == 6:
			return 0
		case offset < 8:
			return FieldIP
		case offset < 40:
			return FieldAddress
		}
	case "tcp":
		switch {
		case offset < 4:
			return FieldPort
		case offset == 13:
			return FieldFlags
		case offset < 16 || offset == 18 || offset == 19:
			return FieldTCP
		}
	}
	return 0
}

// headerByte puts together one byte of a header, of those for which
// headerField is not 0. It is false for a record that does not have it.
func headerByte(r *reset.Reset, proto string, offset int) (byte, bool) {
	switch proto {
	case "ip":
		return ip4Byte(r, offset)
	case "ip6":
		return ip6Byte(r, offset)
	}
	return tcpByte(r, offset)
}

func ip4Byte(r *reset.Reset, offset int) (byte, bool) {
	p := &r.Packet
	if familyOf(r) != reset.IPv4 {
		return 0, false
	}
	switch {
	case offset == 0:
		return 4<<4 | byte((20+len(p.IPOptions))/4), p.Family == reset.IPv4
	case offset == 1:
		return p.TOS.V, p.TOS.OK
	case offset < 4:
		return byteOf(p.Length, 3-offset)
	case offset < 6:
		return byteOf(p.IPID, 5-offset)
	case offset == 8:
		return p.TTL.V, p.TTL.OK
	case offset == 9:
		return 6, true
	case offset < 16:
		return addressByte4(r.Src, offset-12)
	}
	return addressByte4(r.Dst, offset-16)
}

func ip6Byte(r *reset.Reset, offset int) (byte, bool) {
	p := &r.Packet
	if familyOf(r) != reset.IPv6 {
		return 0, false
	}
	switch {
	case offset < 4:
		first := reset.Opt[uint32]{V: 6<<28 | uint32(p.TOS.V)<<20 | p.FlowLabel.V, OK: p.TOS.OK && p.FlowLabel.OK}
		return byteOf(first, 3-offset)
	case offset < 6: // the length of what follows the header
		return byteOf(reset.Opt[uint32]{V: p.Length.V - 40, OK: p.Length.OK}, 5-offset)
	case offset == 7:
		return p.TTL.V, p.TTL.OK
	case offset < 24:
		return addressByte6(r.Src, offset-8)
	}
	return addressByte6(r.Dst, offset-24)
}

func tcpByte(r *reset.Reset, offset int) (byte, bool) {
	p := &r.Packet
	switch {
	case offset < 2:
		return byteOf(reset.Opt[uint16]{V: r.Src.Port(), OK: r.Src.IsValid()}, 1-offset)
	case offset < 4:
		return byteOf(reset.Opt[uint16]{V: r.Dst.Port(), OK: r.Dst.IsValid()}, 3-offset)
	case offset < 8:
		return byteOf(p.Seq, 7-offset)
	case offset < 12:
		return byteOf(p.Ack, 11-offset)
	case offset == 12:
		return byte((20+len(p.TCPOptions))/4)<<4 | p.Reserved.V, p.Reserved.OK
	case offset == 13:
		return byte(p.Flags), p.Flags != 0
	case offset < 16:
		return byteOf(p.Window, 15-offset)
	}
	return byteOf(p.Urgent, 19-offset)
}

// byteOf returns a byte of a number, the lowest of which has index 0.
func byteOf[T uint16 | uint32](o reset.Opt[T], index int) (byte, bool) {
	return byte(o.V >> (8 * index)), o.OK
}

func addressByte4(e reset.Endpoint, index int) (byte, bool) {
	if !e.Addr().Is4() {
		return 0, false
	}
	b := e.Addr().As4()
	return b[index], true
}

func addressByte6(e reset.Endpoint, index int) (byte, bool) {
	if !e.Addr().Is6() {
		return 0, false
	}
	b := e.Addr().As16()
	return b[index], true
}
