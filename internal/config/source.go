package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// source is the text of a file, its values, and the places of the keys in it.
//
// The library reads the text. The values are put in place here, because only so can an error name the key, say
// what it wants in words that are not Go's, and refuse a bare number where a time span belongs.
type source struct {
	name   string
	text   []byte
	values map[string]any
	keys   []place
}

// place is where a key stands.
type place struct {
	name   string // dotted
	path   []string
	table  bool // a [header], or a key whose value is an inline table
	array  bool // a [[header]]
	line   int
	column int
	width  int
}

// scan reads the text and finds the places of all keys. A text that is not TOML is an *Error.
func scan(name string, text []byte) (*source, error) {
	s := &source{name: name, text: text}
	if err := toml.Unmarshal(text, &s.values); err != nil {
		return nil, s.syntax(err)
	}
	var parser unstable.Parser
	parser.Reset(text)
	var table []string
	for parser.NextExpression() {
		node := parser.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = s.add(&parser, nil, node)
		case unstable.KeyValue:
			s.addValue(&parser, table, node, 0)
		}
	}
	if err := parser.Error(); err != nil {
		return nil, s.syntax(err)
	}
	return s, nil
}

// maxDepth bounds how deep inline tables are followed: the settings have two levels.
const maxDepth = 8

func (s *source) addValue(parser *unstable.Parser, table []string, node *unstable.Node, depth int) {
	path := s.add(parser, table, node)
	if node.Value().Kind != unstable.InlineTable || depth == maxDepth {
		return
	}
	for children := node.Value().Children(); children.Next(); {
		s.addValue(parser, path, children.Node(), depth+1)
	}
}

// add notes where the key of node stands and returns its whole path.
func (s *source) add(parser *unstable.Parser, table []string, node *unstable.Node) []string {
	k := place{path: slices.Clone(table)}
	k.array = node.Kind == unstable.ArrayTable
	k.table = node.Kind != unstable.KeyValue || node.Value().Kind == unstable.InlineTable
	for parts := node.Key(); parts.Next(); {
		part := parts.Node()
		k.path = append(k.path, string(part.Data))
		start := parser.Shape(part.Raw).Start
		k.line, k.column, k.width = start.Line, start.Column, int(part.Raw.Length)
	}
	k.name = keyName(k.path)
	s.keys = append(s.keys, k)
	return k.path
}

// keyName joins the parts of a key with dots. A part that has a dot in it is quoted, so that "a.b" is not a.b.
func keyName(path []string) string {
	parts := slices.Clone(path)
	for i, part := range parts {
		if part == "" || strings.ContainsAny(part, ". \t\"'") {
			parts[i] = strconv.Quote(part)
		}
	}
	return strings.Join(parts, ".")
}

// value returns what the file says for the key.
func (s *source) value(k place) any {
	var value any = s.values
	for _, part := range k.path {
		table, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = table[part]
	}
	return value
}

// maxProblems bounds how many errors are told at once: a file of another kind altogether is wrong in every line.
const maxProblems = 20

// decode puts the values of the file into c and reports every key that is unknown or has a value of the wrong kind.
func (s *source) decode(c *Config) error {
	var problems []error
	var reported []string
	for _, k := range s.keys {
		// What stands below a key that is wrong itself is not worth a word more.
		if slices.ContainsFunc(reported, func(r string) bool { return strings.HasPrefix(k.name+".", r+".") }) {
			continue
		}
		if err := s.decodeKey(c, k); err != nil {
			problems, reported = append(problems, err), append(reported, k.name)
		}
		if len(problems) == maxProblems {
			problems = append(problems, &Error{File: s.name, Message: "too many errors: the rest of the file is not checked"})
			break
		}
	}
	return errors.Join(problems...)
}

func (s *source) decodeKey(c *Config, k place) error {
	f, known := c.field(k.name)
	switch {
	case known && k.table:
		return s.at(k, fmt.Sprintf("%s wants %s", k.name, f.wants()), "")
	case known:
		if err := f.assign(s.value(k)); err != nil {
			return s.at(k, err.Error(), "")
		}
		return nil
	case slices.Contains(c.sections(), k.name) && k.array:
		return s.at(k, fmt.Sprintf("[[%s]]: a section stands only once", k.name), fmt.Sprintf("write [%s]", k.name))
	case slices.Contains(c.sections(), k.name) && k.table:
		return nil
	}
	return s.unknown(c, k)
}

// unknown makes the error about a key or section that does not exist, with the nearest that does.
func (s *source) unknown(c *Config, k place) error {
	section, key := k.path[0], keyName(k.path[1:])
	sections := c.sections()
	switch {
	case slices.Contains(sections, k.name):
		return s.at(k, fmt.Sprintf("%q is a section, not a key", section),
			fmt.Sprintf("write [%s] on a line of its own and its keys below", section))
	case slices.Contains(sections, section):
		return s.at(k, fmt.Sprintf("unknown key %q in [%s]", key, section), c.suggestKey(section, key))
	case len(k.path) == 1 && !k.table:
		return s.at(k, fmt.Sprintf("unknown key %q, outside of any section", section), c.suggestKey("", section))
	}
	return s.at(k, fmt.Sprintf("unknown section [%s]", k.name), suggest(section, sections))
}

// suggestKey names the nearest key of the section or, if there is none, the section in which such a key stands.
func (c *Config) suggestKey(section, key string) string {
	var here []string
	elsewhere := ""
	for _, f := range c.fields() {
		if f.section == section {
			here = append(here, f.key)
		} else if f.key == key && elsewhere == "" {
			elsewhere = fmt.Sprintf("%q belongs in [%s]", key, f.section)
		}
	}
	switch {
	case nearest(key, here) == "" && elsewhere != "":
		return elsewhere
	case len(here) == 0:
		return "the sections are: " + strings.Join(c.sections(), ", ")
	}
	return suggest(key, here)
}

// at makes an error about the key that stands there.
func (s *source) at(k place, message, hint string) *Error {
	return &Error{
		File: s.name, Line: k.line, Column: k.column, Text: s.line(k.line), Width: k.width,
		Key: k.name, Message: message, Hint: hint,
	}
}

// line returns the text of a line counted from 1.
func (s *source) line(number int) string {
	rest := s.text
	for ; number > 1; number-- {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r")
}

// syntax turns an error of the TOML library into an *Error.
func (s *source) syntax(err error) error {
	e := &Error{File: s.name, Message: strings.TrimPrefix(err.Error(), "toml: "), Width: 1}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		e.Line, e.Column = decode.Position()
		e.Text = s.line(e.Line)
	}
	return e
}

// locate gives the errors of Validate the places of the keys that they are about.
func (s *source) locate(problems []*Error) error {
	for _, e := range problems {
		e.File = s.name
		for _, k := range s.keys {
			if k.name == e.Key {
				e.Line, e.Column, e.Width, e.Text = k.line, k.column, k.width, s.line(k.line)
			}
		}
	}
	slices.SortStableFunc(problems, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	return join(problems)
}
