package container

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds a name that is taken from a path or from a runtime.
const maxName = 255

// isID tells whether it is an id as all runtimes make them: 64 hexadecimal
// digits.
func isID(s string) bool { return len(s) == 64 && isHex(s) }

// isTask tells whether it is 32 hexadecimal digits: a task of ECS, or a static
// pod's hash.
func isTask(s string) bool { return len(s) == 32 && isHex(s) }

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isHex(s[i : i+1]) {
				return false
			}
		}
	}
	return true
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}

// isName tells whether it may stand in a record as it is: whoever may make
// folders below a cgroup chooses their names.
func isName(s string) bool {
	if s == "" || len(s) > maxName || s == "." || s == ".." {
		return false
	}
	for _, r := range s {
		if !printed(r) {
			return false
		}
	}
	return true
}

func printed(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }

// clean makes a text of a runtime fit for a record.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if !printed(r) {
			return '?'
		}
		return r
	}, s)
	for len(s) > maxName {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// unescape undoes systemd's \xNN (systemd.unit(5)).
func unescape(name string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(name, `\x`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if len(after) < 2 {
			return b.String() + `\x` + after
		}
		if code, err := strconv.ParseUint(after[:2], 16, 8); err == nil {
			b.WriteByte(byte(code))
		} else {
			b.WriteString(`\x` + after[:2])
		}
		name = after[2:]
	}
}
