package journal

import (
	"encoding/binary"
	"math/bits"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The encoders of single fields, in protobuf's wire format. A value that is
// absent appends nothing.

func appendVarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendTag(b []byte, field protowire.Number, kind protowire.Type) []byte {
	tag := uint64(field)<<3 | uint64(kind)
	if tag < 0x80 {
		return append(b, byte(tag))
	}
	return append(b, byte(tag)|0x80, byte(tag>>7))
}

// appendValue appends a varint field whatever its value.
func appendValue(b []byte, field protowire.Number, v uint64) []byte {
	return appendVarint(appendTag(b, field, protowire.VarintType), v)
}

// appendUint appends a varint field unless it is 0.
func appendUint(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendValue(b, field, v)
}

func appendBool(b []byte, field protowire.Number, v bool) []byte {
	if !v {
		return b
	}
	return appendValue(b, field, 1)
}

func appendOpt[T ~uint8 | ~uint16 | ~uint32 | ~uint64](b []byte, field protowire.Number, v reset.Opt[T]) []byte {
	if !v.OK {
		return b
	}
	return appendValue(b, field, uint64(v.V))
}

func appendOptBool(b []byte, field protowire.Number, v reset.Opt[bool]) []byte {
	if !v.OK {
		return b
	}
	return appendValue(b, field, protowire.EncodeBool(v.V))
}

// appendSigned appends a zigzag field whatever its value.
func appendSigned(b []byte, field protowire.Number, v int64) []byte {
	return appendValue(b, field, protowire.EncodeZigZag(v))
}

func appendOptSigned[T ~int32 | ~int64](b []byte, field protowire.Number, v reset.Opt[T]) []byte {
	if !v.OK {
		return b
	}
	return appendSigned(b, field, int64(v.V))
}

func appendTime(b []byte, field protowire.Number, t reset.Time) []byte {
	if t == 0 {
		return b
	}
	return appendSigned(b, field, int64(t))
}

func appendHash(b []byte, field protowire.Number, v reset.Hash) []byte {
	if v == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint64(appendTag(b, field, protowire.Fixed64Type), uint64(v))
}

func appendOptFixed32(b []byte, field protowire.Number, v reset.Opt[uint32]) []byte {
	if !v.OK {
		return b
	}
	return binary.LittleEndian.AppendUint32(appendTag(b, field, protowire.Fixed32Type), v.V)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	b = appendVarint(appendTag(b, field, protowire.BytesType), uint64(len(v)))
	return append(b, v...)
}

func appendText(b []byte, field protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	b = appendVarint(appendTag(b, field, protowire.BytesType), uint64(len(v)))
	return append(b, v...)
}

func appendID(b []byte, field protowire.Number, id reset.ID) []byte {
	if id.IsZero() {
		return b
	}
	return append(append(appendTag(b, field, protowire.BytesType), byte(len(id))), id[:]...)
}

// appendEndpoint appends 6 bytes for IPv4 and 18 for IPv6, in network order,
// followed by the zone of a scoped address.
func appendEndpoint(b []byte, field protowire.Number, e reset.Endpoint) []byte {
	if e.IsZero() {
		return b
	}
	b = appendTag(b, field, protowire.BytesType)
	if e.Addr().Is4() {
		ip := e.Addr().As4()
		b = append(append(b, 6), ip[:]...)
		return binary.BigEndian.AppendUint16(b, e.Port())
	}
	ip, zone := e.Addr().As16(), e.Addr().Zone()
	b = appendVarint(b, uint64(18+len(zone)))
	b = binary.BigEndian.AppendUint16(append(b, ip[:]...), e.Port())
	return append(b, zone...)
}

// beginMessage appends the tag of a nested message and one byte for its
// length; endMessage, given the offset returned here, fills the length in.
func beginMessage(b []byte, field protowire.Number) ([]byte, int) {
	b = append(appendTag(b, field, protowire.BytesType), 0)
	return b, len(b)
}

func endMessage(b []byte, start int) []byte {
	length := len(b) - start
	if length < 0x80 {
		b[start-1] = byte(length)
		return b
	}
	extra := (bits.Len64(uint64(length))+6)/7 - 1
	b = append(b, make([]byte, extra)...)
	copy(b[start+extra:], b[start:start+length])
	appendVarint(b[:start-1], uint64(length))
	return b
}
