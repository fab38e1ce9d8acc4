package claim

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a text: shorter is too likely to be chance, and longer is
// shortened.
const (
	minText = 4
	maxText = 64 // characters
)

// plainText returns a payload that is text as a whole, shortened and in
// quotation marks; "" if it is none.
func plainText(payload []byte, cut bool) string {
	payload = bytes.TrimRight(payload, "\x00")
	if cut {
		payload = wholeRunes(payload)
	}
	if len(payload) < minText || !utf8.Valid(payload) {
		return ""
	}
	for _, r := range string(payload) {
		if !shown(r) && !unicode.IsSpace(r) {
			return ""
		}
	}
	return cleaned(payload, cut)
}

// cleaned returns text on one line, shortened and in quotation marks, with '?'
// for what is not shown as itself; "" if nothing is left.
func cleaned(text []byte, cut bool) string {
	var b strings.Builder
	length, gap := 0, false
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case r == 0 && len(bytes.Trim(text, "\x00")) == 0:
			text = nil // the end of a C string
			continue
		case unicode.IsSpace(r):
			gap = length > 0
			continue
		case r == '"':
			r = '\''
		case !shown(r):
			r = '?'
		}
		if gap {
			b.WriteByte(' ')
			length, gap = length+1, false
		}
		if length >= maxText {
			cut = true
			break
		}
		b.WriteRune(r)
		length++
	}
	if length == 0 {
		return ""
	}
	if cut {
		return `"` + b.String() + `…"`
	}
	return `"` + b.String() + `"`
}

// shown tells whether a character is printed as itself and turns nothing
// around.
func shown(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }

// wholeRunes drops the beginning of a character at the end.
func wholeRunes(text []byte) []byte {
	for i := 1; i <= utf8.UTFMax && i <= len(text); i++ {
		if b := text[len(text)-i]; utf8.RuneStart(b) {
			if !utf8.FullRune(text[len(text)-i:]) {
				return text[:len(text)-i]
			}
			break
		}
	}
	return text
}
