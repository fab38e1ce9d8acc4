package reset_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestEscapeJSON(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", `{"a":"b"}`, `{"a":"b"}`},
		{"letters stay", `"日本 é"`, `"日本 é"`},
		{"white space of JSON stays", "{\n  \"a\": 1\n}\n", "{\n  \"a\": 1\n}\n"},
		{"C1 control", "\"\u009b31m\"", `"\u009b31m"`},
		{"DEL", "\"a\x7fb\"", `"a\u007fb"`},
		{"right-to-left override", "\"\u202egnp\"", `"\u202egnp"`},
		{"isolates", "\"\u2066a\u2069\"", `"\u2066a\u2069"`},
		{"above U+FFFF", "\"\U000e0001\"", `"\udb40\udc01"`},
		{"at both ends", "\u200ex\u200f", `\u200ex\u200f`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(reset.EscapeJSON(nil, []byte(tt.text))); got != tt.want {
				t.Errorf("EscapeJSON(%q) = %s, want %s", tt.text, got, tt.want)
			}
		})
	}
}

// TestEscapeJSONLosesNothing: any text reads back as what it was.
func TestEscapeJSONLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := json.Unmarshal(reset.EscapeJSON(nil, text), &got); err != nil || got != want {
			t.Fatalf("%q comes back as %q, %v", want, got, err)
		}
	})
}

// TestHostileNameInJSON: what a process calls itself cannot act on a terminal,
// and is not lost.
func TestHostileNameInJSON(t *testing.T) {
	const name = "a\x1b[2J\u009b31m\x7f\u202eb"
	entry := reset.Entry{Reset: &reset.Reset{Process: &reset.Process{Comm: name}}}
	line := reset.AppendJSON(nil, &entry)
	for _, c := range string(line) {
		if c < ' ' || c > '~' {
			t.Errorf("%U is in the line %q", c, line)
		}
	}
	back, err := reset.ParseJSON(line)
	if err != nil || back.Reset.Process.Comm != name {
		t.Errorf("read back as %+v, %v; want %q", back.Reset, err, name)
	}
}
