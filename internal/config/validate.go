package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Validate checks every bound, and what settings demand of each other. Its errors are an *Error each, joined.
// What only the machine or another package can tell (does the directory exist, is the filter right) is not
// checked here.
func (c *Config) Validate() error {
	problems := c.problems()
	for _, e := range problems {
		if origin := c.Origin(e.Key); origin != OriginDefault {
			e.Message = origin + ": " + e.Message
		}
	}
	return join(problems)
}

// join makes one error of several, or nil of none.
func join(problems []*Error) error {
	var list []error
	for _, e := range problems {
		list = append(list, e)
	}
	return errors.Join(list...)
}

// problems lists everything that is out of bounds, in the order of the file.
func (c *Config) problems() []*Error {
	var list []*Error
	for _, f := range c.fields() {
		if message, hint := f.outOfBounds(); message != "" {
			list = append(list, &Error{Key: f.name(), Message: message, Hint: hint})
		}
	}
	complain := func(key, message, hint string) {
		list = append(list, &Error{Key: key, Message: key + " " + message, Hint: hint})
	}
	if n := c.Capture.RingBytes; n&(n-1) != 0 {
		complain("capture.ring_bytes", "must be a power of two", `write "16MiB", for example`)
	}
	if c.Journal.Dir == "" {
		complain("journal.dir", "must not be empty", "")
	}
	if n := c.Journal.KeepBytes; n != 0 && n < c.Journal.SegmentBytes {
		complain("journal.keep_bytes", fmt.Sprintf("is less than one segment (journal.segment_bytes is %v)",
			c.Journal.SegmentBytes), "make segments smaller, or keep more")
	}
	if heads := c.Journal.Heads; heads != "" && heads != "syslog" && !filepath.IsAbs(heads) {
		complain("journal.heads", `wants "syslog" or the path of a file, from the root`, suggestOnly(heads, "syslog"))
	}
	if len(c.Classic.Prefix) > maxPrefix {
		complain("classic.prefix", fmt.Sprintf("is longer than %d bytes, which is all that LOG takes", maxPrefix), "")
	}
	if c.Classic.File != "" && c.Classic.File == c.JSONLog.File {
		complain("json_log.file", "is the same file as classic.file", "give each log a file of its own")
	}
	return list
}

// maxPrefix is the longest --log-prefix (xt_LOG, struct xt_log_info: prefix[30] with its zero byte).
const maxPrefix = 29

// suggestOnly is a hint only if the word is near.
func suggestOnly(got, word string) string {
	if nearest(got, []string{word}) == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", word)
}

// outOfBounds checks the tags oneof, min and max, and that a text can stand in one line.
func (f field) outOfBounds() (message, hint string) {
	switch value := f.value.Interface().(type) {
	case string:
		if words := f.words(); words != nil && !slices.Contains(words, value) {
			return fmt.Sprintf("%s wants one of %s, not %q", f.name(), strings.Join(words, ", "), value), suggestWord(value, words)
		}
		if hasControl(value) {
			return f.name() + " has a control character in it", ""
		}
	case []string:
		if slices.ContainsFunc(value, func(item string) bool { return item == "" || hasControl(item) }) {
			return f.name() + " has an empty item or a control character in it", ""
		}
	case int:
		return f.outOfRange(int64(value), func(text string) (int64, error) { return strconv.ParseInt(text, 10, 64) },
			func(n int64) string { return strconv.FormatInt(n, 10) })
	case ByteCount:
		return f.outOfRange(int64(value), func(text string) (n int64, err error) {
			err = (*ByteCount)(&n).UnmarshalText([]byte(text))
			return n, err
		}, func(n int64) string { return ByteCount(n).String() })
	case Duration:
		return f.outOfRange(int64(value), func(text string) (n int64, err error) {
			err = (*Duration)(&n).UnmarshalText([]byte(text))
			return n, err
		}, func(n int64) string { return Duration(n).String() })
	}
	return "", ""
}

// suggestWord is a hint where a word is near; the message lists all of them already.
func suggestWord(got string, words []string) string {
	if word := nearest(got, words); word != "" {
		return fmt.Sprintf("did you mean %q?", word)
	}
	return ""
}

func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// outOfRange holds a number against the tags min and max.
func (f field) outOfRange(n int64, parse func(string) (int64, error), show func(int64) string) (message, hint string) {
	for _, bound := range []struct {
		tag, words string
		broken     func(limit int64) bool
	}{
		{"min", "at least", func(limit int64) bool { return n < limit }},
		{"max", "at most", func(limit int64) bool { return n > limit }},
	} {
		text := f.tag.Get(bound.tag)
		if text == "" {
			continue
		}
		limit, err := parse(text)
		if err != nil {
			return fmt.Sprintf("%s has a wrong %s in its declaration: %v", f.name(), bound.tag, err), ""
		}
		if bound.broken(limit) {
			return fmt.Sprintf("%s must be %s %s, not %s", f.name(), bound.words, show(limit), show(n)), ""
		}
	}
	return "", ""
}
