package journal

import (
	"errors"
	"hash/crc32"
	"io"
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

var compareAddr = cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })

func encodeAll(t testing.TB, entries []reset.Entry) []byte {
	t.Helper()
	var e encoder
	e.clear()
	for i := range entries {
		if err := e.add(&entries[i]); err != nil {
			t.Fatalf("add %d: %v", i, err)
		}
	}
	if int(e.entries) != len(entries) {
		t.Fatalf("block counts %d entries, want %d", e.entries, len(entries))
	}
	return e.block[headerLength:]
}

func decodeAll(payload []byte) (entries []reset.Entry, err error) {
	d := newDecoder(payload)
	for {
		entry, err := d.next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
		entries = append(entries, entry)
	}
}

func roundTrip(t testing.TB, entries []reset.Entry) {
	t.Helper()
	got, err := decodeAll(encodeAll(t, entries))
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	if diff := cmp.Diff(entries, got, compareAddr); diff != "" {
		t.Fatalf("entries read back (-want +got):\n%s", diff)
	}
}

// Every field of every kind of entry, none at its zero.
func TestEveryFieldComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := filler{t: t, every: true}
		r, c, l := &reset.Reset{}, &reset.Coverage{}, &reset.Control{}
		f.value(reflect.ValueOf(r).Elem())
		f.value(reflect.ValueOf(c).Elem())
		f.value(reflect.ValueOf(l).Elem())
		entries := []reset.Entry{{Reset: r}, {Coverage: c}, {Control: l}}
		got, err := decodeAll(encodeEntries(t, entries))
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if diff := cmp.Diff(entries, got, compareAddr); diff != "" {
			t.Fatalf("entries read back (-want +got):\n%s", diff)
		}
	})
}

func encodeEntries(t *rapid.T, entries []reset.Entry) []byte {
	var e encoder
	e.clear()
	for i := range entries {
		if err := e.add(&entries[i]); err != nil {
			t.Fatalf("add %d: %v", i, err)
		}
	}
	return e.block[headerLength:]
}

func TestAnyEntriesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := filler{t: t}
		var entries []reset.Entry
		for range rapid.IntRange(1, 5).Draw(t, "entries") {
			entries = append(entries, f.entry())
		}
		got, err := decodeAll(encodeEntries(t, entries))
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if diff := cmp.Diff(entries, got, compareAddr); diff != "" {
			t.Fatalf("entries read back (-want +got):\n%s", diff)
		}
	})
}

func TestTypicalResetsComeBackAndAreSmall(t *testing.T) {
	tests := []struct {
		name string
		make func(int) reset.Entry
		most int // bytes a reset, in the payload
	}{
		{"storm", storm, 130},
		{"abort", abort, 160},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const n = 1000
			entries := make([]reset.Entry, n)
			for i := range entries {
				entries[i] = tt.make(i)
			}
			roundTrip(t, entries)
			size := len(encodeAll(t, entries)) / n
			t.Logf("%d bytes a reset", size)
			if size > tt.most {
				t.Errorf("%d bytes a reset, want at most %d", size, tt.most)
			}
		})
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	deep := &reset.Process{Comm: "a"}
	for range maxDepth {
		deep = &reset.Process{By: deep}
	}
	tests := []struct {
		name  string
		entry reset.Entry
	}{
		{"message", reset.Entry{Control: &reset.Control{Message: string(make([]byte, maxRecord+1))}}},
		{"text", reset.Entry{Reset: &reset.Reset{Summary: string(make([]byte, maxPayload))}}},
		{"list", reset.Entry{Reset: &reset.Reset{CausedBy: make([]reset.ID, maxList+1)}}},
		{"depth", reset.Entry{Reset: &reset.Reset{Process: deep}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e encoder
			e.clear()
			before := storm(1)
			if err := e.add(&before); err != nil {
				t.Fatal(err)
			}
			size := e.size()
			if err := e.add(&tt.entry); !errors.Is(err, ErrTooLarge) {
				t.Fatalf("add: %v, want ErrTooLarge", err)
			}
			if e.size() != size || e.entries != 1 {
				t.Errorf("the block changed: %d bytes, %d entries; want %d, 1", e.size(), e.entries, size)
			}
		})
	}
}

// The journal leaves hashes out that it can compute again. So if one of them
// changes its meaning, the format's version has to change with it.
func TestHashesThatAreNotStoredDoNotChange(t *testing.T) {
	r := storm(1).Reset
	want := [3]string{"4bd4973405240937", "9a00c5f22394328d", "88d92d7eb7996f4b"}
	got := [3]string{hex16(r.Flow), hex16(r.Pkt), hex16(r.PacketID)}
	if got != want {
		t.Errorf("hashes %v, want %v: a change needs a new formatVersion", got, want)
	}
}

func hex16(h reset.Hash) string {
	text, _ := h.MarshalText()
	return string(text)
}

func BenchmarkEncode(b *testing.B) {
	for name, make := range map[string]func(int) reset.Entry{"storm": storm, "abort": abort} {
		b.Run(name, func(b *testing.B) {
			var entries [1024]reset.Entry
			for i := range entries {
				entries[i] = make(i)
			}
			var e encoder
			e.clear()
			b.ReportAllocs()
			bytes, n := 0, 0
			for b.Loop() {
				if err := e.add(&entries[n%len(entries)]); err != nil {
					b.Fatal(err)
				}
				n++
				if e.size() >= 256<<10 {
					bytes += e.size()
					e.clear()
				}
			}
			b.ReportMetric(float64(bytes+e.size())/float64(n), "B/reset")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	var entries [1024]reset.Entry
	for i := range entries {
		entries[i] = storm(i)
	}
	payload := encodeAll(b, entries[:])
	b.ReportAllocs()
	d := newDecoder(payload)
	for b.Loop() {
		if _, err := d.next(); err != nil {
			d = newDecoder(payload)
		}
	}
}

func crcOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
