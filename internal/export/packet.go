package export

import (
	"encoding/binary"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// packetOf is a record's packet as a capture has it: its bytes, how long it was,
// and the LINKTYPE_. It is nil where the record does not even say the addresses.
func packetOf(r *reset.Reset) (data []byte, whole int, link uint16) {
	p := &r.Packet
	switch {
	case len(p.Raw) > 0 && carries(p.LinkHeader, p.Raw):
		data, link = append(append(data, p.LinkHeader...), p.Raw...), linkEthernet
		whole = len(p.LinkHeader) + int(p.Length.V)
	case len(p.Raw) > 0:
		data, whole, link = append(data, p.Raw...), int(p.Length.V), linkRaw
	case !r.Src.IsZero() && !r.Dst.IsZero():
		data, link = rebuilt(r), linkRaw
		whole = len(data)
	}
	return data, whole, link
}

// carries reports whether an Ethernet header says what follows: behind that of a
// tunnel something else does.
func carries(header, raw []byte) bool {
	if len(header) < 14 {
		return false
	}
	kind := binary.BigEndian.Uint16(header[len(header)-2:])
	return kind == 0x0800 && raw[0]>>4 == 4 || kind == 0x86dd && raw[0]>>4 == 6
}

// rebuilt makes headers of what the record says; what it does not say is zero.
func rebuilt(r *reset.Reset) []byte {
	p := &r.Packet
	options := p.TCPOptions[:min(len(p.TCPOptions)&^3, 40)]
	tcp := make([]byte, 20, 60)
	binary.BigEndian.PutUint16(tcp[0:], r.Src.Port())
	binary.BigEndian.PutUint16(tcp[2:], r.Dst.Port())
	binary.BigEndian.PutUint32(tcp[4:], p.Seq.V)
	binary.BigEndian.PutUint32(tcp[8:], p.Ack.V)
	tcp[12], tcp[13] = byte((20+len(options))/4)<<4|p.Reserved.V&15, byte(p.Flags|reset.RST)
	binary.BigEndian.PutUint16(tcp[14:], p.Window.V)
	binary.BigEndian.PutUint16(tcp[18:], p.Urgent.V)
	tcp = append(tcp, options...)
	src, dst := r.Src.Addr().Unmap(), r.Dst.Addr().Unmap()
	if src.Is4() && dst.Is4() {
		ip := make([]byte, 20, 80)
		ip[0], ip[1], ip[8], ip[9] = 0x45, p.TOS.V, p.TTL.V, 6
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(tcp)))
		binary.BigEndian.PutUint16(ip[4:], p.IPID.V)
		if p.DF.V {
			ip[6] = 0x40
		}
		copy(ip[12:], src.AsSlice())
		copy(ip[16:], dst.AsSlice())
		return append(ip, tcp...)
	}
	ip := make([]byte, 40, 100)
	binary.BigEndian.PutUint32(ip, 6<<28|uint32(p.TOS.V)<<20|p.FlowLabel.V&0xfffff)
	binary.BigEndian.PutUint16(ip[4:], uint16(len(tcp)))
	ip[6], ip[7] = 6, p.TTL.V
	from, to := r.Src.Addr().As16(), r.Dst.Addr().As16()
	copy(ip[8:], from[:])
	copy(ip[24:], to[:])
	return append(ip, tcp...)
}
