package logfile

import (
	"path/filepath"
	"testing"

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
