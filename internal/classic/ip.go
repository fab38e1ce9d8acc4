package classic

import (
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	ipv4Header = 20
	ipv6Header = 40

	flagCE = 0x8000 // the bit that RFC 3514 calls evil; the kernel prints CE
	flagDF = 0x4000
	flagMF = 0x2000
	offset = 0x1fff // in units of eight bytes

	tosMask  = 0x1e // IPTOS_TOS_MASK
	precMask = 0xe0 // IPTOS_PREC_MASK
)

// packet is a view of the captured bytes that tells "not in the packet" from
// "not in what was captured of it".
type packet struct {
	raw    []byte
	length int // of the whole packet, at least len(raw) unless it was padded
}

// sight is where bytes are that the kernel would read.
type sight uint8

const (
	captured   sight = iota
	uncaptured       // in the packet, behind the end of the capture
	missing          // not in the packet: the kernel says INCOMPLETE
)

func (p packet) at(from, n int) ([]byte, sight) {
	switch {
	case from+n > p.length:
		return nil, missing
	case from+n > len(p.raw):
		return nil, uncaptured
	}
	return p.raw[from : from+n], captured
}

// appendIPv4 is dump_ipv4_packet for a packet whose first 20 bytes are there.
func appendIPv4(b []byte, r *reset.Reset, o Options) (line []byte, whole bool) {
	raw := r.Packet.Raw
	p := packet{raw: raw, length: int(be16(raw[2:]))}
	if p.length == 0 { // segmentation offload; no RST has it
		p.length = len(raw)
	}
	b = appendAddress(b, "SRC=", netip.AddrFrom4([4]byte(raw[12:16])))
	b = appendAddress(b, "DST=", netip.AddrFrom4([4]byte(raw[16:20])))
	b = appendDecimal(b, "LEN=", uint64(p.length))
	b = appendHex2(b, "TOS=", hexUpper, raw[1]&tosMask)
	b = appendHex2(b, "PREC=", hexUpper, raw[1]&precMask)
	b = appendDecimal(b, "TTL=", uint64(raw[8]))
	b = appendDecimal(b, "ID=", uint64(be16(raw[4:])))
	fragment := be16(raw[6:])
	b = appendFragment(b, fragment)

	header := max(int(raw[0]&15)*4, ipv4Header)
	if o.IPOptions && header > ipv4Header {
		switch options, seen := p.at(ipv4Header, header-ipv4Header); seen {
		case captured:
			b = appendOptions(b, options)
		case missing:
			return append(b, "TRUNCATED"...), false
		case uncaptured:
		}
	}
	if raw[9] != protocolTCP {
		return appendDecimal(b, "PROTO=", uint64(raw[9])), true
	}
	return appendTCP(b, r, o, p, header, fragment&offset != 0)
}

func appendFragment(b []byte, fragment uint16) []byte {
	if fragment&flagCE != 0 {
		b = append(b, "CE "...)
	}
	if fragment&flagDF != 0 {
		b = append(b, "DF "...)
	}
	if fragment&flagMF != 0 {
		b = append(b, "MF "...)
	}
	if fragment&offset != 0 {
		b = appendDecimal(b, "FRAG:", uint64(fragment&offset))
	}
	return b
}

// appendIPv6 is dump_ipv6_packet for a packet whose first 40 bytes are there.
func appendIPv6(b []byte, r *reset.Reset, o Options) (line []byte, whole bool) {
	raw := r.Packet.Raw
	p := packet{raw: raw, length: int(be16(raw[4:])) + ipv6Header}
	b = appendAddress(b, "SRC=", netip.AddrFrom16([16]byte(raw[8:24])))
	b = appendAddress(b, "DST=", netip.AddrFrom16([16]byte(raw[24:40])))
	b = appendDecimal(b, "LEN=", uint64(p.length))
	b = appendDecimal(b, "TC=", uint64(be32(raw)>>20&0xff))
	b = appendDecimal(b, "HOPLIMIT=", uint64(raw[7]))
	b = appendDecimal(b, "FLOWLBL=", uint64(be32(raw)&0xfffff))

	w := walk{p: p, ip: o.IPOptions, next: raw[6], at: ipv6Header}
	for isExtension(w.next) {
		var more bool
		if b, more = w.appendExtension(b); !more {
			return b, false
		}
		if w.blind {
			return b, true
		}
	}
	if w.next != protocolTCP {
		return appendDecimal(b, "PROTO=", uint64(w.next)), true
	}
	return appendTCP(b, r, o, p, w.at, w.fragment)
}
