package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// errRecord is what every record that cannot be decoded wraps: a block whose
// checksum is right and whose content is not, which no writer of ours makes.
var errRecord = errors.New("record does not decode")

// cursor walks the fields of one message. value holds a varint, fixed32 or
// fixed64; data is a slice of the input.
type cursor struct {
	rest  []byte
	field protowire.Number
	kind  protowire.Type
	value uint64
	data  []byte
	err   error
}

// next reads one field; it is false at the end and at an error.
func (c *cursor) next() bool {
	if c.err != nil || len(c.rest) == 0 {
		return false
	}
	field, kind, n := protowire.ConsumeTag(c.rest)
	if n < 0 {
		return c.fail("bad tag")
	}
	c.rest, c.field, c.kind, c.data = c.rest[n:], field, kind, nil
	switch kind {
	case protowire.VarintType:
		c.value, n = protowire.ConsumeVarint(c.rest)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(c.rest)
		c.value = uint64(v)
	case protowire.Fixed64Type:
		c.value, n = protowire.ConsumeFixed64(c.rest)
	case protowire.BytesType:
		c.data, n = protowire.ConsumeBytes(c.rest)
		c.value = 0
	default:
		return c.fail("bad wire type")
	}
	if n < 0 {
		return c.fail("field ends early")
	}
	c.rest = c.rest[n:]
	return true
}

func (c *cursor) fail(why string) bool {
	if c.err == nil {
		c.err = fmt.Errorf("field %d: %s: %w", c.field, why, errRecord)
	}
	return false
}

// message returns a cursor over the nested message at hand.
func (c *cursor) message() cursor {
	if c.kind != protowire.BytesType {
		c.fail("not a message")
	}
	return cursor{rest: c.data, err: c.err}
}

func (c *cursor) signed() int64 { return protowire.DecodeZigZag(c.value) }

func (c *cursor) time() reset.Time { return reset.Time(c.signed()) }

func (c *cursor) truth() bool { return c.value != 0 }

// id reads 16 bytes.
func (c *cursor) id() (id reset.ID) {
	if len(c.data) != len(id) {
		c.fail("not an id")
		return id
	}
	copy(id[:], c.data)
	return id
}

// ids reads a list of ids.
func (c *cursor) ids() []reset.ID {
	const size = len(reset.ID{})
	if len(c.data)%size != 0 || len(c.data) > maxList*size {
		c.fail("not a list of ids")
		return nil
	}
	list := make([]reset.ID, len(c.data)/size)
	for i := range list {
		copy(list[i][:], c.data[i*size:])
	}
	return list
}

// endpoint reads what appendEndpoint wrote.
func (c *cursor) endpoint() reset.Endpoint {
	d := c.data
	switch {
	case len(d) == 6:
		return reset.Endpoint{AddrPort: netip.AddrPortFrom(netip.AddrFrom4([4]byte(d)), binary.BigEndian.Uint16(d[4:]))}
	case len(d) >= 18 && len(d) < 18+256:
		ip := netip.AddrFrom16([16]byte(d))
		if len(d) > 18 {
			ip = ip.WithZone(string(d[18:]))
		}
		return reset.Endpoint{AddrPort: netip.AddrPortFrom(ip, binary.BigEndian.Uint16(d[16:]))}
	}
	c.fail("not an endpoint")
	return reset.Endpoint{}
}

// small reads a varint into a type that may be narrower than what is there.
func small[T ~uint8 | ~uint16 | ~uint32 | ~uint64](c *cursor) T {
	v := T(c.value)
	if uint64(v) != c.value {
		c.fail("number out of range")
	}
	return v
}

func opt[T ~uint8 | ~uint16 | ~uint32 | ~uint64](c *cursor) reset.Opt[T] {
	return reset.Some(small[T](c))
}

func optSigned(c *cursor) reset.Opt[int64] { return reset.Some(c.signed()) }
