package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// journalOf writes some segments, the middle one compressed by choice.
func journalOf(t testing.TB, compress bool) (m *memFS, cfg Config, heads []KeptHead) {
	t.Helper()
	m, cfg = newMemFS(7), crashConfig()
	cfg.Compress, cfg.AppendOnly, cfg.SegmentBytes = compress, false, 1<<20
	deps := Deps{FS: m, Now: newClock().now, Heads: func(segment string, head [32]byte, _ reset.Time) {
		heads = append(heads, KeptHead{segment, head})
	}}
	w, err := openIdle(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		err = errors.Join(w.Append(numbered(i*300, 100)), w.Append(numbered(i*300+100, 100)), w.Append(numbered(i*300+200, 100)))
		if i < 2 {
			err = errors.Join(err, w.Rotate())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Sync(), w.Tidy(context.Background()), w.Close()); err != nil {
		t.Fatal(err)
	}
	return m, cfg, heads
}

func fileNames(m *memFS) []string { return slices.Sorted(maps.Keys(m.names)) }

func TestVerifyFindsEdits(t *testing.T) {
	tests := []struct {
		name string
		edit func(m *memFS, names []string)
		want string // in one of the faults; "" for none
	}{
		{"nothing", func(*memFS, []string) {}, ""},
		{"a byte in a payload", func(m *memFS, names []string) { m.names[names[1]].content[5000] ^= 1 }, "checksum"},
		{"a byte in a segment's head", func(m *memFS, names []string) { m.names[names[1]].content[40] ^= 1 }, "no head"},
		{"a byte in a block's head", func(m *memFS, names []string) { m.names[names[1]].content[headLength+50] ^= 1 }, "no block"},
		{"the end is cut off", func(m *memFS, names []string) {
			f := m.names[names[1]]
			f.content = f.content[:len(f.content)-10]
		}, "ends early"},
		{"the last block is gone", func(m *memFS, names []string) { cutBlock(m.names[names[1]], -1) }, "the chain is broken"},
		{"a block in the middle is gone", func(m *memFS, names []string) { cutBlock(m.names[names[1]], 3) }, "stands where block"},
		{"a segment is gone", func(m *memFS, names []string) { delete(m.names, names[1]) }, "segments 2 to 2 are not there"},
		{"a block was rewritten", func(m *memFS, names []string) { forge(m.names[names[1]]) }, "the chain is broken"},
		{"the last block of all is gone", func(m *memFS, names []string) { cutBlock(m.names[names[2]], -1) }, "is not in the chain"},
		{"something was added", func(m *memFS, names []string) {
			f := m.names[names[0]]
			f.content = append(f.content, "more"...)
		}, "ends early"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, cfg, heads := journalOf(t, false)
			names := fileNames(m)
			if len(names) != 3 {
				t.Fatalf("%d files", len(names))
			}
			tt.edit(m, names)
			report, err := Verify(context.Background(), m, cfg.Dir, heads)
			if err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprint(report.Faults)
			switch {
			case tt.want == "" && (!report.OK() || report.Matched != 3 || report.Segments != 3):
				t.Errorf("faults %s, matched %d of %v", text, report.Matched, heads)
			case tt.want != "" && (report.OK() || !strings.Contains(text, tt.want)):
				t.Errorf("faults %s, want one with %q", text, tt.want)
			}
		})
	}
}

// blocksOf returns where the blocks of a plain segment begin and end.
func blocksOf(f *memFile) (list []block) {
	w, _ := newWalker("x", &memHandle{newMemFS(1), f})
	for {
		b, err := w.next(false)
		if err != nil {
			return list
		}
		list = append(list, b)
	}
}

func cutBlock(f *memFile, i int) {
	list := blocksOf(f)
	b := list[(i+len(list))%len(list)]
	f.content = slices.Delete(f.content, int(b.offset), int(b.end()))
}

// forge changes a payload and mends both checksums, as somebody with an editor
// and patience would, but not the chain.
func forge(f *memFile) {
	b := blocksOf(f)[2]
	raw := f.content[b.offset:b.end()]
	raw[len(raw)-3] ^= 1
	b.head.payloadCRC = crcOf(raw[headerLength:])
	b.head.encode(raw)
	b.head.seal(raw)
}

// A changed byte anywhere, in plain or compressed segments, is never silent:
// the reader tells of damage or returns all entries unchanged, and Verify finds
// it if the reader does.
func TestNoChangedByteIsSilent(t *testing.T) {
	for _, compress := range []bool{false, true} {
		m, cfg, _ := journalOf(t, compress)
		t.Run(fmt.Sprintf("compress=%v", compress), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				n := m.killed()
				names := fileNames(n)
				f := n.names[names[rapid.IntRange(0, len(names)-1).Draw(t, "file")]]
				at := rapid.IntRange(0, len(f.content)-1).Draw(t, "at")
				f.content[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "xor"))
				var damages int
				r, err := NewReader(cfg.Dir, ReadOptions{FS: n, Poll: 1, OnDamage: func(Damage) { damages++ }})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				var got []int
				for {
					e, err := r.Next(context.Background())
					if err != nil {
						break
					}
					if e.Reset != nil {
						var n int
						_, _ = fmt.Sscan(e.Reset.Summary, &n)
						got = append(got, n)
					}
				}
				report, err := verify(context.Background(), n, cfg.Dir, nil, 1)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
					t.Fatalf("entries doubled or out of order: %v", got)
				}
				if len(got) != 900 && damages == 0 {
					t.Fatalf("%d of 900 entries, and no damage was told", len(got))
				}
				if damages > 0 && report.OK() {
					t.Fatalf("the reader met damage and Verify found none")
				}
			})
		})
	}
}

