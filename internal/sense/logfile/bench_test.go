package logfile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkRead reads a log of resets alone, and one in which every hundredth
// line is one.
func BenchmarkRead(b *testing.B) {
	const lines = 100_000
	for _, bb := range []struct {
		name  string
		every int
	}{{"every line a reset", 1}, {"one in a hundred", 100}} {
		b.Run(bb.name, func(b *testing.B) {
			var text bytes.Buffer
			at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
			for i := range lines {
				at = at.Add(10 * time.Millisecond)
				if i%bb.every == 0 {
					fmt.Fprintf(&text, "%s vb kernel: [drds] %s\n", at.Format(time.Stamp), logText(i%60000))
				} else {
					fmt.Fprintf(&text, "%s vb systemd[1]: Started session-%d.scope - Session %d of User root, and some more words.\n", at.Format(time.Stamp), i, i)
				}
			}
			path := filepath.Join(b.TempDir(), "a.log")
			if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				in, err := Look(path, nil)
				if err != nil {
					b.Fatal(err)
				}
				if err := New(Config{}, []*Input{in}).Run(context.Background(), func(*Found) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*lines), "ns/line")
		})
	}
}
