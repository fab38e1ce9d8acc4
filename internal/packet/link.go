package packet

import (
	"encoding/binary"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	macLength      = 6
	ethernetLength = 14
	tagLength      = 4
	maxTags        = 2
)

// DecodeLink reads an Ethernet II header with up to two VLAN tags (IEEE
// 802.1Q, 802.1ad) and sets MACSrc and MACDst to slices of it, and VLAN to the
// number in the outermost tag. Where the header has no tag, VLAN is left
// alone: a device that strips tags hands the number over beside the header.
// A header of another length, or one whose tags do not fill it, is some other
// link layer's: then nothing is set.
func DecodeLink(header []byte, into *reset.Packet) {
	tags := (len(header) - ethernetLength) / tagLength
	if tags < 0 || tags > maxTags || len(header) != ethernetLength+tags*tagLength {
		return
	}
	at := 2 * macLength
	for range tags {
		if !isTag(binary.BigEndian.Uint16(header[at : at+2])) {
			return
		}
		at += tagLength
	}
	into.MACDst = reset.MAC(header[0:macLength:macLength])
	into.MACSrc = reset.MAC(header[macLength : 2*macLength : 2*macLength])
	if tags > 0 {
		into.VLAN = reset.Some(binary.BigEndian.Uint16(header[14:16]) & 0xfff)
	}
}

// isTag reports whether an EtherType announces a VLAN tag: 802.1Q, 802.1ad,
// and the number that was in use before 802.1ad, as libpcap has them.
func isTag(etherType uint16) bool {
	return etherType == 0x8100 || etherType == 0x88a8 || etherType == 0x9100
}
