package classic

import "strconv"

// The IPv6 extension headers that nf_ip6_ext_hdr knows. 59, no next header,
// ends the kernel's walk and is printed as PROTO=59.
const (
	hopByHop    = 0
	protocolTCP = 6
	routing     = 43
	fragmentHdr = 44
	espHdr      = 50
	authHdr     = 51
	destOptions = 60
)

func isExtension(next uint8) bool {
	switch next {
	case hopByHop, routing, fragmentHdr, espHdr, authHdr, destOptions:
		return true
	}
	return false
}

// walk is the kernel's walk over extension headers.
type walk struct {
	p        packet
	ip       bool // --log-ip-options
	next     uint8
	at       int
	fragment bool // a later fragment: no TCP header follows
	blind    bool // the capture ends before the packet's headers do
}

// appendExtension prints one header and steps over it. more is false where the
// kernel's function returns.
func (w *walk) appendExtension(b []byte) (line []byte, more bool) {
	start := len(b)
	head, seen := w.p.at(w.at, 2)
	if seen == missing {
		return append(b, "TRUNCATED"...), false
	}
	if seen == uncaptured {
		w.blind = true
		return b, true
	}
	if w.ip {
		b = append(b, "OPT ( "...)
	}
	b, length, more := w.appendBody(b, head)
	if w.blind {
		return b[:start], true
	}
	if !more {
		return b, false
	}
	if w.ip {
		b = append(b, ") "...)
	}
	w.next = head[0]
	w.at += length
	return b, true
}

func (w *walk) appendBody(b, head []byte) (line []byte, length int, more bool) {
	switch w.next {
	case fragmentHdr:
		return w.appendFragmentHeader(b)
	case authHdr:
		if w.ip {
			if b, more = w.appendSPI(b, "AH ", 12, 4); !more {
				return b, 0, false
			}
		}
		return b, (int(head[1]) + 2) * 4, true
	case espHdr:
		if w.ip {
			if b, more = w.appendSPI(b, "ESP ", 8, 0); more {
				b = append(b, ')')
			}
		}
		return b, 0, false
	}
	if w.fragment {
		if w.ip {
			b = append(b, ')')
		}
		return b, 0, false
	}
	return b, (int(head[1]) + 1) * 8, true
}

func (w *walk) appendFragmentHeader(b []byte) (line []byte, length int, more bool) {
	b = append(b, "FRAG:"...)
	h, seen := w.p.at(w.at, 8)
	switch seen {
	case missing:
		return append(b, "TRUNCATED "...), 0, false
	case uncaptured:
		w.blind = true
		return b, 0, true
	case captured:
	}
	place := be16(h[2:])
	b = strconv.AppendUint(b, uint64(place&0xfff8), 10)
	b = append(b, ' ')
	if place&1 != 0 {
		b = append(b, "INCOMPLETE "...)
	}
	b = append(b, "ID:"...)
	b = appendHex4(b, be16(h[4:]))
	b = appendHex4(b, be16(h[6:]))
	if place&0xfff8 != 0 {
		w.fragment = true
	}
	return append(b, ' '), 8, true
}

// appendSPI prints the SPI of a header of the given size, which holds it at
// the given place.
func (w *walk) appendSPI(b []byte, name string, size, place int) (line []byte, more bool) {
	b = append(b, name...)
	if w.fragment {
		return append(b, ')'), false
	}
	h, seen := w.p.at(w.at, size)
	switch seen {
	case missing:
		return append(appendIncomplete(b, w.p.length-w.at), ')'), false
	case uncaptured:
		w.blind = true
		return b, true
	case captured:
	}
	b = append(b, "SPI=0x"...)
	b = strconv.AppendUint(b, uint64(be32(h[place:])), 16)
	return append(b, ' '), true
}

func appendIncomplete(b []byte, bytes int) []byte {
	b = append(b, "INCOMPLETE ["...)
	b = strconv.AppendInt(b, int64(max(bytes, 0)), 10)
	return append(b, " bytes] "...)
}
