package rule

import (
	"bytes"
	"slices"
)

// intervals turns the beginnings and ends of intervals into spans. A set
// without ends is one of single values and stays as it is.
func intervals(list []element) []element {
	if !slices.ContainsFunc(list, func(e element) bool { return e.end }) {
		return list
	}
	slices.SortFunc(list, func(a, b element) int { return bytes.Compare(a.from, b.from) })
	var spans []element
	for i, e := range list {
		if e.end {
			continue
		}
		last := bytes.Repeat([]byte{0xff}, len(e.from))
		if i+1 < len(list) && len(list[i+1].from) == len(e.from) {
			last = before(list[i+1].from)
		}
		spans = append(spans, element{from: e.from, to: last, chain: e.chain})
	}
	return spans
}

// before is the value that comes before, as a number of that many bytes.
func before(value []byte) []byte {
	value = bytes.Clone(value)
	for i := len(value) - 1; i >= 0; i-- {
		value[i]--
		if value[i] != 0xff {
			break
		}
	}
	return value
}
