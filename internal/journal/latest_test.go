package journal

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// told is a reset as it comes out.
type told struct {
	Number   byte
	Revision uint32
}

func readLatest(t *testing.T, entries []reset.Entry, room int) (list []told) {
	t.Helper()
	c := DefaultConfig()
	c.Dir, c.AppendOnly = t.TempDir(), false
	w, err := Open(c, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(entries), w.Close()); err != nil {
		t.Fatal(err)
	}
	reader, err := NewReader(c.Dir, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	latest := NewLatest(reader)
	latest.room = room
	for {
		e, err := latest.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Reset != nil {
			list = append(list, told{e.Reset.ID[15], e.Reset.Revision})
		}
		if len(latest.held) > room || len(latest.order) > 2*room+1 {
			t.Errorf("%d held, %d in order", len(latest.held), len(latest.order))
		}
	}
}

// TestLatest: each reset once, in its last revision.
func TestLatest(t *testing.T) {
	line := func(number byte, revision uint32, second int, final bool) reset.Entry {
		at := reset.Time(1e18) + reset.Time(second)*reset.Time(time.Second)
		r := &reset.Reset{ID: reset.ID{15: number}, Revision: revision, Time: at, Final: final}
		if !final {
			r.ProvisionalUntil = at + reset.Time(2*time.Second)
		}
		return reset.Entry{Reset: r}
	}
	tests := []struct {
		name    string
		entries []reset.Entry
		room    int
		want    []told
	}{
		{"final at once", []reset.Entry{line(1, 1, 0, true), line(2, 1, 0, true)}, 8, []told{{1, 1}, {2, 1}}},
		{"provisional", []reset.Entry{line(1, 1, 0, false), line(2, 1, 0, true), line(1, 2, 0, true)}, 8, []told{{2, 1}, {1, 2}}},
		{"three revisions", []reset.Entry{line(1, 1, 0, false), line(1, 2, 0, false), line(1, 3, 0, true)}, 8, []told{{1, 3}}},
		{"cut short", []reset.Entry{line(1, 1, 0, false), line(2, 1, 1, false), line(1, 2, 0, false)}, 8, []told{{1, 2}, {2, 1}}},
		{"killed, and begun again", []reset.Entry{line(1, 1, 0, false), line(2, 1, 60, false), line(2, 2, 60, true)}, 8, []told{{1, 1}, {2, 2}}},
		{"more than fit", []reset.Entry{line(1, 1, 0, false), line(2, 1, 0, false), line(3, 1, 0, false), line(3, 2, 0, true)}, 2, []told{{1, 1}, {3, 2}, {2, 1}}},
		{"the first revision is not there", []reset.Entry{line(1, 2, 0, true)}, 8, []told{{1, 2}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, readLatest(t, test.entries, test.room)); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		})
	}
	var many []reset.Entry
	for i := range 200 {
		many = append(many, line(byte(i), 1, 0, false), line(byte(i), 2, 0, true))
	}
	if got := readLatest(t, append([]reset.Entry{line(201, 1, 0, false)}, many...), 4); len(got) != 201 {
		t.Errorf("%d resets, want 201", len(got))
	}
}
