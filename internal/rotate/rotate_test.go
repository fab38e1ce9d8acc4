package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func testConfig(t *testing.T, c *clock) Config {
	cfg := DefaultConfig(filepath.Join(t.TempDir(), "drds-tcp.log"))
	cfg.Now = c.Now
	cfg.AppendOnly = false
	return cfg
}

func open(t *testing.T, cfg Config) *Writer {
	t.Helper()
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func write(t *testing.T, w *Writer, text string) {
	t.Helper()
	if n, err := w.Write([]byte(text)); err != nil || n != len(text) {
		t.Fatalf("write of %d bytes: %d, %v", len(text), n, err)
	}
}

// settled waits until the keeper has nothing more to do.
func settled(t *testing.T, cfg Config) {
	t.Helper()
	poll(t, func() bool {
		for _, name := range names(t, cfg) {
			a, ok := newNaming(cfg.Path, "-%Y%m%d").parse(name)
			if ok && (a.partial || a.suffix == "" && cfg.Compress != CompressNone) {
				return false
			}
		}
		return true
	})
}

func poll(t testing.TB, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing came of it within 20 s")
		}
	}
}

func names(t testing.TB, cfg Config) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(cfg.Path))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// content reads every line of every file of the log, in order.
func content(t testing.TB, path string) string {
	t.Helper()
	files, err := Files(path, "")
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, file := range files {
		r, err := OpenFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			t.Fatalf("reading %s: %v", file, err)
		}
		r.Close()
	}
	return all.String()
}

