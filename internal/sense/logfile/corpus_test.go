package logfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCorpus reads the files of testdata, most of them damaged: what is whole is
// read, and the rest is counted.
func TestCorpus(t *testing.T) {
	want := map[string][4]uint64{ // resets, torn, foreign, files that broke
		"drds-tcp.log":          {4, 0, 0, 0},
		"glued.log":             {4, 2, 0, 0},
		"heads.log":             {11, 0, 0, 0},
		"hostile.log":           {2, 2, 0, 0},
		"journal-cut.export":    {1, 0, 0, 1},
		"journal-length.export": {1, 0, 0, 1},
		"journal.export":        {3, 0, 0, 0},
		"journal.json":          {2, 1, 0, 0},
		"logemu.log":            {4, 0, 0, 0},
		"long.log":              {1, 0, 0, 0},
		"torn.log":              {1, 3, 0, 0},
		"ulogd.json":            {4, 1, 0, 0},
		"zeros.log":             {2, 0, 0, 0},
	}
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, path := range files {
		n := readFiles(t, testConfig(), path).Counts
		got := [4]uint64{n.Resets, n.Torn, n.Foreign, uint64(len(n.Broken))}
		if diff := cmp.Diff(want[filepath.Base(path)], got); diff != "" {
			t.Errorf("%s: resets, torn, foreign, broken (-want +got):\n%s%+v", path, diff, n)
		}
	}
}

// TestBrokenFile: of a compressed file that was cut, what came before is read,
// and the files beside it are read as ever.
func TestBrokenFile(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	for i := range 20_000 {
		text.WriteString(bsd(date("2026-11-22T00:00:00Z").Add(time.Duration(i)*time.Second), i))
	}
	for _, ending := range []string{".gz", ".zst"} {
		whole := write(t, dir, "k.log.1"+ending, text.String(), now)
		info, err := os.Stat(whole)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(whole, info.Size()*3/4); err != nil {
			t.Fatal(err)
		}
		got := readFiles(t, testConfig(), whole, write(t, dir, "k.log", bsd(date("2026-11-23T00:00:00Z"), 7), now))
		n := len(got.Told)
		if n < 2 || n > 20_000 || got.Told[n-1].Port != 7 || len(got.Counts.Broken) != 1 || got.Counts.Broken[0].File != whole {
			t.Errorf("%s: %d resets, %+v", ending, n, got.Counts)
		}
		if err := os.Remove(whole); err != nil {
			t.Fatal(err)
		}
	}
}
