package bench

import (
	"flag"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// What `make bench` sets.
var (
	program = flag.String("program", "", "the rstwatch to measure (default: built from this tree)")

	full  = flag.Bool("full", false, "measure with the full sizes instead of running everything once")
	parts = flag.String("parts", "", "only these, with commas: storm, life, journal, logs, ordinary, drops")
	wait  = flag.Duration("patience", Full().Patience, "how long to wait for a calm machine, in all")
	page  = flag.String("page", "", "the page whose tables are to be written")
	data  = flag.String("json", "", "the file that every figure is written to")
)

// TestBench runs each measurement: with tiny counts, so that none rots, or as
// the published figures are made. It asserts what was recorded, and no time.
func TestBench(t *testing.T) {
	testkit.RequireRoot(t)
	sizes := Short()
	if *full {
		sizes = Full()
		sizes.Patience = *wait
	}
	var only []string
	if *parts != "" {
		only = strings.Split(*parts, ",")
	}
	report, err := New(t, *program, sizes).Run(only...)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range report.Storm {
		if strings.HasPrefix(s.Recorder, "rstwatch") && s.Recorded != s.Made {
			t.Errorf("%s recorded %d of %d resets", s.Recorder, s.Recorded, s.Made)
		}
	}
	if strings.Contains(report.Tables(), "NaN") {
		t.Errorf("a figure is missing:\n%s", report.Tables())
	}
	if *data != "" {
		if err := report.WriteJSON(*data); err != nil {
			t.Error(err)
		}
	}
	if *page != "" {
		if err := report.WritePage(*page); err != nil {
			t.Error(err)
		}
	}
	t.Log(report.Tables())
}
