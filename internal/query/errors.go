package query

import (
	"fmt"
	"strings"
	"unicode"
)

// SyntaxError is a text that is no filter.
type SyntaxError struct {
	Text    string // the whole filter
	Offset  int    // byte in Text where the offending word begins
	Message string
	Hint    string // what to write instead, if known
}

// width is how much of a long filter Error shows on either side, in characters.
const width = 60

// Error gives the message, the filter, a caret under the offending word and,
// where there is one, the hint: two to four lines. Characters that could
// disturb a terminal are replaced.
func (e *SyntaxError) Error() string {
	before, after := []rune(e.Text[:e.Offset]), []rune(e.Text[e.Offset:])
	if len(before) > width {
		before = append([]rune("..."), before[len(before)-width:]...)
	}
	if len(after) > width {
		after = append(after[:width:width], []rune("...")...)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "filter: %s\n    %s%s\n", printable(e.Message), printable(string(before)), printable(string(after)))
	fmt.Fprintf(&b, "    %s^", strings.Repeat(" ", len(before)))
	if e.Hint != "" {
		fmt.Fprintf(&b, "\nhint: %s", printable(e.Hint))
	}
	return b.String()
}

// printable replaces every character that has no plain width of its own.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			if r == '\t' {
				return ' '
			}
			return '?'
		}
		return r
	}, s)
}

// UnsupportedError is a filter that asks for what cannot be known in some
// place. Commands end with the status of wrong usage.
type UnsupportedError struct {
	Primitive string // the part of the filter, in canonical form
	Missing   Fields // what it reads that the place does not have
	Where     string // the place: "the klog sensor"
}

// Error names the primitive, the place and the fields.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("filter: %q cannot be evaluated by %s, which does not know: %s", e.Primitive, e.Where, e.Missing)
}

// nearest returns the word of the list that is most like text, or "" if none
// is like it: at most one typing error in short words, two in longer ones.
func nearest(text string, words []string) string {
	best, limit := "", 2
	if len(text) > 5 {
		limit = 3
	}
	for _, word := range words {
		if d := distance(strings.ToLower(text), word, limit); d < limit {
			best, limit = word, d
		}
	}
	return best
}

// distance counts the typing errors between two words: a character changed,
// lost, added, or exchanged with its neighbour. Results from limit on are not
// exact. Long words are not compared.
func distance(a, b string, limit int) int {
	const longest = 32
	if len(a) > longest || len(b) > longest || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	var rows [3][longest + 1]int
	older, old, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		old[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := old[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, old[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, old, row = old, row, older
	}
	return old[len(b)]
}
