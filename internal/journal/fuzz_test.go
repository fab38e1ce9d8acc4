package journal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// FuzzBlock reads any bytes as a block's payload. What decodes must encode, and
// decode to the same.
func FuzzBlock(f *testing.F) {
	f.Add(encodeAll(f, []reset.Entry{storm(1), storm(2), abort(3)}))
	f.Add(encodeAll(f, numbered(0, 2)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 1<<16 {
			return
		}
		entries, err := decodeAll(payload)
		if err != nil && !errors.Is(err, errRecord) {
			t.Fatalf("error %v, want one that wraps errRecord", err)
		}
		if len(entries) > 100 {
			entries = entries[:100]
		}
		var e encoder
		e.clear()
		for i := range entries {
			if err := e.add(&entries[i]); err != nil {
				t.Fatalf("what was decoded is not encoded: %v", err)
			}
		}
		again, err := decodeAll(e.block[headerLength:])
		if err != nil || len(again) != len(entries) {
			t.Fatalf("%d entries come back as %d: %v", len(entries), len(again), err)
		}
	})
}

// FuzzSegment reads any bytes as a segment's file, plain and compressed.
func FuzzSegment(f *testing.F) {
	for _, compress := range []bool{false, true} {
		f.Add(smallSegment(f, compress))
	}
	f.Add([]byte(headMagic))
	f.Add(bytes.Repeat([]byte(blockMagic), 100))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, suffix := range []string{plainSuffix, zstdSuffix} {
			m := newMemFS(1)
			m.names["/journal/00000001-20260822T140000Z"+suffix] = &memFile{content: content}
			r, err := NewReader("/journal", ReadOptions{FS: m, Poll: 1})
			if err != nil {
				t.Fatal(err)
			}
			for {
				if _, err := r.Next(context.Background()); err != nil {
					if !errors.Is(err, io.EOF) {
						t.Fatalf("Next: %v", err)
					}
					break
				}
			}
			_ = r.Close()
			if _, err := verify(context.Background(), m, "/journal", nil, 1); err != nil {
				t.Fatalf("Verify: %v", err)
			}
			if _, err := List(context.Background(), m, "/journal"); err != nil {
				t.Fatalf("List: %v", err)
			}
		}
	})
}

// smallSegment returns the file of a closed segment with a few blocks.
func smallSegment(t testing.TB, compress bool) []byte {
	m, cfg := newMemFS(7), crashConfig()
	cfg.Compress = compress
	w, err := openIdle(cfg, Deps{FS: m, Now: newClock().now})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(w.Append(storms(0, 3)), w.Append(numbered(0, 2)), w.Rotate(), w.Sync(), w.Tidy(context.Background()))
	if err != nil {
		t.Fatal(err)
	}
	return m.names[fileNames(m)[0]].content
}
