package reset

import (
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// EscapeJSON appends a JSON text with every character written as \uXXXX that a
// terminal would obey or hide instead of showing it: DEL, the C1 controls, marks
// that turn the direction of writing, whatever else has no glyph. What the text
// means stays the same, since outside of strings JSON is ASCII. It is for JSON
// that encoding/json made; AppendJSON does so by itself.
func EscapeJSON(dst, text []byte) []byte {
	start := 0
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		if hidden(r) {
			dst = append(dst, text[start:i]...)
			dst = appendHidden(dst, r)
			start = i + size
		}
		i += size
	}
	return append(dst, text[start:]...)
}

// hidden reports whether a character must not stand in JSON as itself. Those
// below U+0020 are escaped, or white space, in every JSON text.
func hidden(r rune) bool {
	if r < 0x7f {
		return false
	}
	return !unicode.IsPrint(r)
}

// appendHidden appends one character as \uXXXX, or two such above U+FFFF.
func appendHidden(b []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendHidden(appendHidden(b, high), low)
	}
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
