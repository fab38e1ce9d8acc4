package journal

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// testConfig is small and without the attribute that would keep the test's own
// directory from being removed.
func testConfig(t testing.TB) Config {
	cfg := DefaultConfig()
	cfg.Dir = filepath.Join(t.TempDir(), "journal")
	cfg.AppendOnly = false
	return cfg
}

func open(t testing.TB, cfg Config, deps Deps) *Writer {
	t.Helper()
	w, err := Open(cfg, deps)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return w
}

// readAll returns the entries of others, not those that the journal makes.
func readAll(t testing.TB, dir string, options ReadOptions) (entries []reset.Entry, control []reset.Control) {
	t.Helper()
	r, err := NewReader(dir, options)
	if err != nil {
		t.Fatalf("NewReader: %v", err)
	}
	defer r.Close()
	for {
		entry, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return entries, control
		}
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		if c := entry.Control; c != nil && isOwn(c) {
			control = append(control, *c)
			continue
		}
		entries = append(entries, entry)
	}
}

func isOwn(c *reset.Control) bool {
	switch c.Event {
	case "segment", "recovered", "damaged", "lost", "removed":
		return true
	}
	return false
}

func storms(from, n int) []reset.Entry {
	entries := make([]reset.Entry, n)
	for i := range entries {
		entries[i] = storm(from + i)
	}
	return entries
}

// same compares entries; the difference is worked out only if there is one.
func same(t testing.TB, want, got []reset.Entry) {
	t.Helper()
	if reflect.DeepEqual(want, got) {
		return
	}
	t.Fatalf("entries (-want +got):\n%.4000s", cmp.Diff(want, got, compareAddr))
}

func noDamage(t testing.TB) func(Damage) {
	return func(d Damage) { t.Errorf("damage: %v", d.Error()) }
}

func TestWhatIsAppendedIsRead(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
	}{
		{"default", func(*Config) {}},
		{"sync each", func(c *Config) { c.SyncInterval = 0 }},
		{"blocks wait", func(c *Config) { c.BlockInterval = time.Hour }},
		{"small segments", func(c *Config) { c.SegmentBytes = 64 << 10; c.BlockBytes = 4 << 10 }},
		{"small segments, plain", func(c *Config) { c.SegmentBytes = 64 << 10; c.BlockBytes = 4 << 10; c.Compress = false }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(t)
			tt.change(&cfg)
			var want []reset.Entry
			for life := range 3 {
				w := open(t, cfg, Deps{})
				for i := range 4 {
					batch := storms(life*10000+i*300, 300)
					if err := w.Append(batch); err != nil {
						t.Fatalf("Append: %v", err)
					}
					want = append(want, batch...)
				}
				if err := w.Sync(); err != nil {
					t.Fatalf("Sync: %v", err)
				}
				if err := w.Tidy(context.Background()); err != nil {
					t.Fatalf("Tidy: %v", err)
				}
				if err := w.Close(); err != nil {
					t.Fatalf("Close: %v", err)
				}
			}
			got, _ := readAll(t, cfg.Dir, ReadOptions{OnDamage: noDamage(t)})
			same(t, want, got)
		})
	}
}
