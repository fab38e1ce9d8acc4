package kernel_test

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestTableForgets makes more connections than a small table has room for: each
// line that was begun is held or was forgotten.
func TestTableForgets(t *testing.T) {
	lab := testkit.NewLab(t)
	cfg := kernel.DefaultConfig()
	cfg.Connections = 1024
	rec := record(t, cfg)
	makeSome := func(n int) {
		testkit.Lookup(t, "half-open").MustMake(t, lab, testkit.Scene{Family: reset.IPv4, Route: testkit.Loopback}, n)
	}
	makeSome(2)
	few, err := rec.sensor.Table()
	if err != nil {
		t.Fatal(err)
	}
	if few.Begun < 4 || few.Held < 4 || few.Size != 1024 {
		t.Errorf("after two connections with both ends here: %+v", few)
	}
	makeSome(1200)
	many, err := rec.sensor.Table()
	if err != nil {
		t.Fatal(err)
	}
	if many.Begun < few.Begun+2400 || many.Held > many.Size || many.Forgotten != many.Begun-many.Held || many.Forgotten == 0 {
		t.Errorf("after 1200 more: %+v", many)
	}
}
