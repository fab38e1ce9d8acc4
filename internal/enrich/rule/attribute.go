package rule

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// attributes are those of a netlink message, or of one of them that is nested,
// as far as they are well formed.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			length := int(binary.NativeEndian.Uint16(b))
			kind := binary.NativeEndian.Uint16(b[2:]) & 0x3fff // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
			if length < 4 || length > len(b) {
				return
			}
			if !yield(kind, b[4:length:length]) {
				return
			}
			b = b[min((length+3)&^3, len(b)):]
		}
	}
}

// attribute returns the first of a kind, or nil.
func attribute(b []byte, wanted uint16) []byte {
	for kind, value := range attributes(b) {
		if kind == wanted {
			return value
		}
	}
	return nil
}

// number reads an unsigned number, which nftables writes in network order; 0 if
// it is none.
func number(b []byte) uint64 {
	switch len(b) {
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 8:
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// maxText bounds a name or a comment.
const maxText = 255

// text reads a string, which ends with a zero byte or with the attribute.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b[:min(len(b), maxText)])
}
