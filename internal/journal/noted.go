package journal

import "context"

// maxBegin bounds how many entries stand before a segment's first record.
const maxBegin = 64

// Noted reports whether the segment that follows accounts for the damage: it is
// what a crash or a full disk left of a block whose entries were written anew
// or counted as lost, and no sign of a spoilt disk.
func Noted(ctx context.Context, dir string, d *Damage) bool {
	s, ok := parseSegment(d.Segment + plainSuffix)
	if !ok {
		return false
	}
	reader, err := NewReader(dir, ReadOptions{From: Position{Segment: s.sequence + 1}})
	if err != nil {
		return false
	}
	defer shut(reader)
	for range maxBegin {
		entry, err := reader.Next(ctx)
		if err != nil || entry.Control == nil {
			return false
		}
		if text, ok := notedStretch(entry.Control); ok && text == stretch(d.Segment, d) {
			return true
		}
	}
	return false
}
