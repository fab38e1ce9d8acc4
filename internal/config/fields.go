package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// field is one setting: its key, its value inside a Config, and its bounds.
type field struct {
	section string
	key     string
	value   reflect.Value // settable
	tag     reflect.StructTag
}

// name is "section.key".
func (f field) name() string { return f.section + "." + f.key }

// words returns the words that are allowed, or nil where any text is.
func (f field) words() []string {
	if list := f.tag.Get("oneof"); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}

// wants says what kind of value belongs there, with an example.
func (f field) wants() string {
	if words := f.words(); words != nil {
		return "one of " + strings.Join(words, ", ") + ", in quotes"
	}
	switch f.value.Interface().(type) {
	case ByteCount:
		return `a number of bytes such as "64MiB"`
	case Duration:
		return `a time span such as "1s"`
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case []string:
		return `a list of texts such as ["a", "b"]`
	}
	return `a text in quotes such as "a"`
}

// fields lists every setting of c, in the order of the file.
func (c *Config) fields() []field {
	var list []field
	root := reflect.ValueOf(c).Elem()
	for i := range root.NumField() {
		section := root.Type().Field(i).Tag.Get("toml")
		if section == "" {
			continue
		}
		table := root.Field(i)
		for j := range table.NumField() {
			declared := table.Type().Field(j)
			list = append(list, field{
				section: section, key: declared.Tag.Get("toml"),
				value: table.Field(j), tag: declared.Tag,
			})
		}
	}
	return list
}

// sections lists the names of the sections, in the order of the file.
func (c *Config) sections() []string {
	var names []string
	for _, f := range c.fields() {
		if len(names) == 0 || names[len(names)-1] != f.section {
			names = append(names, f.section)
		}
	}
	return names
}

// field finds a setting by "section.key".
func (c *Config) field(name string) (field, bool) {
	for _, f := range c.fields() {
		if f.name() == name {
			return f, true
		}
	}
	return field{}, false
}

// assign puts a value of a TOML file in place. A value of the wrong kind is an error that says what is wanted.
func (f field) assign(value any) error {
	wrong := fmt.Errorf("%s wants %s", f.name(), f.wants())
	switch target := f.value.Addr().Interface().(type) {
	case *string:
		text, ok := value.(string)
		if !ok {
			return wrong
		}
		*target = text
	case *bool:
		truth, ok := value.(bool)
		if !ok {
			return wrong
		}
		*target = truth
	case *int:
		number, ok := value.(int64)
		if !ok || number > math.MaxInt32 || number < math.MinInt32 {
			return wrong
		}
		*target = int(number)
	case *ByteCount:
		if number, ok := value.(int64); ok {
			*target = ByteCount(number)
			return nil
		}
		return f.assignText(value, target.UnmarshalText)
	case *Duration:
		return f.assignText(value, target.UnmarshalText)
	case *[]string:
		return f.assignList(value, target)
	}
	return nil
}

func (f field) assignText(value any, unmarshal func([]byte) error) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("%s wants %s", f.name(), f.wants())
	}
	if err := unmarshal([]byte(text)); err != nil {
		return fmt.Errorf("%s: %q is %w", f.name(), text, err)
	}
	return nil
}

func (f field) assignList(value any, target *[]string) error {
	items, ok := value.([]any)
	if !ok {
		return fmt.Errorf("%s wants %s", f.name(), f.wants())
	}
	var list []string
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			return fmt.Errorf("%s wants %s", f.name(), f.wants())
		}
		list = append(list, text)
	}
	*target = list
	return nil
}

// fromText turns the text of a command-line flag into what assign takes.
func (f field) fromText(text string) any {
	switch f.value.Interface().(type) {
	case bool:
		if truth, err := strconv.ParseBool(text); err == nil {
			return truth
		}
	case int:
		if number, err := strconv.ParseInt(text, 10, 64); err == nil {
			return number
		}
	case []string:
		items := []any{}
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		return items
	}
	return text
}

// Set puts the text of a command-line flag into the setting named "section.key"; a list is separated by commas.
// The origin is what "config show" says of it, for example "--dir". Bounds are for Validate to check.
func (c *Config) Set(name, text, origin string) error {
	f, known := c.field(name)
	if !known {
		section, key, _ := strings.Cut(name, ".")
		return &Error{Key: name, Message: fmt.Sprintf("unknown setting %q", name), Hint: c.suggestKey(section, key)}
	}
	if err := f.assign(f.fromText(text)); err != nil {
		return &Error{Key: name, Message: fmt.Sprintf("%s: %v", origin, err)}
	}
	if c.origins == nil {
		c.origins = make(map[string]string)
	}
	c.origins[name] = origin
	return nil
}
