package config

import (
	"encoding"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Render writes what is in force as a file of its own, and behind each value where it came from.
func (c *Config) Render(w io.Writer) error {
	var b strings.Builder
	fields := c.fields()
	for start := 0; start < len(fields); {
		end, widest := start, 0
		for end < len(fields) && fields[end].section == fields[start].section {
			line := fields[end].key + " = " + fields[end].tomlValue()
			widest = max(widest, min(utf8.RuneCountInString(line), 60))
			end++
		}
		if start > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s]\n", fields[start].section)
		for _, f := range fields[start:end] {
			line := f.key + " = " + f.tomlValue()
			pad := max(widest-utf8.RuneCountInString(line), 0)
			fmt.Fprintf(&b, "%s%s  # %s\n", line, strings.Repeat(" ", pad), printable(c.Origin(f.name())))
		}
		start = end
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// tomlValue writes the value as TOML.
func (f field) tomlValue() string {
	switch value := f.value.Interface().(type) {
	case ByteCount:
		if value%KiB != 0 || value == 0 {
			return fmt.Sprint(int64(value))
		}
		return quote(value.String())
	case encoding.TextMarshaler:
		text, _ := value.MarshalText() // of Duration, which cannot fail
		return quote(string(text))
	case string:
		return quote(value)
	case []string:
		quoted := make([]string, len(value))
		for i, item := range value {
			quoted[i] = quote(item)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	default:
		return fmt.Sprint(value)
	}
}

// quote writes a TOML basic string. It differs from Go's strconv.Quote in that \x is no escape there.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(text, "�") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r >= 0x7f && r < 0xa0:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// sectionType returns the name of the Go type that declares a section.
func sectionType(section string) string {
	root := reflect.TypeFor[Config]()
	for i := range root.NumField() {
		if root.Field(i).Tag.Get("toml") == section {
			return root.Field(i).Type.Name()
		}
	}
	return ""
}
