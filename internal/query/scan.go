package query

import (
	"fmt"
	"strings"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenQuoted // a word in quotes: never a keyword
	tokenOpen
	tokenClose
	tokenAnd
	tokenOr
	tokenNot
	tokenOther // a character that begins no word
)

type token struct {
	kind    tokenKind
	text    string // of a quoted word, without the quotes and escapes
	at, end int    // bytes in the filter
}

// scanner cuts a filter into words. Words are long: an address, a range or a
// pattern is one. Arithmetic has other words, which arithmetic.go reads.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) errorAt(at int, hint, format string, args ...any) error {
	return &SyntaxError{Text: s.text, Offset: at, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.text) && isSpace(s.text[s.pos]) {
		s.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// isWord reports whether c may stand in a word without quotes. Bytes of
// characters beyond ASCII may: names of containers have them.
func isWord(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c >= 0x80:
		return true
	}
	return strings.IndexByte("_.:*?/@%+-,~#{}$'^", c) >= 0
}

// peek returns the next token without going past it.
func (s *scanner) peek() (token, error) {
	saved := s.pos
	t, err := s.next()
	s.pos = saved
	return t, err
}

// next returns the next token and goes past it.
func (s *scanner) next() (token, error) {
	s.skipSpace()
	at := s.pos
	if at == len(s.text) {
		return token{kind: tokenEnd, at: at, end: at}, nil
	}
	if s.text[at] == '"' {
		return s.quoted()
	}
	for s.pos < len(s.text) && isWord(s.text[s.pos]) {
		s.pos++
	}
	if s.pos > at {
		return wordToken(s.text[at:s.pos], at), nil
	}
	kind, length := tokenOther, 1
	switch rest := s.text[at:]; {
	case rest[0] == '(':
		kind = tokenOpen
	case rest[0] == ')':
		kind = tokenClose
	case strings.HasPrefix(rest, "&&"):
		kind, length = tokenAnd, 2
	case strings.HasPrefix(rest, "||"):
		kind, length = tokenOr, 2
	case rest[0] == '!' && !strings.HasPrefix(rest, "!="):
		kind = tokenNot
	}
	s.pos += length
	return token{kind: kind, text: s.text[at:s.pos], at: at, end: s.pos}, nil
}

func wordToken(text string, at int) token {
	t := token{kind: tokenWord, text: text, at: at, end: at + len(text)}
	switch text {
	case "and":
		t.kind = tokenAnd
	case "or":
		t.kind = tokenOr
	case "not":
		t.kind = tokenNot
	}
	return t
}

// quoted reads a word in double quotes, where a backslash makes the next
// character an ordinary one.
func (s *scanner) quoted() (token, error) {
	at := s.pos
	var b strings.Builder
	for i := at + 1; i < len(s.text); i++ {
		switch c := s.text[i]; c {
		case '"':
			s.pos = i + 1
			return token{kind: tokenQuoted, text: b.String(), at: at, end: s.pos}, nil
		case '\\':
			if i++; i < len(s.text) {
				b.WriteByte(s.text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return token{}, s.errorAt(at, "", "this quote is not closed")
}

// appendText appends a word such that the scanner reads it back.
func appendText(b []byte, text string) []byte {
	plain := text != "" && text != "and" && text != "or" && text != "not"
	for i := range len(text) {
		plain = plain && isWord(text[i])
	}
	if plain {
		return append(b, text...)
	}
	b = append(b, '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, text[i])
	}
	return append(b, '"')
}
