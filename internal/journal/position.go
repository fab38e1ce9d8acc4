package journal

import (
	"fmt"
	"strconv"
	"strings"
)

// Position is a place between two entries of a journal. The zero Position is
// its beginning. It stays right when a segment is compressed, and in a copy of
// the journal.
type Position struct {
	Segment uint64 // the segment's number
	Offset  int64  // of a block, in the uncompressed segment
	Index   uint32 // entries of that block that lie before the position
}

// IsZero reports whether the position is the beginning.
func (p Position) IsZero() bool { return p == Position{} }

// String returns the three numbers, joined with colons.
func (p Position) String() string { return fmt.Sprintf("%d:%d:%d", p.Segment, p.Offset, p.Index) }

// Compare returns -1, 0 or 1 as p lies before, at or after q.
func (p Position) Compare(q Position) int {
	switch {
	case p == q:
		return 0
	case p.Segment < q.Segment,
		p.Segment == q.Segment && p.Offset < q.Offset,
		p.Segment == q.Segment && p.Offset == q.Offset && p.Index < q.Index:
		return -1
	}
	return 1
}

// MarshalText writes what String returns.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what String returns.
func (p *Position) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePosition(string(text))
	return err
}

// ParsePosition reads what String returns.
func ParsePosition(text string) (p Position, err error) {
	parts := strings.Split(text, ":")
	if len(parts) == 3 {
		segment, err1 := strconv.ParseUint(parts[0], 10, 64)
		offset, err2 := strconv.ParseInt(parts[1], 10, 64)
		index, err3 := strconv.ParseUint(parts[2], 10, 32)
		if err1 == nil && err2 == nil && err3 == nil && offset >= 0 {
			return Position{Segment: segment, Offset: offset, Index: uint32(index)}, nil
		}
	}
	return p, fmt.Errorf("position %q: not three numbers joined with colons", text)
}
