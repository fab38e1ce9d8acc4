package present

import (
	"strings"
	"unicode"
)

// Clean makes text from outside safe for a terminal: characters that are not
// printed as themselves become '?'.
func Clean(text string) string {
	for _, r := range text {
		if !safe(r) {
			return strings.Map(func(r rune) rune {
				if safe(r) {
					return r
				}
				return '?'
			}, text)
		}
	}
	return text
}

func safe(r rune) bool {
	return r != unicode.ReplacementChar && unicode.IsPrint(r) && !unicode.Is(unicode.Bidi_Control, r)
}
