package capture

import (
	"encoding/binary"
	"strconv"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// LINKTYPE_ numbers of the registry of the tcpdump project.
const (
	linkNull     = 0
	linkPPP      = 9
	linkFDDI     = 10
	linkPPPHDLC  = 50
	linkPPPoE    = 51
	linkWLAN     = 105
	linkPrism    = 119
	linkRadiotap = 127
	linkAVS      = 163
	linkPPPWay   = 204 // PPP with a byte for the direction
	linkEthernet = 1
	linkRaw12    = 12 // DLT_RAW of most systems, in files of old writers
	linkRaw14    = 14 // and of OpenBSD
	linkRaw      = 101
	linkLoop     = 108
	linkCooked   = 113 // Linux, captured on "any"
	linkIPv4     = 228
	linkIPv6     = 229
	linkCooked2  = 276
)

// linkNames are those that are known here, and some more by which a message is
// easier to understand.
var linkNames = map[uint32]string{
	linkNull: "BSD loopback", linkEthernet: "Ethernet", linkRaw12: "raw IP", linkRaw14: "raw IP", linkRaw: "raw IP",
	linkLoop: "OpenBSD loopback", linkCooked: "Linux cooked", linkIPv4: "IPv4", linkIPv6: "IPv6", linkCooked2: "Linux cooked v2",
	linkPPP: "PPP", linkFDDI: "FDDI", linkPPPHDLC: "PPP with HDLC", linkPPPoE: "PPPoE", linkWLAN: "IEEE 802.11",
	linkPrism: "IEEE 802.11 with Prism", linkRadiotap: "IEEE 802.11 with radiotap", linkAVS: "IEEE 802.11 with AVS",
	linkPPPWay: "PPP with direction",
	6:          "Token Ring", 147: "private use", 187: "Bluetooth HCI", 189: "USB", 195: "IEEE 802.15.4",
	201: "Bluetooth HCI", 220: "USB", 227: "CAN", 239: "NFLOG", 249: "USB", 253: "Netlink", 272: "nRF sniffer",
}

// linkName names a link type for people.
func linkName(link uint32) string {
	if name, known := linkNames[link]; known {
		return name
	}
	return "LINKTYPE_" + strconv.FormatUint(uint64(link), 10)
}

// knownLink reports whether frames of that kind can be read.
func knownLink(link uint32) bool {
	switch link {
	case linkNull, linkEthernet, linkRaw12, linkRaw14, linkRaw, linkLoop, linkCooked, linkIPv4, linkIPv6, linkCooked2,
		linkPPP, linkFDDI, linkPPPHDLC, linkPPPoE, linkPPPWay, linkWLAN, linkPrism, linkRadiotap, linkAVS:
		return true
	}
	return false
}

const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	maxTags   = 4
)

// network returns the length of the link layer's header, tags included; ok is
// false where what follows is no IP packet, or was not captured.
func network(link uint32, data []byte) (header int, ok bool) {
	switch link {
	case linkEthernet:
		return tagged(data, 12)
	case linkRaw, linkRaw12, linkRaw14, linkIPv4, linkIPv6:
		return 0, true
	case linkCooked:
		return tagged(data, 14)
	case linkCooked2:
		if len(data) < 20 {
			return 0, false
		}
		return cooked2(data)
	case linkNull, linkLoop:
		return 4, len(data) > 4 && isIP(data[4])
	}
	return 0, false
}

// tagged reads the EtherType at an offset and passes VLAN tags over.
func tagged(data []byte, at int) (header int, ok bool) {
	for range maxTags + 1 {
		if len(data) < at+2 {
			return 0, false
		}
		switch binary.BigEndian.Uint16(data[at:]) {
		case etherIPv4, etherIPv6:
			return at + 2, true
		case 0x8100, 0x88a8, 0x9100:
			at += 4
		default:
			return 0, false
		}
	}
	return 0, false
}

// cooked2 reads the header whose protocol stands first.
func cooked2(data []byte) (header int, ok bool) {
	switch binary.BigEndian.Uint16(data) {
	case etherIPv4, etherIPv6:
		return 20, true
	case 0x8100, 0x88a8, 0x9100:
		return tagged(data, 22)
	}
	return 0, false
}

func isIP(first byte) bool { return first>>4 == 4 || first>>4 == 6 }

// linkFacts is what a link layer's header says of a packet.
type linkFacts struct {
	src, dst  reset.MAC
	vlan      reset.Opt[uint16]
	direction reset.Direction
	device    uint32 // the interface's number, where one file has several
	header    []byte // as a record keeps it: Ethernet's alone
}

// readLink reads the header of the given length. The slices are of data.
func readLink(link uint32, data []byte, header int) (f linkFacts) {
	head := data[:header:header]
	switch link {
	case linkEthernet:
		f.dst, f.src = reset.MAC(head[0:6:6]), reset.MAC(head[6:12:12])
		if header >= 18 {
			f.vlan = reset.Some(binary.BigEndian.Uint16(head[14:]) & 0xfff)
		}
		if header <= 22 {
			f.header = head
		}
	case linkCooked:
		f.direction = cookedDirection(binary.BigEndian.Uint16(head[0:2]))
		f.src = cookedAddress(head[6:14], int(binary.BigEndian.Uint16(head[4:6])))
		if header >= 20 {
			f.vlan = reset.Some(binary.BigEndian.Uint16(head[16:]) & 0xfff)
		}
	case linkCooked2:
		f.direction = cookedDirection(uint16(head[10]))
		f.src = cookedAddress(head[12:20], int(head[11]))
		f.device = binary.BigEndian.Uint32(head[4:8])
		if header >= 24 {
			f.vlan = reset.Some(binary.BigEndian.Uint16(head[20:]) & 0xfff)
		}
	}
	return f
}

// cookedDirection reads a packet type of Linux (PACKET_HOST and others).
func cookedDirection(kind uint16) reset.Direction {
	if kind == 4 {
		return reset.Out
	}
	return reset.In
}

func cookedAddress(field []byte, length int) reset.MAC {
	if length != 6 {
		return nil
	}
	return reset.MAC(field[0:6:6])
}
