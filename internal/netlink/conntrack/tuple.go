package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The attributes of a connection and of a tuple.
const (
	tupleOriginal = 1 // CTA_TUPLE_ORIG
	tupleReply    = 2 // CTA_TUPLE_REPLY
	status        = 3 // CTA_STATUS

	tupleIP    = 1 // CTA_TUPLE_IP
	tupleProto = 2 // CTA_TUPLE_PROTO

	ip4Source = 1 // CTA_IP_V4_SRC
	ip4Target = 2
	ip6Source = 3
	ip6Target = 4

	protoNumber = 1 // CTA_PROTO_NUM
	protoSource = 2 // CTA_PROTO_SRC_PORT
	protoTarget = 3
)

// generalHeader is struct nfgenmsg: family, version, resource.
const generalHeader = 4

// ErrMalformed means that a message is not what the kernel writes.
var ErrMalformed = errors.New("malformed message of conntrack")

// Connection is what conntrack knows of one: the tuples of its two directions,
// each as it comes in. Without translation the one is the other, turned round.
type Connection struct {
	Original reset.Tuple
	Reply    reset.Tuple
	Status   uint32 // bits of enum ip_conntrack_status
}

// Translated tells whether an address or port is translated.
func (c Connection) Translated() bool {
	return c.Original.Src != c.Reply.Dst || c.Original.Dst != c.Reply.Src
}

// question is the message that asks for the connection to which a tuple
// belongs, in whichever direction.
func question(t reset.Tuple) ([]byte, error) {
	family, source, target := byte(unix.AF_INET), uint16(ip4Source), uint16(ip4Target)
	if !t.Src.Addr().Is4() {
		family, source, target = unix.AF_INET6, ip6Source, ip6Target
	}
	encoder := netlink.NewAttributeEncoder()
	encoder.ByteOrder = binary.BigEndian
	encoder.Nested(tupleOriginal, func(e *netlink.AttributeEncoder) error {
		e.Nested(tupleIP, func(e *netlink.AttributeEncoder) error {
			e.Bytes(source, t.Src.Addr().AsSlice())
			e.Bytes(target, t.Dst.Addr().AsSlice())
			return nil
		})
		e.Nested(tupleProto, func(e *netlink.AttributeEncoder) error {
			e.Uint8(protoNumber, unix.IPPROTO_TCP)
			e.Uint16(protoSource, t.Src.Port())
			e.Uint16(protoTarget, t.Dst.Port())
			return nil
		})
		return nil
	})
	attributes, err := encoder.Encode()
	if err != nil {
		return nil, fmt.Errorf("asking conntrack: %w", err)
	}
	return append([]byte{family, unix.NFNETLINK_V0, 0, 0}, attributes...), nil
}

// Parse reads the kernel's message on a connection.
func Parse(message []byte) (c Connection, err error) {
	if len(message) < generalHeader {
		return c, ErrMalformed
	}
	decoder, err := netlink.NewAttributeDecoder(message[generalHeader:])
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	decoder.ByteOrder = binary.BigEndian
	for decoder.Next() {
		switch decoder.Type() {
		case tupleOriginal:
			decoder.Nested(tupleInto(&c.Original))
		case tupleReply:
			decoder.Nested(tupleInto(&c.Reply))
		case status:
			c.Status = decoder.Uint32()
		}
	}
	if err := decoder.Err(); err != nil {
		return Connection{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for _, e := range []reset.Endpoint{c.Original.Src, c.Original.Dst, c.Reply.Src, c.Reply.Dst} {
		if !e.Addr().IsValid() {
			return Connection{}, fmt.Errorf("%w: an address is missing", ErrMalformed)
		}
	}
	return c, nil
}

// tupleInto reads a tuple.
func tupleInto(t *reset.Tuple) func(*netlink.AttributeDecoder) error {
	return func(d *netlink.AttributeDecoder) error {
		var src, dst netip.Addr
		var from, to uint16
		for d.Next() {
			switch d.Type() {
			case tupleIP:
				d.Nested(func(d *netlink.AttributeDecoder) error {
					src, dst = addresses(d)
					return nil
				})
			case tupleProto:
				d.Nested(func(d *netlink.AttributeDecoder) error {
					from, to = ports(d)
					return nil
				})
			}
		}
		if src.BitLen() != dst.BitLen() {
			return ErrMalformed
		}
		t.Src = reset.Endpoint{AddrPort: netip.AddrPortFrom(src, from)}
		t.Dst = reset.Endpoint{AddrPort: netip.AddrPortFrom(dst, to)}
		return nil
	}
}

func addresses(d *netlink.AttributeDecoder) (src, dst netip.Addr) {
	for d.Next() {
		switch a, _ := netip.AddrFromSlice(d.Bytes()); d.Type() {
		case ip4Source, ip6Source:
			src = a
		case ip4Target, ip6Target:
			dst = a
		}
	}
	return src, dst
}

func ports(d *netlink.AttributeDecoder) (from, to uint16) {
	for d.Next() {
		switch d.Type() {
		case protoSource:
			from = d.Uint16()
		case protoTarget:
			to = d.Uint16()
		}
	}
	return from, to
}
