package config

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is one thing that is wrong with a setting.
type Error struct {
	File    string // where the setting stands; empty if it came from a flag or is a default
	Line    int    // counted from 1; 0 if not known
	Column  int    // in bytes, counted from 1
	Text    string // the line itself
	Width   int    // how many bytes of it are meant
	Key     string // "section.key", where one is meant
	Message string // what is wrong
	Hint    string // what to do, where that can be told
}

// Error tells it in one line and, where the place is known, shows the line with a caret under what is meant.
// Control characters of the file are not passed on.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.File != "" && e.Line > 0:
		fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Column)
	case e.File != "":
		fmt.Fprintf(&b, "%s: ", e.File)
	}
	b.WriteString(printable(e.Message))
	if e.Line > 0 {
		from := min(max(e.Column-1, 0), len(e.Text))
		to := min(from+max(e.Width, 1), len(e.Text))
		before := printable(e.Text[:from])
		meant := printable(e.Text[from:to])
		number := fmt.Sprintf("%5d", e.Line)
		fmt.Fprintf(&b, "\n%s | %s%s%s", number, before, meant, printable(e.Text[to:]))
		fmt.Fprintf(&b, "\n%s | %s%s", strings.Repeat(" ", len(number)),
			strings.Repeat(" ", utf8.RuneCountInString(before)),
			strings.Repeat("^", max(utf8.RuneCountInString(meant), 1)))
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "\nhint: %s", printable(e.Hint))
	}
	return b.String()
}

// maxShown bounds how much of one line of the file a message shows.
const maxShown = 200

// printable replaces what a terminal would act upon, a tab included, so that the caret stands where it should.
func printable(text string) string {
	if len(text) > maxShown {
		text = text[:maxShown] + "…"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '�'
		}
		return r
	}, text)
}

// nearest returns the word that is closest to got, or "" if none is near enough to be what was meant.
func nearest(got string, words []string) string {
	if len(got) > 64 {
		return ""
	}
	best, least := "", 3
	if len(got) <= 4 {
		least = 2
	}
	for _, word := range words {
		if d := distance(got, word); d < least || (d == least && best == "" && len(got) > 4) {
			best, least = word, d
		}
	}
	return best
}

// suggest names the nearest word or, where none is near, all of them.
func suggest(got string, words []string) string {
	if word := nearest(got, words); word != "" {
		return fmt.Sprintf("did you mean %q?", word)
	}
	return "known here: " + strings.Join(words, ", ")
}

// distance counts the letters to change, add, leave out or swap with their neighbour to make b of a.
func distance(a, b string) int {
	previous, before := make([]int, len(b)+1), make([]int, len(b)+1)
	current := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		current[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			current[j+1] = min(previous[j+1]+1, current[j]+1, previous[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				current[j+1] = min(current[j+1], before[j-1]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
