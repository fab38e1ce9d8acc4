package reset

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// jsonWriter appends one JSON object after another to b.
type jsonWriter struct{ b []byte }

const hexDigits = "0123456789abcdef"

func (w *jsonWriter) open()  { w.b = append(w.b, '{') }
func (w *jsonWriter) close() { w.b = append(w.b, '}') }

// key starts a member of the object that was opened last.
func (w *jsonWriter) key(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

// openMember starts a member that is an object; its end is closeMember's.
func (w *jsonWriter) openMember(name string) (start int) {
	start = len(w.b)
	w.key(name)
	w.open()
	return start
}

// closeMember ends the object that openMember started, and takes it back if it
// has no members.
func (w *jsonWriter) closeMember(start int) {
	if w.b[len(w.b)-1] == '{' {
		w.b = w.b[:start]
		return
	}
	w.close()
}

func (w *jsonWriter) uint(name string, v uint64) {
	w.key(name)
	w.b = strconv.AppendUint(w.b, v, 10)
}

func (w *jsonWriter) bool(name string, v bool) {
	w.key(name)
	w.b = strconv.AppendBool(w.b, v)
}

// trueOnly writes a member only where it is true.
func (w *jsonWriter) trueOnly(name string, v bool) {
	if v {
		w.bool(name, true)
	}
}

// nonZero writes a member only where it is not 0.
func (w *jsonWriter) nonZero(name string, v uint64) {
	if v != 0 {
		w.uint(name, v)
	}
}

func optUint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](w *jsonWriter, name string, o Opt[T]) {
	if o.OK {
		w.uint(name, uint64(o.V))
	}
}

func optInt[T ~int32 | ~int64](w *jsonWriter, name string, o Opt[T]) {
	if o.OK {
		w.key(name)
		w.b = strconv.AppendInt(w.b, int64(o.V), 10)
	}
}

func optBool(w *jsonWriter, name string, o Opt[bool]) {
	if o.OK {
		w.bool(name, o.V)
	}
}

// text writes a string member only where it is not empty.
func (w *jsonWriter) text(name, v string) {
	if v != "" {
		w.key(name)
		w.quote(v)
	}
}

// texts writes a list of strings only where it is not nil.
func (w *jsonWriter) texts(name string, list []string) {
	if list != nil {
		w.key(name)
		w.list(list)
	}
}

func (w *jsonWriter) list(list []string) {
	w.b = append(w.b, '[')
	for i, v := range list {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.quote(v)
	}
	w.b = append(w.b, ']')
}

// plain writes a string that needs no escapes.
func (w *jsonWriter) plain(v string) {
	w.b = append(w.b, '"')
	w.b = append(w.b, v...)
	w.b = append(w.b, '"')
}

// base64 writes bytes only where they are not nil.
func (w *jsonWriter) base64(name string, v []byte) {
	if v != nil {
		w.key(name)
		w.b = append(w.b, '"')
		w.b = base64.StdEncoding.AppendEncode(w.b, v)
		w.b = append(w.b, '"')
	}
}

// quote writes a string with encoding/json's escapes, those for HTML apart, and
// with those of EscapeJSON.
func (w *jsonWriter) quote(s string) {
	b := w.b
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' || c == 0x7f {
				b = append(b, s[start:i]...)
				b = appendEscape(b, c)
				start = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			start = i + size
		case hidden(r):
			b = append(b, s[start:i]...)
			b = appendHidden(b, r)
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	b = append(b, '"')
	w.b = b
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
