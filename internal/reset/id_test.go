package reset_test

import (
	"sort"
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want reset.ID
		copy(want[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		text := want.String()
		got, err := reset.ParseID(text)
		if err != nil || got != want || len(text) != 26 {
			t.Fatalf("%s is %x, error %v, want %x", text, got, err, want)
		}
		if want.Short() != text[20:] {
			t.Fatalf("short form %s of %s", want.Short(), text)
		}
	})
}

func TestIDSortsByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		origin := reset.NewOrigin(rapid.String().Draw(t, "origin"))
		times := rapid.SliceOfN(rapid.Int64Range(0, 1<<62), 2, 10).Draw(t, "times")
		sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
		before := reset.ID{}
		for _, at := range times {
			id := origin.NewID(at, rapid.Uint64().Draw(t, "position"))
			if id.UnixMilli() != at/1e6 {
				t.Fatalf("time %d in the id, want %d", id.UnixMilli(), at/1e6)
			}
			if id.UnixMilli() > before.UnixMilli() && id.String() <= before.String() {
				t.Fatalf("%s at %d does not sort after %s", id, at, before)
			}
			before = id
		}
	})
}

// TestIDKnown pins the form and the hash: evidence read again must get the id
// that it had.
func TestIDKnown(t *testing.T) {
	id, err := reset.ParseID("01ARZ3NDEKTSV4RRFFQ69G5FAV") // the ULID specification's example
	want := reset.ID{0x01, 0x56, 0x3e, 0x3a, 0xb5, 0xd3, 0xd6, 0x76, 0x4c, 0x61, 0xef, 0xb9, 0x93, 0x02, 0xbd, 0x5b}
	if err != nil || id != want || id.UnixMilli() != 1469922850259 {
		t.Errorf("%x at %d, error %v, want %x", id, id.UnixMilli(), err, want)
	}
	if lower, err := reset.ParseID("01arz3ndektsv4rrffq69g5fav"); err != nil || lower != want {
		t.Errorf("lower case: %x, error %v", lower, err)
	}
	if got := reset.NewOrigin("boot 1").NewID(1724500000123456789, 42).String(); got != "01J623BFBVT70X3W7270DCRMXJ" {
		t.Errorf("id %s", got)
	}
}

func TestIDTellsApart(t *testing.T) {
	seen := map[reset.ID]bool{}
	for _, place := range []string{"", "a", "b", "ab", "ba"} {
		origin := reset.NewOrigin(place)
		for position := range uint64(10000) {
			seen[origin.NewID(0, position)] = true
		}
	}
	if len(seen) != 50000 {
		t.Errorf("%d ids for 50000 places", len(seen))
	}
}

func TestParseIDRefuses(t *testing.T) {
	for _, wrong := range []string{
		"", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAVV", "81ARZ3NDEKTSV4RRFFQ69G5FAV",
		"01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5FA ", "01ARZ3NDEKTSV4RRFFQ69G5F\xc3\xa9",
	} {
		if id, err := reset.ParseID(wrong); err == nil {
			t.Errorf("%q is taken for %s", wrong, id)
		}
	}
}
