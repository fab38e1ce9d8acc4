package reset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The values of "type", which is the first name of every line.
const (
	typeReset    = "reset"
	typeCoverage = "coverage"
	typeControl  = "control"
)

var errEmptyEntry = errors.New("an entry without a reset, coverage or control")

// AppendJSON appends one line of the journal as one JSON object, without the
// line's end. "type" comes first; what follows is what encoding/json, with its
// HTML escapes off, makes of the struct: the struct tags are the specification,
// and a test compares every field. Strings that are not UTF-8 come out as
// valid JSON, with U+FFFD for each bad byte. An entry with nothing set gives
// null.
func AppendJSON(b []byte, e *Entry) []byte {
	w := jsonWriter{b: b}
	switch {
	case e.Reset != nil:
		w.reset(e.Reset)
	case e.Coverage != nil:
		w.coverage(e.Coverage)
	case e.Control != nil:
		w.control(e.Control)
	default:
		w.b = append(w.b, "null"...)
	}
	return w.b
}

// MarshalJSON writes what AppendJSON does; an entry with nothing set is an
// error.
func (e Entry) MarshalJSON() ([]byte, error) {
	if e == (Entry{}) {
		return nil, errEmptyEntry
	}
	return AppendJSON(nil, &e), nil
}

// UnmarshalJSON reads what ParseJSON does.
func (e *Entry) UnmarshalJSON(data []byte) (err error) {
	*e, err = ParseJSON(data)
	return err
}

// ParseJSON reads one line of JSON. Names that it does not know are ignored, so
// that newer files can be read; a type that it does not know, and a word that
// is in none of the closed lists, are errors. White space around the object is
// allowed.
func ParseJSON(line []byte) (Entry, error) {
	var head struct {
		Type string `json:"type"`
	}
	if kind, ok := leadingType(line); ok {
		head.Type = kind
	} else if err := json.Unmarshal(line, &head); err != nil {
		return Entry{}, fmt.Errorf("reading a line of JSON: %w", err)
	}
	var e Entry
	var into any
	switch head.Type {
	case typeReset:
		e.Reset = new(Reset)
		into = e.Reset
	case typeCoverage:
		e.Coverage = new(Coverage)
		into = e.Coverage
	case typeControl:
		e.Control = new(Control)
		into = e.Control
	default:
		return Entry{}, fmt.Errorf("reading a line of JSON: type %q: not reset, coverage or control", head.Type)
	}
	if err := json.Unmarshal(line, into); err != nil {
		return Entry{}, fmt.Errorf("reading a line of type %s: %w", head.Type, err)
	}
	return e, nil
}

// leadingType finds the type where AppendJSON puts it, which saves a second
// pass over the line.
func leadingType(line []byte) (string, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"type":"`))
	if !ok {
		return "", false
	}
	for _, kind := range [...]string{typeReset, typeCoverage, typeControl} {
		if after, ok := bytes.CutPrefix(rest, []byte(kind)); ok && len(after) > 0 && after[0] == '"' {
			return kind, true
		}
	}
	return "", false
}
