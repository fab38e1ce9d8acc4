package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestImageIsAnArchive reads back what was written, by the format's own rules.
func TestImageIsAnArchive(t *testing.T) {
	var out bytes.Buffer
	m := newImage(&out)
	m.write("/a/b/file", []byte("12345"))
	m.write("/a/b/empty", nil)
	m.link("/a/link", "b/file")
	if err := m.close(); err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Name, Data string
		Mode       uint32
	}
	var got []entry
	for rest := out.Bytes(); len(rest) > 0; {
		var field [13]uint32
		if len(rest) < 110 || string(rest[:6]) != "070701" {
			t.Fatalf("no head at %q", rest)
		}
		for i := range field {
			if _, err := fmt.Sscanf(string(rest[6+8*i:14+8*i]), "%X", &field[i]); err != nil {
				t.Fatal(err)
			}
		}
		size, name := int(field[6]), int(field[11])
		start := (110 + name + 3) &^ 3
		got = append(got, entry{string(rest[110 : 110+name-1]), string(rest[start : start+size]), field[1]})
		rest = rest[(start+size+3)&^3:]
	}
	want := []entry{
		{"a", "", modeDirectory}, {"a/b", "", modeDirectory}, {"a/b/file", "12345", modeFile},
		{"a/b/empty", "", modeFile}, {"a/link", "b/file", modeLink}, {"TRAILER!!!", "", 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}
