package classic

import "github.com/rstwatch/rstwatch/internal/reset"

const (
	etherHeader = 14
	typeIPv4    = 0x0800
	typeIPv6    = 0x86dd
	typeVLAN    = 0x8100 // 802.1Q
	typeQinQ    = 0x88a8 // 802.1ad
)

// appendMAC is dump_mac_header, which the kernel calls only for packets that a
// device has received.
func appendMAC(b []byte, r *reset.Reset, o Options) []byte {
	var scratch [etherHeader]byte
	header, tag := linkHeader(r, &scratch)
	if o.MACDecode && len(header) == etherHeader && !isLoopback(r, header) {
		b = append(appendMACAddress(append(b, "MACSRC="...), header[6:12]), ' ')
		b = append(appendMACAddress(append(b, "MACDST="...), header[0:6]), ' ')
		if len(tag) == 4 && r.Interface.PhysIn != "" {
			b = append(appendHex4(append(b, "VPROTO="...), be16(tag)), ' ')
			b = appendDecimal(b, "VID=", uint64(be16(tag[2:])))
		}
		b = append(b, "MACPROTO="...)
		b = appendHex4(b, be16(header[12:]))
		return append(b, ' ')
	}
	b = append(b, "MAC="...)
	b = appendMACAddress(b, header)
	return append(b, ' ')
}

// linkHeader returns the link header as it stands before the IP layer, where a
// VLAN tag has already been taken out, and the outer tag. Without a captured
// header an Ethernet header is made from the addresses, if both are known.
func linkHeader(r *reset.Reset, scratch *[etherHeader]byte) (header, tag []byte) {
	p := &r.Packet
	h := p.LinkHeader
	if len(h) == 0 {
		if len(p.MACDst) != 6 || len(p.MACSrc) != 6 {
			return nil, nil
		}
		return etherOf(scratch, p.MACDst, p.MACSrc, etherType(r)), nil
	}
	if len(h) < etherHeader+4 || !isVLAN(be16(h[12:])) {
		return h, nil
	}
	tag = h[12:16]
	at := 16
	for at+6 <= len(h) && isVLAN(be16(h[at:])) {
		at += 4
	}
	return etherOf(scratch, h[0:6], h[6:12], be16(h[at:])), tag
}

func etherOf(scratch *[etherHeader]byte, dst, src []byte, kind uint16) []byte {
	copy(scratch[0:6], dst)
	copy(scratch[6:12], src)
	scratch[12], scratch[13] = byte(kind>>8), byte(kind)
	return scratch[:]
}

func etherType(r *reset.Reset) uint16 {
	if r.Packet.Family == reset.IPv6 || r.Src.IsValid() && r.Src.Addr().Is6() {
		return typeIPv6
	}
	return typeIPv4
}

func isVLAN(kind uint16) bool { return kind == typeVLAN || kind == typeQinQ }

// isLoopback reports a device of type ARPHRD_LOOPBACK, whose header the kernel
// never decodes: its addresses are all zero.
func isLoopback(r *reset.Reset, header []byte) bool {
	return r.Interface.In == "lo" || [12]byte(header[:12]) == [12]byte{}
}

// appendMACAddress is the kernel's %02x:…, and its %pM.
func appendMACAddress(b, address []byte) []byte {
	for i, c := range address {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hexLower[c>>4], hexLower[c&15])
	}
	return b
}

func appendHex4(b []byte, v uint16) []byte {
	return append(b, hexLower[v>>12], hexLower[v>>8&15], hexLower[v>>4&15], hexLower[v&15])
}
