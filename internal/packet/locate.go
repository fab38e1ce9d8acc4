package packet

import "encoding/binary"

const (
	ipv4Fixed = 20
	ipv6Fixed = 40
	tcpFixed  = 20

	protocolTCP = 6 // IANA protocol numbers, for these and the following
	hopByHop    = 0
	routing     = 43
	fragment    = 44
	auth        = 51
	destOptions = 60

	maxExtensions = 16
)

// layout says where things are in a packet. Offsets count from the IP header.
type layout struct {
	version byte
	length  uint32 // as the IP header says; 0 where it does not say
	tcp     int    // offset of the TCP header, 0 if it was not found
	end     int    // end of the packet in the captured bytes: padding is beyond it
	last    int    // where the packet ends if it was captured whole
}

// locate finds the TCP header. The layout holds what was found even if err is
// not nil; version is 0 if the fixed IP header is not there whole.
func locate(raw []byte) (layout, error) {
	if len(raw) == 0 {
		return layout{}, ErrTruncated
	}
	switch raw[0] >> 4 {
	case 4:
		return locateIPv4(raw)
	case 6:
		return locateIPv6(raw)
	}
	return layout{}, ErrNotIP
}

// locateIPv4 reads the lengths of RFC 791, 3.1.
func locateIPv4(raw []byte) (layout, error) {
	if len(raw) < ipv4Fixed {
		return layout{}, ErrTruncated
	}
	header := int(raw[0]&15) * 4
	total := int(binary.BigEndian.Uint16(raw[2:4]))
	l := layout{version: 4, length: uint32(total)}
	l.bound(len(raw), total)
	if header < ipv4Fixed || header > l.last {
		return l, ErrMalformed
	}
	if binary.BigEndian.Uint16(raw[6:8])&0x1fff != 0 {
		return l, ErrLaterFragment
	}
	next := raw[9]
	if next == auth { // RFC 4302: what it vouches for is plain
		length, following, err := l.extension(raw, header, next)
		if err != nil {
			return l, err
		}
		header, next = header+length, following
	}
	if next != protocolTCP {
		return l, ErrNotTCP
	}
	if header > l.end {
		return l, ErrTruncated
	}
	l.tcp = header
	return l, nil
}

// bound sets the ends of the packet. A length of 0 is what the kernel writes
// into packets too long for the field (and a jumbogram's, RFC 2675): then the
// captured bytes are all that is known.
func (l *layout) bound(captured, total int) {
	if total == 0 {
		l.end, l.last = captured, 1<<31-1
		return
	}
	l.end, l.last = min(captured, total), total
}

// locateIPv6 walks the extension headers of RFC 8200, 4, those that the
// kernel's ipv6_ext_hdr knows.
func locateIPv6(raw []byte) (layout, error) {
	if len(raw) < ipv6Fixed {
		return layout{}, ErrTruncated
	}
	l := layout{version: 6}
	total := int(binary.BigEndian.Uint16(raw[4:6]))
	if total != 0 {
		total += ipv6Fixed
	}
	l.length = uint32(total)
	l.bound(len(raw), total)
	at, next := ipv6Fixed, raw[6]
	for range maxExtensions {
		if next == protocolTCP {
			l.tcp = at
			return l, nil
		}
		length, following, err := l.extension(raw, at, next)
		if err != nil {
			return l, err
		}
		at, next = at+length, following
	}
	if next == protocolTCP {
		l.tcp = at
		return l, nil
	}
	return l, ErrTooManyHeaders
}

// extension reads the extension header of the given kind at offset at, and
// returns its length in bytes and the kind of the header after it.
func (l *layout) extension(raw []byte, at int, kind byte) (length int, next byte, err error) {
	switch kind {
	case hopByHop, routing, fragment, auth, destOptions:
	default:
		return 0, 0, ErrNotTCP
	}
	if at+8 > l.last {
		return 0, 0, ErrMalformed
	}
	if at+8 > l.end {
		return 0, 0, ErrTruncated
	}
	header := raw[at : at+8]
	length = (int(header[1]) + 1) * 8
	switch kind {
	case fragment:
		if binary.BigEndian.Uint16(header[2:4])&0xfff8 != 0 {
			return 0, 0, ErrLaterFragment
		}
		length = 8
	case auth: // RFC 4302, 2.2: in words of four bytes, minus two
		length = (int(header[1]) + 2) * 4
	}
	if at+length > l.last {
		return 0, 0, ErrMalformed
	}
	if at+length > l.end {
		return 0, 0, ErrTruncated
	}
	return length, header[0], nil
}

// tcpHeader returns the 20 fixed bytes of the TCP header, its options as far
// as they were captured, and the offset of the payload. With ErrMalformed the
// fixed bytes are still right, if they are there.
func (l *layout) tcpHeader(raw []byte) (fixed, options []byte, payload int, err error) {
	if l.tcp+tcpFixed > l.last {
		return nil, nil, 0, ErrMalformed
	}
	if l.tcp+tcpFixed > l.end {
		return nil, nil, 0, ErrTruncated
	}
	fixed = raw[l.tcp : l.tcp+tcpFixed]
	payload = l.tcp + int(fixed[12]>>4)*4
	if payload < l.tcp+tcpFixed || payload > l.last {
		return fixed, nil, 0, ErrMalformed
	}
	if payload > l.tcp+tcpFixed {
		end := min(payload, l.end)
		if end > l.tcp+tcpFixed {
			options = raw[l.tcp+tcpFixed : end : end]
		}
	}
	return fixed, options, payload, nil
}
