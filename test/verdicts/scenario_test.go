package verdicts

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// scenario is one maker in one scene.
type scenario struct {
	maker testkit.Maker
	scene testkit.Scene
}

// plan are the scenarios of one round, in an order that the seed decides.
func plan(t *testing.T, lab *testkit.Lab, random *rand.Rand) []scenario {
	t.Helper()
	pattern, err := regexp.Compile(*onlyKind)
	if err != nil {
		t.Fatal(err)
	}
	var list []scenario
	for _, m := range testkit.Makers() {
		if m.Slow && !*whole || !pattern.MatchString(m.Name) {
			continue
		}
		for _, s := range scenesFor(m.ScenesIn(lab)) {
			for range 1 + random.IntN(repeats(m)) {
				list = append(list, scenario{m, s})
			}
		}
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// repeats is how often a maker plays in a scene, at most.
func repeats(m testkit.Maker) int {
	if *whole && !m.Slow {
		return 3
	}
	return 1
}

// scenesFor are all of a maker's scenes, or, in the short form, the first of
// each family.
func scenesFor(scenes []testkit.Scene) []testkit.Scene {
	if *whole {
		return scenes
	}
	var list []testkit.Scene
	have := map[reset.Family]bool{}
	for _, s := range scenes {
		if !have[s.Family] {
			have[s.Family] = true
			list = append(list, s)
		}
	}
	return list
}

// relayedWithin is the time within which a process that has received a reset,
// and resets another connection, passes it on. This process has all the ends of
// all connections: what it does later than that is its own.
const relayedWithin = 50 * time.Millisecond

// play makes the scenarios and returns what must have been recorded, and the
// makers that this machine cannot play with what they need.
func play(t *testing.T, lab *testkit.Lab, random *rand.Rand) (expects []testkit.Expect, missing map[string]string) {
	t.Helper()
	missing = map[string]string{}
	scenarios, failed := plan(t, lab, random), 0
	for _, s := range scenarios {
		made, err := s.maker.Make(lab, s.scene, 1)
		var unsupported *testkit.UnsupportedError
		switch {
		case errors.As(err, &unsupported):
			missing[s.maker.Name] = unsupported.Need
		case err != nil && *anyHere: // too slow for it, say: the makers have a test of their own there
			t.Logf("not made: %v", err)
			failed++
		case err != nil:
			t.Error(err)
		}
		expects = append(expects, made...)
		time.Sleep(relayedWithin + time.Duration(random.IntN(40))*time.Millisecond)
	}
	if failed*10 > len(scenarios) {
		t.Errorf("%d of %d scenarios were not made", failed, len(scenarios))
	}
	return expects, missing
}
