package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGuard(t *testing.T) {
	for _, tt := range []struct {
		name  string
		story func(g *guard) error
		boot  string // of the start that is looked at
		lower int
		says  string // part of the reason
	}{
		{"first start", func(*guard) error { return nil }, "b1", 0, ""},
		{"clean end, other boot", func(g *guard) error {
			return firstError(g.start("b1", "bpf", 0), g.confirm("b1", "bpf", 0))
		}, "b2", 0, ""},
		{"killed, same boot", func(g *guard) error { return g.start("b1", "bpf", 0) }, "b1", 0, ""},
		{"the machine went down soon after", func(g *guard) error { return g.start("b1", "bpf", 0) }, "b2", 1, "uncleanly"},
		{"and again", func(g *guard) error { return g.start("b2", "packet", 1) }, "b3", 2, "uncleanly"},
		{"lower, and then it ran well", func(g *guard) error {
			err := g.start("b1", "bpf", 0)
			lower, _ := g.check("b2")
			return firstError(err, g.start("b2", "packet", lower), g.confirm("b2", "packet", lower))
		}, "b3", 1, "still"},
		{"rubbish in the file", func(g *guard) error { return os.WriteFile(g.path, []byte("{"), 0o600) }, "b2", 0, ""},
		{"no boot id to be had", func(g *guard) error { return g.start("b1", "bpf", 0) }, "", 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGuard(t.TempDir(), "6.1")
			if err := tt.story(g); err != nil {
				t.Fatal(err)
			}
			lower, why := g.check(tt.boot)
			if lower != tt.lower || tt.says == "" && why != "" || !strings.Contains(why, tt.says) {
				t.Errorf("check(%q) = %d, %q; want %d and %q", tt.boot, lower, why, tt.lower, tt.says)
			}
		})
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestGuardSaysWhereItIsKept(t *testing.T) {
	dir := t.TempDir()
	g := newGuard(dir, "6.1")
	if err := g.start("b1", "bpf", 0); err != nil {
		t.Fatal(err)
	}
	if _, why := g.check("b2"); !strings.Contains(why, filepath.Join(dir, "start.json")) {
		t.Errorf("%q does not say what to remove", why)
	}
}

// TestGuardRecovers goes through boots: after a crash the lower sensor must go
// well for some of them, after a second crash for more.
func TestGuardRecovers(t *testing.T) {
	g := newGuard(t.TempDir(), "6.1")
	var took []int
	n := 0
	boot := func(crash bool) {
		n++
		name := fmt.Sprint("b", n)
		lower, _ := g.check(name)
		took = append(took, lower)
		err := g.start(name, "some", lower)
		if !crash {
			err = firstError(err, g.confirm(name, "some", lower))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, crash := range []bool{false, true, false, false, true, false, false, false, false, false} {
		boot(crash)
	}
	want := []int{0, 0, 1, 1, 0, 1, 1, 1, 1, 0}
	if diff := cmp.Diff(want, took); diff != "" {
		t.Errorf("sensors left out, boot by boot (-want +got):\n%s", diff)
	}
	boot(true)
	g.kernel = "6.2"
	if lower, why := g.check("b99"); lower != 0 || why != "" {
		t.Errorf("with another kernel: %d, %q", lower, why)
	}
}

// TestGuardTakesItBack: a start that fails leaves what was noted before.
func TestGuardTakesItBack(t *testing.T) {
	g := newGuard(t.TempDir(), "6.1")
	restore, err := g.begin("b1", "bpf", 0)
	if err != nil {
		t.Fatal(err)
	}
	if lower, _ := g.check("b2"); lower != 1 {
		t.Errorf("%d lower after a crash while a sensor is tried, want 1", lower)
	}
	restore()
	if lower, why := g.check("b2"); lower != 0 || why != "" {
		t.Errorf("after a failed first start: %d, %q", lower, why)
	}
	if err := g.confirm("b1", "packet", 1); err != nil {
		t.Fatal(err)
	}
	restore, err = g.begin("b2", "packet", 1)
	if err != nil {
		t.Fatal(err)
	}
	restore()
	if lower, why := g.check("b3"); lower != 1 || !strings.Contains(why, "still") {
		t.Errorf("after a failed second start: %d, %q", lower, why)
	}
}

func TestLower(t *testing.T) {
	for _, tt := range []struct {
		by   int
		want string
	}{{0, "bpf"}, {1, "packet"}, {2, "bpf-light"}, {9, "klog"}} {
		if got := lower(Choices("auto"), tt.by)[0]; got != tt.want {
			t.Errorf("%d lower: %s, want %s", tt.by, got, tt.want)
		}
	}
}
