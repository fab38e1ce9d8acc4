package rules

import (
	"fmt"
	"math/bits"
	"strings"
)

// Fields are the parts of a record that rules read and that not every sensor
// knows. Addresses, ports and flags are always known.
type Fields uint8

// The fields.
const (
	FieldDirection Fields = 1 << iota // which chain the packet meets
	FieldInterface
	FieldMark
	FieldConntrack
	FieldTime
)

// AllFields is what a sensor knows that knows everything.
const AllFields = FieldDirection | FieldInterface | FieldMark | FieldConntrack | FieldTime

var fieldNames = []string{
	"the packet's direction", "its devices", "its mark", "its conntrack state", "its time",
}

// String lists the fields in words.
func (f Fields) String() string {
	var names []string
	for i, name := range fieldNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Needs returns every field that some rule reads.
func (s *Set) Needs() Fields {
	var all Fields
	for _, f := range s.needed {
		all |= f.fields
	}
	return all
}

// need is one rule's.
type need struct {
	fields Fields
	line   int
	text   string
}

// Require returns an *Error that names the first line which reads a field that
// the sensor cannot know, or nil. sensor is its name, for the sentence.
func (s *Set) Require(known Fields, sensor string) error {
	for _, n := range s.needed {
		if missing := n.fields &^ known; missing != 0 {
			first := Fields(1) << bits.TrailingZeros8(uint8(missing))
			return &Error{
				File: s.name, Line: n.line, Text: n.text,
				Reason: fmt.Sprintf("the rule asks for %v, which %s cannot know", first, sensor),
				Hint:   "use a sensor that knows it, or take the rule out",
			}
		}
	}
	return nil
}
