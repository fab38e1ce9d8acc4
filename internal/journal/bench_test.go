package journal

import (
	"context"
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"
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
	n, before := 0, cpuTime()
	for b.Loop() {
		n++
		if n%batch == 0 {
			if err := w.Append(entries); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(n), "cpu-ns/reset")
	b.ReportMetric(float64(w.Stats().Bytes)/float64(w.Stats().Entries+1), "B/reset")
}

// cpuTime is what the process used, in nanoseconds: on a busy machine the clock
// tells little.
func cpuTime() int64 {
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano()
}

func BenchmarkVerify(b *testing.B) {
	cfg := testConfig(b)
	w := open(b, cfg, Deps{})
	if err := errors.Join(w.Append(storms(0, 100_000)), w.Close()); err != nil {
		b.Fatal(err)
	}
	before, n := cpuTime(), 0
	for b.Loop() {
		report, err := Verify(context.Background(), nil, cfg.Dir, nil)
		if err != nil || !report.OK() {
			b.Fatal(err, report.Faults)
		}
		b.SetBytes(report.Bytes)
		n += int(report.Entries)
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(n), "cpu-ns/reset")
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
