package classic

import "github.com/rstwatch/rstwatch/internal/reset"

const tcpHeader = 20

// flagAE is accurate ECN's flag, the lowest of the four reserved bits.
const flagAE = 1

// segment is what the line says of a TCP header.
type segment struct {
	src, dst, window, urgent reset.Opt[uint16]
	seq, ack                 reset.Opt[uint32]
	reserved                 reset.Opt[uint8] // four bits
	flags                    reset.Flags
	options                  []byte
	optionsCut               bool // the packet ends within its options
}

// appendTCP is nf_log_dump_tcp_header for the header at the given place.
func appendTCP(b []byte, r *reset.Reset, o Options, p packet, at int, later bool) (line []byte, whole bool) {
	b = append(b, "PROTO=TCP "...)
	if later {
		return b, true
	}
	h, seen := p.at(at, tcpHeader)
	switch seen {
	case missing:
		return appendIncomplete(b, p.length-at), false
	case uncaptured:
		s := segmentOf(r)
		return s.append(b, o), true
	case captured:
	}
	s := segment{
		src: reset.Some(be16(h)), dst: reset.Some(be16(h[2:])),
		seq: reset.Some(be32(h[4:])), ack: reset.Some(be32(h[8:])),
		window: reset.Some(be16(h[14:])), urgent: reset.Some(be16(h[18:])),
		reserved: reset.Some(h[12] & 15), flags: reset.Flags(h[13]),
	}
	if size := int(h[12]>>4)*4 - tcpHeader; size > 0 {
		options, seen := p.at(at+tcpHeader, size)
		s.options, s.optionsCut = options, seen == missing
	}
	return s.append(b, o), !(o.TCPOptions && s.optionsCut)
}

// segmentOf is what the record's fields say.
func segmentOf(r *reset.Reset) segment {
	p := &r.Packet
	s := segment{
		seq: p.Seq, ack: p.Ack, window: p.Window, urgent: p.Urgent,
		reserved: p.Reserved, flags: p.Flags, options: p.TCPOptions,
	}
	if r.Src.IsValid() {
		s.src = reset.Some(r.Src.Port())
	}
	if r.Dst.IsValid() {
		s.dst = reset.Some(r.Dst.Port())
	}
	return s
}

func (s *segment) append(b []byte, o Options) []byte {
	b = appendKnown(b, "SPT=", s.src)
	b = appendKnown(b, "DPT=", s.dst)
	if o.TCPSequence {
		b = appendKnown(b, "SEQ=", s.seq)
		b = appendKnown(b, "ACK=", s.ack)
	}
	b = appendKnown(b, "WINDOW=", s.window)
	ae := false
	if s.reserved.OK {
		bits := s.reserved.V & 15
		if !o.BeforeAE {
			ae = bits&flagAE != 0
			bits &^= flagAE
		}
		b = appendHex2(b, "RES=", hexLower, bits<<2)
	}
	if ae {
		b = append(b, "AE "...)
	}
	for _, f := range flagOrder {
		if s.flags&f.flag != 0 {
			b = append(b, f.name...)
			b = append(b, ' ')
		}
	}
	b = appendKnown(b, "URGP=", s.urgent)
	if o.TCPOptions && s.optionsCut {
		return append(b, "OPT (TRUNCATED)"...)
	}
	if o.TCPOptions && len(s.options) > 0 {
		b = appendOptions(b, s.options)
	}
	return b
}

func appendKnown[T ~uint8 | ~uint16 | ~uint32](b []byte, tag string, v reset.Opt[T]) []byte {
	if !v.OK {
		return b
	}
	return appendDecimal(b, tag, uint64(v.V))
}

// flagOrder is the kernel's order of flags.
var flagOrder = [...]struct {
	flag reset.Flags
	name string
}{
	{reset.CWR, "CWR"},
	{reset.ECE, "ECE"},
	{reset.URG, "URG"},
	{reset.ACK, "ACK"},
	{reset.PSH, "PSH"},
	{reset.RST, "RST"},
	{reset.SYN, "SYN"},
	{reset.FIN, "FIN"},
}
