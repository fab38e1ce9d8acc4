package journal

import (
	"context"
	"errors"
	"io"
	"testing"
)

// BenchmarkAppend is the whole hot path: encoding, both checksums, and write(2)
// to a real file, in batches as a storm makes them.
func BenchmarkAppend(b *testing.B) {
	cfg := testConfig(b)
	cfg.SegmentBytes = 64 << 20
	cfg.MaxBytes = 256 << 20
	cfg.Compress = false
	w, err := Open(cfg, Deps{})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	const batch = 1300
	entries := storms(0, batch)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		if n%batch == 0 {
			if err := w.Append(entries); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(w.Stats().Bytes)/float64(w.Stats().Entries+1), "B/reset")
}

func BenchmarkRead(b *testing.B) {
	for _, compress := range []bool{false, true} {
		name := map[bool]string{false: "plain", true: "zstd"}[compress]
		b.Run(name, func(b *testing.B) {
			cfg := testConfig(b)
			cfg.Compress = compress
			w, err := Open(cfg, Deps{})
			if err != nil {
				b.Fatal(err)
			}
			if err := w.Append(storms(0, 100_000)); err != nil {
				b.Fatal(err)
			}
			if err := errors.Join(w.Rotate(), w.Sync(), w.Tidy(context.Background()), w.Close()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			r, _ := NewReader(cfg.Dir, ReadOptions{})
			for b.Loop() {
				_, err := r.Next(context.Background())
				if errors.Is(err, io.EOF) {
					_ = r.Close()
					r, _ = NewReader(cfg.Dir, ReadOptions{})
				} else if err != nil {
					b.Fatal(err)
				}
			}
			_ = r.Close()
		})
	}
}
