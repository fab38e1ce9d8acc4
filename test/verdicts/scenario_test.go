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
	n     int
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
			n := 1
			if *whole && !m.Slow {
				n += random.IntN(3)
			}
			list = append(list, scenario{m, s, n})
		}
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
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

// play makes the scenarios and returns what must have been recorded, and the
// makers that this machine cannot play with what they need.
func play(t *testing.T, lab *testkit.Lab, random *rand.Rand) (expects []testkit.Expect, missing map[string]string) {
	t.Helper()
	missing = map[string]string{}
	for _, s := range plan(t, lab, random) {
		made, err := s.maker.Make(lab, s.scene, s.n)
		var unsupported *testkit.UnsupportedError
		switch {
		case errors.As(err, &unsupported):
			missing[s.maker.Name] = unsupported.Need
		case err != nil:
			t.Error(err)
		}
		expects = append(expects, made...)
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
	}
	return expects, missing
}
