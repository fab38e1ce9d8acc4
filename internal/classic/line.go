package classic

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// bufferSize is what the kernel's log buffer holds, S_SIZE in nf_log.c, less
// the level's two bytes and the final zero. An addition that does not fit ends
// the line; only long chains of IPv6 extension headers get there.
const bufferSize = 1024 - 4 - 1 - 2 - 1

// AppendLine appends the text that the LOG target with the options o writes
// for the packet of r: prefix first, a space last, no newline.
//
// r.Packet.Raw is authoritative where it is present; a field that neither it
// nor the record knows is left out, tag and all. MAC= stands wherever IN= names
// a device, as in the kernel; it is empty where no link header is known. UID=
// and GID= stand where the record knows both and the packet is not forwarded.
func AppendLine(b []byte, r *reset.Reset, o Options) []byte {
	start := len(b)
	b = appendCommon(b, r, o)
	if r.Interface.In != "" {
		b = appendMAC(b, r, o)
	}
	b, whole := appendPacket(b, r, o)
	if whole {
		b = appendOwner(b, r, o)
	}
	if len(b)-start > bufferSize {
		b = b[:start+bufferSize]
	}
	return b
}

// appendCommon is nf_log_dump_packet_common.
func appendCommon(b []byte, r *reset.Reset, o Options) []byte {
	if isClean(o.Prefix) && len(o.Prefix) <= MaxPrefixNFTables {
		b = append(b, o.Prefix...)
	} else {
		b = append(b, CleanPrefix(o.Prefix, MaxPrefixNFTables)...)
	}
	b = appendName(b, "IN=", r.Interface.In)
	b = appendName(b, "OUT=", r.Interface.Out)
	if name := r.Interface.PhysIn; name != "" && name != r.Interface.In {
		b = appendName(b, "PHYSIN=", name)
	}
	if name := r.Interface.PhysOut; name != "" && name != r.Interface.Out {
		b = appendName(b, "PHYSOUT=", name)
	}
	return b
}

func appendName(b []byte, tag, name string) []byte {
	b = append(b, tag...)
	b = appendClean(b, name)
	return append(b, ' ')
}

// appendPacket chooses dump_ipv4_packet or dump_ipv6_packet. whole is false
// where the kernel stops before UID= and MARK=.
func appendPacket(b []byte, r *reset.Reset, o Options) (line []byte, whole bool) {
	raw := r.Packet.Raw
	switch {
	case len(raw) >= ipv4Header && raw[0]>>4 == 4:
		return appendIPv4(b, r, o)
	case len(raw) >= ipv6Header && raw[0]>>4 == 6:
		return appendIPv6(b, r, o)
	}
	return appendFields(b, r, o), true
}

// appendOwner is the end of both dump functions.
func appendOwner(b []byte, r *reset.Reset, o Options) []byte {
	if p := r.Process; o.UID && p != nil && p.UID.OK && p.GID.OK && r.Direction != reset.Forward {
		b = appendDecimal(b, "UID=", uint64(p.UID.V))
		b = appendDecimal(b, "GID=", uint64(p.GID.V))
	}
	if mark := r.Packet.Mark; mark.OK && mark.V != 0 {
		b = append(b, "MARK=0x"...)
		b = strconv.AppendUint(b, uint64(mark.V), 16)
		b = append(b, ' ')
	}
	return b
}

const (
	hexLower = "0123456789abcdef"
	hexUpper = "0123456789ABCDEF"
)

func appendDecimal(b []byte, tag string, v uint64) []byte {
	b = append(b, tag...)
	b = strconv.AppendUint(b, v, 10)
	return append(b, ' ')
}

// appendHex2 is the kernel's 0x%02x or, with hexUpper, 0x%02X.
func appendHex2(b []byte, tag, digits string, v uint8) []byte {
	b = append(b, tag...)
	return append(b, '0', 'x', digits[v>>4], digits[v&15], ' ')
}

// appendOptions is the kernel's "OPT (%02X…) ".
func appendOptions(b, options []byte) []byte {
	b = append(b, "OPT ("...)
	for _, c := range options {
		b = append(b, hexUpper[c>>4], hexUpper[c&15])
	}
	return append(b, ") "...)
}

// appendAddress is %pI4 or %pI6: IPv6 in full, eight groups of four digits.
func appendAddress(b []byte, tag string, ip netip.Addr) []byte {
	b = append(b, tag...)
	if ip.Is4() {
		b = ip.AppendTo(b)
		return append(b, ' ')
	}
	a := ip.As16()
	for i, c := range a {
		if i > 0 && i%2 == 0 {
			b = append(b, ':')
		}
		b = append(b, hexLower[c>>4], hexLower[c&15])
	}
	return append(b, ' ')
}

func be16(p []byte) uint16 { return binary.BigEndian.Uint16(p) }
func be32(p []byte) uint32 { return binary.BigEndian.Uint32(p) }
