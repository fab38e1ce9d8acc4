package reset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// ID names a Reset for ever. It has the form of a ULID: 48 bits of Unix
// milliseconds, so that ids sort by time, and 80 bits that are a hash of where
// the RST was seen, so that the same evidence read twice has the same id.
type ID [16]byte

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Origin is the place that ids are derived from: live, the boot id and the
// start of the capture; of a file, its content's hash.
type Origin struct{ hi, lo uint64 }

// NewOrigin hashes a name of the place where evidence was seen (FNV-1a, twice).
func NewOrigin(place string) Origin {
	const prime = 1099511628211
	hi, lo := uint64(14695981039346656037), uint64(0x9ae16a3b2f90404f)
	for i := range len(place) {
		hi = (hi ^ uint64(place[i])) * prime
		lo = (lo ^ bits.RotateLeft64(uint64(place[i])*0x9e3779b97f4a7c15, 31)) * prime
	}
	return Origin{hi: mix(hi), lo: mix(lo)}
}

// NewID returns the id of the reset with the given position in its origin.
// unixNano is its time in nanoseconds since 1970.
func (o Origin) NewID(unixNano int64, position uint64) ID {
	var id ID
	ms := uint64(unixNano / 1e6)
	first := mix(o.hi ^ position)
	second := mix(o.lo + position*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(id[0:8], ms<<16|first>>48)
	binary.BigEndian.PutUint64(id[8:16], second)
	return id
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// IsZero reports whether the id is absent.
func (id ID) IsZero() bool { return id == ID{} }

// UnixMilli returns the time in the id, in milliseconds since 1970.
func (id ID) UnixMilli() int64 { return int64(binary.BigEndian.Uint64(id[0:8]) >> 16) }

// AppendTo appends the 26 characters of the id (Crockford's base 32).
func (id ID) AppendTo(b []byte) []byte {
	hi, lo := binary.BigEndian.Uint64(id[0:8]), binary.BigEndian.Uint64(id[8:16])
	for i := range 26 {
		shift := uint(125 - 5*i)
		var five uint64
		switch {
		case shift >= 64:
			five = hi >> (shift - 64)
		case shift > 59:
			five = lo>>shift | hi<<(64-shift)
		default:
			five = lo >> shift
		}
		b = append(b, crockford[five&31])
	}
	return b
}

// String returns the 26 characters of the id.
func (id ID) String() string { return string(id.AppendTo(make([]byte, 0, 26))) }

// Short returns the last six characters, which people type.
func (id ID) Short() string { return id.String()[20:] }

var errID = errors.New("an id is 26 characters of Crockford's base 32")

// ParseID reads the 26 characters of an id, in upper or lower case.
func ParseID(text string) (ID, error) {
	if len(text) != 26 {
		return ID{}, fmt.Errorf("id %q: %w", text, errID)
	}
	var hi, lo uint64
	for i := range len(text) {
		five, ok := crockfordValue(text[i])
		if !ok || i == 0 && five > 7 {
			return ID{}, fmt.Errorf("id %q: %w", text, errID)
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | five
	}
	var id ID
	binary.BigEndian.PutUint64(id[0:8], hi)
	binary.BigEndian.PutUint64(id[8:16], lo)
	return id, nil
}

func crockfordValue(c byte) (uint64, bool) {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	for i := range len(crockford) {
		if crockford[i] == c {
			return uint64(i), true
		}
	}
	return 0, false
}

// MarshalText writes the 26 characters.
func (id ID) MarshalText() ([]byte, error) { return id.AppendTo(nil), nil }

// UnmarshalText reads the 26 characters.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}
