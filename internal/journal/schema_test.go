package journal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const protoPath = "../../docs/reference/journal.proto"

// protoField is one field of the documented schema.
type protoField struct {
	kind, name string
	repeated   bool
}

// readProto reads the part of proto3 that the schema uses: messages, not
// nested, with one field a line.
func readProto(t *testing.T) map[string]map[string]protoField {
	t.Helper()
	text, err := os.ReadFile(protoPath)
	if err != nil {
		t.Fatal(err)
	}
	head := regexp.MustCompile(`^message (\w+) \{$`)
	field := regexp.MustCompile(`^  (repeated )?(\w+) (\w+) = (\d+);`)
	messages := map[string]map[string]protoField{}
	var current map[string]protoField
	for _, line := range strings.Split(string(text), "\n") {
		if m := head.FindStringSubmatch(line); m != nil {
			current = map[string]protoField{}
			messages[m[1]] = current
		} else if m := field.FindStringSubmatch(line); m != nil {
			if _, twice := current[m[4]]; twice {
				t.Errorf("number %s is there twice: %s", m[4], line)
			}
			current[m[4]] = protoField{kind: m[2], name: m[3], repeated: m[1] != ""}
		}
	}
	return messages
}

// The codec's numbers and the documented ones are the same, by name.
func TestSchemaIsDocumented(t *testing.T) {
	documented := map[string]string{}
	for message, fields := range readProto(t) {
		for number, f := range fields {
			documented[strings.ToLower(message+strings.ReplaceAll(f.name, "_", ""))] = number
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), "schema.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	coded := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		coded[strings.ToLower(spec.Names[0].Name)] = spec.Values[0].(*ast.BasicLit).Value
		return true
	})
	if len(coded) < 150 {
		t.Fatalf("only %d numbers were found in schema.go", len(coded))
	}
	if diff := cmp.Diff(coded, documented); diff != "" {
		t.Errorf("field numbers (-schema.go +journal.proto):\n%s", diff)
	}
}

// What the encoder writes is what the schema says, type by type.
func TestBlocksFollowTheSchema(t *testing.T) {
	messages := readProto(t)
	seen := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		f := filler{t: t, every: true}
		r, c, l := &reset.Reset{}, &reset.Coverage{}, &reset.Control{}
		f.value(reflect.ValueOf(r).Elem())
		f.value(reflect.ValueOf(c).Elem())
		f.value(reflect.ValueOf(l).Elem())
		follow(t, messages, seen, "Block", encodeEntries(t, []reset.Entry{{Reset: r}, {Coverage: c}, {Control: l}}))
	})
	for message, fields := range messages {
		for _, f := range fields {
			if !seen[message+"."+f.name] {
				t.Errorf("%s.%s is documented, but never written", message, f.name)
			}
		}
	}
}

func follow(t *rapid.T, messages map[string]map[string]protoField, seen map[string]bool, message string, b []byte) {
	kinds := map[protowire.Type][]string{
		protowire.VarintType: {"uint64", "sint64"}, protowire.Fixed32Type: {"fixed32"}, protowire.Fixed64Type: {"fixed64"},
	}
	c := cursor{rest: b}
	for c.next() {
		f, ok := messages[message][strconv.Itoa(int(c.field))]
		if !ok {
			t.Fatalf("%s has no field %d", message, c.field)
		}
		seen[message+"."+f.name] = true
		switch {
		case c.kind != protowire.BytesType:
			if f.repeated || !strings.Contains(strings.Join(kinds[c.kind], " "), f.kind) {
				t.Fatalf("%s.%s has wire type %d", message, f.name, c.kind)
			}
		case messages[f.kind] != nil:
			follow(t, messages, seen, f.kind, c.data)
		case f.kind != "bytes" && !(f.kind == "uint64" && f.repeated):
			t.Fatalf("%s.%s has wire type %d", message, f.name, c.kind)
		}
	}
	if c.err != nil {
		t.Fatal(c.err)
	}
}
