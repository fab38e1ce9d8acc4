package attribute

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestShelfHidesNoRow: the first row that holds is the same in the whole table.
func TestShelfHidesNoRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		c.Reset.Direction = reset.Out
		c.outcome()
		var want, got *rule
		for i := range sentRules {
			if sentRules[i].fits(c) {
				want = &sentRules[i]
				break
			}
		}
		for _, r := range sentByReason.of(c.Reset.Kernel.Reason) {
			if r.fits(c) {
				got = r
				break
			}
		}
		if got != want {
			t.Fatalf("%s: %+v, in the whole table %+v", c.Reset.Kernel.Reason, got, want)
		}
	})
}
