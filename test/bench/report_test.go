package bench

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestQuantile(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		q      float64
		want   float64
	}{
		{"one", []float64{7}, 0.99, 7},
		{"the middle of three", []float64{9, 1, 5}, 0.5, 5},
		{"between two", []float64{10, 20}, 0.5, 15},
		{"the least", []float64{3, 1, 2}, 0, 1},
		{"the most", []float64{3, 1, 2}, 1, 3},
		{"a quarter", []float64{0, 10, 20, 30, 40}, 0.25, 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := quantile(test.values, test.q); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if got := quantile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("of nothing: got %v, want NaN", got)
	}
}

func TestShareIsNeverRoundedUpToAll(t *testing.T) {
	tests := []struct {
		name        string
		part, whole uint64
		want        string
	}{
		{"all", 3_000_000, 3_000_000, "100 %"},
		{"all but one", 2_999_999, 3_000_000, "99.99997 %"},
		{"half", 1, 2, "50.0 %"},
		{"none of none", 0, 0, "-"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := share(test.part, test.whole); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSummariseComparesWithinARound(t *testing.T) {
	// The machine was twice as slow in the second round: only the differences
	// and ratios within a round are about the watcher.
	c := Cost{Rounds: []float64{110, 220, 115}}
	c.summarise([]float64{100, 200, 105})
	if c.Added != 10 || c.Packet != 115 || c.Relative != 1.1 {
		t.Errorf("got %+v", c)
	}
}

func TestWritePageReplacesWhatStandsBetweenTheMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	text := "above\n" + tablesBegin + "old\n" + tablesEnd + "below\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Report{Date: "2026-01-02"}
	for range 2 { // the second time it finds its own marks
		if err := r.WritePage(path); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "above\n" + tablesBegin + r.Tables() + tablesEnd + "below\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !strings.Contains(string(got), "2026-01-02") {
		t.Errorf("the date is missing: %q", got)
	}
	if err := r.WritePage(os.DevNull); err == nil {
		t.Error("a page without marks was taken")
	}
}
