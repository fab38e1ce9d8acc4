package wire

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// frame is one packet as the ring holds it.
type frame struct {
	data     []byte // from the link header, or from the IP header where the device has none
	network  int    // offset of the network header in data, as the kernel believes
	device   int32  // interface index
	hardware uint16 // ARPHRD_*
	kind     uint8  // PACKET_HOST, PACKET_OUTGOING, …
	tag      uint16 // VLAN tag that the kernel took out of the frame
	tagType  uint16 // its EtherType; 0: no tag was taken out
	sec      uint32 // wall clock
	nsec     uint32
}

const (
	etherHeader = 14
	tagLength   = 4
	maxTags     = 2
	vlanMask    = 0xfff
)

// split finds the IP header. link is what precedes it, where that is an
// Ethernet header; a tag that the kernel had taken out is not in it.
func (f *frame) split() (link, ip []byte, ok bool) {
	if f.hardware != unix.ARPHRD_ETHER && f.hardware != unix.ARPHRD_LOOPBACK {
		if f.network < 0 || f.network >= len(f.data) {
			return nil, nil, false
		}
		return nil, f.data[f.network:], true
	}
	end := etherHeader
	for range maxTags + 1 {
		if len(f.data) <= end {
			return nil, nil, false
		}
		switch binary.BigEndian.Uint16(f.data[end-2 : end]) {
		case etherTypeIPv4, etherTypeIPv6:
			return f.data[:end:end], f.data[end:], true
		case 0x8100, 0x88a8, 0x9100:
			end += tagLength
		default:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// withTag puts the tag that the kernel took out back where it was on the wire,
// so that the kept header tells the whole truth. The new header is appended to
// scratch, of which the grown slice is returned.
func (f *frame) withTag(link, scratch []byte) (tagged, grown []byte) {
	if f.tagType == 0 || len(link) < etherHeader || len(link) >= etherHeader+maxTags*tagLength {
		return link, scratch
	}
	start := len(scratch)
	scratch = append(scratch, link[:etherHeader-2]...)
	scratch = binary.BigEndian.AppendUint16(scratch, f.tagType)
	scratch = binary.BigEndian.AppendUint16(scratch, f.tag)
	scratch = append(scratch, link[etherHeader-2:]...)
	return scratch[start:len(scratch):len(scratch)], scratch
}

// decode fills a sighting with what the frame says, as slices of it and of
// scratch. It reports false for what is not a reset: of packets with IPv6
// extension headers the filter passes all.
func (f *frame) decode(s *reset.Sighting, keepPayload bool, scratch []byte) (grown []byte, ok bool) {
	link, ip, ok := f.split()
	if !ok {
		return scratch, false
	}
	p := &s.Packet
	src, dst, err := packet.Decode(ip, p)
	if p.Flags&reset.RST == 0 {
		return scratch, false
	}
	// A header that contradicts itself is kept: it went over the wire.
	headers := packet.HeaderLength(ip)
	if err == nil && keepPayload {
		if payload := packet.PayloadOf(ip); len(payload) > 0 {
			p.Payload = payload
			headers += len(payload)
		}
	}
	p.Raw = ip[:headers:headers]
	p.Captured = reset.Some(uint32(headers))
	if f.tagType != 0 {
		p.VLAN = reset.Some(f.tag & vlanMask)
	}
	link, scratch = f.withTag(link, scratch)
	p.LinkHeader = link
	packet.DecodeLink(link, p)
	s.Source, s.Src, s.Dst = reset.AFPacket, src, dst
	s.Hook = reset.HookWireIn
	if f.kind == unix.PACKET_OUTGOING {
		s.Hook = reset.HookWireOut
	}
	s.OtherHost = f.kind == unix.PACKET_OTHERHOST
	return scratch, true
}
