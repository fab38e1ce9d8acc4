package nflog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Packet is one logged packet. Its slices point into the buffer that was
// parsed. Numbers of devices are 0 where there is none.
type Packet struct {
	Family uint8  // AF_INET, AF_INET6 or AF_BRIDGE: of the hook
	Group  uint16 // of the rule
	Hook   uint8  // NF_INET_LOCAL_IN, …; those of the bridge family have the same numbers

	Mark             reset.Opt[uint32]
	Sec, Usec        uint64 // wall clock; 0 where the packet bears no time
	In, Out          uint32 // interface indexes
	PhysIn, PhysOut  uint32 // bridge ports
	SenderAddress    []byte // link-layer address, where the device has one
	HardwareType     uint16 // ARPHRD_*
	HardwareHeader   []byte // the link header, of packets that a device received
	Payload          []byte // from the IP header, cut to the length asked for
	Prefix           string // of the rule
	UID, GID         reset.Opt[uint32]
	Sequence         reset.Opt[uint32] // counts the packets of this group since it was bound
	ConntrackDetails bool              // whether conntrack attributes came along, which are not read
}

// Message types and attributes of nfnetlink_log.h.
const (
	messagePacket = 0
	messageConfig = 1

	attrPacketHeader   = 1
	attrMark           = 2
	attrTimestamp      = 3
	attrIn             = 4
	attrOut            = 5
	attrPhysIn         = 6
	attrPhysOut        = 7
	attrAddress        = 8
	attrPayload        = 9
	attrPrefix         = 10
	attrUID            = 11
	attrSequence       = 12
	attrGID            = 14
	attrHardwareType   = 15
	attrHardwareHeader = 16
	attrHardwareLength = 17
	attrConntrack      = 18
)

const (
	messageHeader = 16     // struct nlmsghdr
	genericHeader = 4      // struct nfgenmsg
	attrHeader    = 4      // struct nlattr
	attrTypeMask  = 0x3fff // NLA_TYPE_MASK: the rest are flags
)

// ErrMalformed is returned for what no kernel writes.
var ErrMalformed = errors.New("malformed nflog message")

// Parse reads the messages of one datagram of an nflog socket and calls fn for
// every packet among them. The Packet is used again for the next one.
func Parse(datagram []byte, fn func(*Packet)) error {
	order := binary.NativeEndian
	var p Packet
	for len(datagram) >= messageHeader {
		length := int(order.Uint32(datagram))
		if length < messageHeader || length > len(datagram) {
			return fmt.Errorf("%w: length %d of %d bytes", ErrMalformed, length, len(datagram))
		}
		kind := order.Uint16(datagram[4:])
		if kind == unix.NFNL_SUBSYS_ULOG<<8|messagePacket {
			if err := p.parse(datagram[messageHeader:length]); err != nil {
				return err
			}
			fn(&p)
		}
		datagram = datagram[min(align(length), len(datagram)):]
	}
	if len(datagram) > 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrMalformed, len(datagram))
	}
	return nil
}

func align(n int) int { return (n + 3) &^ 3 }

// parse reads one message from its nfgenmsg on.
func (p *Packet) parse(message []byte) error {
	if len(message) < genericHeader {
		return fmt.Errorf("%w: no header", ErrMalformed)
	}
	*p = Packet{Family: message[0], Group: binary.BigEndian.Uint16(message[2:])}
	hardwareLength := -1
	for rest := message[genericHeader:]; len(rest) >= attrHeader; {
		length := int(binary.NativeEndian.Uint16(rest))
		kind := binary.NativeEndian.Uint16(rest[2:]) & attrTypeMask
		if length < attrHeader || length > len(rest) {
			return fmt.Errorf("%w: attribute %d of %d bytes", ErrMalformed, kind, length)
		}
		value := rest[attrHeader:length:length]
		rest = rest[min(align(length), len(rest)):]
		switch {
		case kind == attrHardwareLength && len(value) >= 2:
			hardwareLength = int(binary.BigEndian.Uint16(value))
		default:
			p.set(kind, value)
		}
	}
	if hardwareLength >= 0 && hardwareLength < len(p.HardwareHeader) {
		p.HardwareHeader = p.HardwareHeader[:hardwareLength]
	}
	return nil
}

// set takes one attribute. One that is too short is as one that is not there.
func (p *Packet) set(kind uint16, value []byte) {
	order := binary.BigEndian
	switch {
	case kind == attrPayload:
		p.Payload = value
	case kind == attrHardwareHeader:
		p.HardwareHeader = value
	case kind == attrPrefix:
		p.Prefix = unix.ByteSliceToString(value)
	case kind == attrConntrack:
		p.ConntrackDetails = true
	case kind == attrHardwareType && len(value) >= 2:
		p.HardwareType = order.Uint16(value)
	case kind == attrTimestamp && len(value) >= 16:
		p.Sec, p.Usec = order.Uint64(value), order.Uint64(value[8:])
	case kind == attrAddress && len(value) >= 4:
		p.SenderAddress = value[4:min(4+int(order.Uint16(value)), len(value))]
	case len(value) < 4:
	case kind == attrPacketHeader:
		p.Hook = value[2]
	default:
		p.setNumber(kind, order.Uint32(value))
	}
}

func (p *Packet) setNumber(kind uint16, v uint32) {
	switch kind {
	case attrMark:
		p.Mark = reset.Some(v)
	case attrIn:
		p.In = v
	case attrOut:
		p.Out = v
	case attrPhysIn:
		p.PhysIn = v
	case attrPhysOut:
		p.PhysOut = v
	case attrUID:
		p.UID = reset.Some(v)
	case attrGID:
		p.GID = reset.Some(v)
	case attrSequence:
		p.Sequence = reset.Some(v)
	}
}
