package clock

import (
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestNow(t *testing.T) {
	before := reset.TimeOf(time.Now())
	a := Now()
	b := Now()
	after := reset.TimeOf(time.Now())
	if a.Wall < before || b.Wall > after {
		t.Errorf("wall clock %d, %d outside %d to %d", a.Wall, b.Wall, before, after)
	}
	if b.Mono < a.Mono {
		t.Errorf("monotonic clock went back: %d after %d", b.Mono, a.Mono)
	}
}

func TestConvert(t *testing.T) {
	p := Pair{Wall: 1_000_000, Mono: 5_000}
	if got := p.MonoAt(999_000); got != 4_000 {
		t.Errorf("MonoAt = %d, want 4000", got)
	}
	if got := p.WallAt(4_000); got != 999_000 {
		t.Errorf("WallAt = %d, want 999000", got)
	}
}