func TestVerifyKnowsWhatTheJournalNoted(t *testing.T) {
	m, cfg, _ := journalOf(t, false)
	names := fileNames(m)
	f := m.names[names[2]]
	f.content = f.content[:len(f.content)-10]
	w, err := openIdle(cfg, Deps{FS: m, Now: newClock().now})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(numbered(0, 1)), w.Close()); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(context.Background(), m, cfg.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Faults) != 1 || !report.Faults[0].Noted || !report.OK() {
		t.Errorf("faults %v, want one, noted", report.Faults)
	}
	_, control := readAll(t, cfg.Dir, ReadOptions{FS: m})
	last := control[len(control)-1]
	if last.Event != "recovered" || !strings.Contains(last.Message, "offset "+fmt.Sprint(report.Faults[0].Offset)) {
		t.Errorf("last control entry %v, want one that names the offset", last)
	}
}

func TestListCountsWhatIsThere(t *testing.T) {
	for _, compress := range []bool{false, true} {
		m, cfg, _ := journalOf(t, compress)
		infos, err := List(context.Background(), m, cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		entries := 0
		for i, info := range infos {
			entries += int(info.Entries)
			if info.Sealed != (i < 2) || info.Compressed != (compress && i < 2) || info.Damages != 0 {
				t.Errorf("segment %d: %+v", i, info)
			}
		}
		if len(infos) != 3 || entries != 900+5 {
			t.Errorf("%d segments with %d entries, want 3 with 905", len(infos), entries)
		}
	}
}

func TestRepairCopiesWhatCanBeRead(t *testing.T) {
	m, cfg, _ := journalOf(t, true)
	names := fileNames(m)
	content := m.names[names[1]].content
	content[len(content)/2] ^= 0xff
	before := m.killed()
	report, err := Repair(context.Background(), cfg.Dir, "/copy", nil, Deps{FS: m, Now: newClock().now})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Damages) == 0 || report.Segments != 3 {
		t.Errorf("report %+v", report)
	}
	for _, name := range names {
		if !slices.Equal(m.names[name].content, before.names[name].content) {
			t.Errorf("%s was changed", name)
		}
	}
	want, _ := readAll(t, cfg.Dir, ReadOptions{FS: m})
	got, _ := readAll(t, "/copy", ReadOptions{FS: m})
	got = slices.DeleteFunc(got, func(e reset.Entry) bool { return e.Control != nil })
	if len(got) < 500 || len(got) >= 900 {
		t.Errorf("%d entries were copied", len(got))
	}
	same(t, want, got)
	if v, err := Verify(context.Background(), m, "/copy", nil); err != nil || !v.OK() {
		t.Errorf("the copy: %v, %v", v.Faults, err)
	}
	if _, err := Repair(context.Background(), cfg.Dir, "/copy", nil, Deps{FS: m}); err == nil {
		t.Error("a second repair into the same directory is not refused")
	}
}

func TestReadFromAnyPosition(t *testing.T) {
	for _, compress := range []bool{false, true} {
		m, cfg, _ := journalOf(t, compress)
		r, err := NewReader(cfg.Dir, ReadOptions{FS: m, Poll: 1})
		if err != nil {
			t.Fatal(err)
		}
		var all []reset.Entry
		positions := []Position{{}}
		for {
			e, err := r.Next(context.Background())
			if err != nil {
				break
			}
			all = append(all, e)
			p, err := ParsePosition(r.Position().String())
			if err != nil {
				t.Fatal(err)
			}
			positions = append(positions, p)
		}
		for range 60 {
			i := rand.IntN(len(positions))
			r, err := NewReader(cfg.Dir, ReadOptions{FS: m, From: positions[i], OnDamage: noDamage(t), Poll: 1})
			if err != nil {
				t.Fatal(err)
			}
			var got []reset.Entry
			for {
				e, err := r.Next(context.Background())
				if err != nil {
					break
				}
				got = append(got, e)
			}
			same(t, append([]reset.Entry(nil), all[i:]...), got)
		}
	}
}

func TestReadByTime(t *testing.T) {
	const base = 1_790_000_000_000_000_000
	for _, compress := range []bool{false, true} {
		m, cfg, _ := journalOf(t, compress)
		for _, bounds := range [][2]int{{0, 900}, {0, 1}, {299, 301}, {450, 700}, {899, 900}, {900, 1000}} {
			got, _ := readAll(t, cfg.Dir, ReadOptions{
				FS: m, Since: reset.Time(base + bounds[0]), Until: reset.Time(base + bounds[1]), OnDamage: noDamage(t),
			})
			want := upTo(900)[min(bounds[0], 900):min(bounds[1], 900)]
			if n := numbers(t, got); !slices.Equal(n, want) {
				t.Errorf("compress %v, %v: got %v", compress, bounds, n)
			}
		}
	}
}