func TestDailyNames(t *testing.T) {
	for _, tc := range []struct{ name, compress, suffix string }{
		{"gzip", CompressGzip, ".gz"}, {"zstd", CompressZstd, ".zst"}, {"plain", CompressNone, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClock()
			cfg := testConfig(t, c)
			cfg.Compress = tc.compress
			w := open(t, cfg)
			write(t, w, "one\n")
			c.add(24 * time.Hour)
			write(t, w, "two\n")
			if err := w.Rotate(); err != nil {
				t.Fatal(err)
			}
			write(t, w, "three\n")
			if err := w.Rotate(); err != nil {
				t.Fatal(err)
			}
			settled(t, cfg)
			want := []string{
				"drds-tcp.log", "drds-tcp.log-20261122" + tc.suffix,
				"drds-tcp.log-20261123" + ".1" + tc.suffix, "drds-tcp.log-20261123" + tc.suffix,
			}
			if diff := cmp.Diff(want, names(t, cfg), sorted); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff("one\ntwo\nthree\n", content(t, cfg.Path)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

var sorted = cmp.Transformer("set", func(in []string) map[string]bool {
	set := make(map[string]bool)
	for _, s := range in {
		set[s] = true
	}
	return set
})

func TestSizeNeverExceeded(t *testing.T) {
	cfg := testConfig(t, newClock())
	cfg.MaxBytes, cfg.Compress = 100, CompressNone
	w := open(t, cfg)
	var want strings.Builder
	for i := range 50 {
		line := fmt.Sprintf("line %030d\n", i)
		want.WriteString(line)
		write(t, w, line)
	}
	files, err := Files(cfg.Path, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 25 { // two lines of 36 bytes each
		t.Errorf("%d files, want 25", len(files))
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > cfg.MaxBytes {
			t.Errorf("%s: %d bytes, %v", file, info.Size(), err)
		}
	}
	if diff := cmp.Diff(want.String(), content(t, cfg.Path)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestRetention(t *testing.T) {
	c := newClock()
	cfg := testConfig(t, c)
	cfg.Keep = 3
	foreign := cfg.Path + "-20200101.bak"
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w := open(t, cfg)
	for i := range 6 {
		write(t, w, fmt.Sprintln("day", i))
		c.add(24 * time.Hour)
	}
	write(t, w, "last\n")
	want := []string{
		"drds-tcp.log", "drds-tcp.log-20200101.bak",
		"drds-tcp.log-20261125.gz", "drds-tcp.log-20261126.gz", "drds-tcp.log-20261127.gz",
	}
	// The file goes before it is counted.
	poll(t, func() bool { return cmp.Equal(want, names(t, cfg), sorted) && w.Stats().Removed >= 3 })
	if got := w.Stats().Removed; got != 3 {
		t.Errorf("%d removed, want 3", got)
	}
}

func TestOpenRepairs(t *testing.T) {
	c := newClock()
	cfg := testConfig(t, c)
	write(t, open(t, cfg), "") // nothing
	dir := filepath.Dir(cfg.Path)
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	os.Remove(cfg.Path)
	put("drds-tcp.log", "whole\nhalf a li")
	put("drds-tcp.log-20261120", "left plain\n")
	put("drds-tcp.log-20261119.gz"+temporary, "half")
	put("drds-tcp.log-20261120.gz"+temporary, "half")
	w := open(t, cfg)
	write(t, w, "next\n")
	settled(t, cfg)
	if diff := cmp.Diff("left plain\nwhole\nnext\n", content(t, cfg.Path)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if got := w.Stats().TornBytes; got != 9 {
		t.Errorf("%d torn bytes, want 9", got)
	}
}

func TestOldFileRotatesAtFirstLine(t *testing.T) {
	c := newClock()
	cfg := testConfig(t, c)
	if err := os.WriteFile(cfg.Path, []byte("yesterday\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	old := c.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(cfg.Path, old, old); err != nil {
		t.Fatal(err)
	}
	w := open(t, cfg)
	write(t, w, "today\n")
	settled(t, cfg)
	if diff := cmp.Diff([]string{"drds-tcp.log", "drds-tcp.log-20261121.gz"}, names(t, cfg)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestClockSetBack(t *testing.T) {
	c := newClock()
	cfg := testConfig(t, c)
	cfg.Compress = CompressNone
	w := open(t, cfg)
	for i, d := range []time.Duration{0, 24 * time.Hour, -72 * time.Hour, 0, 24 * time.Hour, 72 * time.Hour} {
		c.add(d)
		write(t, w, fmt.Sprintln(i))
		if i%2 == 1 {
			if err := w.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff("0\n1\n2\n3\n4\n5\n", content(t, cfg.Path)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestSameNamesFromElsewhere(t *testing.T) {
	c := newClock()
	cfg := testConfig(t, c)
	if err := os.WriteFile(cfg.Path+"-20261120", []byte("of another\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	w := open(t, cfg)
	settled(t, cfg)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cfg.Path+"-20261120", []byte("of a third\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	w = open(t, cfg)
	poll(t, func() bool { return content(t, cfg.Path) == "of another\nof a third\n" })
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	cfg := testConfig(t, newClock())
	w := open(t, cfg)
	if _, err := w.Write([]byte("half")); !errors.Is(err, ErrNotLines) {
		t.Errorf("half a line: %v", err)
	}
	if _, err := Open(cfg); err == nil {
		t.Error("a second writer was let in")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := w.Write([]byte("x\n")); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if got := w.Stats(); got.LostLines != 2 || got.WriteErrors != 2 {
		t.Errorf("lost %d lines in %d errors, want 2 in 2", got.LostLines, got.WriteErrors)
	}
	link := filepath.Join(filepath.Dir(cfg.Path), "link")
	if err := os.Symlink(cfg.Path, link); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []func(*Config){
		func(c *Config) { c.Path = link },
		func(c *Config) { c.Path = "/dev/null" },
		func(c *Config) { c.Path = "" },
		func(c *Config) { c.Compress = "lz4" },
		func(c *Config) { c.DateFormat = "-%Y%m" },
		func(c *Config) { c.DateFormat = "-%Y%m%d%H" },
		func(c *Config) { c.Group = "no such group" },
		func(c *Config) { c.Mode = 0o440 },
		func(c *Config) { c.Keep = -1 },
	} {
		other := cfg
		bad(&other)
		if w, err := Open(other); err == nil {
			w.Close()
			t.Errorf("accepted: %+v", other)
		}
	}
}

func TestRemovedFileIsMadeAnew(t *testing.T) {
	cfg := testConfig(t, newClock())
	w := open(t, cfg)
	write(t, w, "gone\n")
	if err := os.Remove(cfg.Path); err != nil {
		t.Fatal(err)
	}
	write(t, w, "here\n")
	if diff := cmp.Diff("here\n", content(t, cfg.Path)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(cfg.Path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestFailedRotationKeepsWriting(t *testing.T) {
	c := newClock()
	cfg := testConfig(t, c)
	cfg.crash = func(step string) bool {
		if step == "before rename" { // somebody takes the name in the last instant
			_ = os.WriteFile(cfg.Path+"-20261122", []byte("squatter\n"), 0o600)
		}
		return false
	}
	cfg.Compress = CompressNone
	w := open(t, cfg)
	write(t, w, "one\n")
	c.add(24 * time.Hour)
	write(t, w, "two\n")
	if got := w.Stats(); got.RotateErrors != 1 || got.Lines != 2 {
		t.Errorf("stats %+v", got)
	}
	c.add(retryAfter + time.Second)
	write(t, w, "three\n")
	if diff := cmp.Diff("squatter\none\ntwo\nthree\n", content(t, cfg.Path)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func BenchmarkWrite(b *testing.B) {
	cfg := DefaultConfig(filepath.Join(b.TempDir(), "x.log"))
	cfg.AppendOnly = false
	w, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	line := []byte(strings.Repeat("x", 199) + "\n")
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := w.Write(line); err != nil {
			b.Fatal(err)
		}
	}
}
