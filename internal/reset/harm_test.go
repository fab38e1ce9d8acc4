package reset

import "testing"

func TestWorse(t *testing.T) {
	order := []Harm{HarmAbsent, HarmUnknown, HarmNone, FailedConnect, LostData}
	for i, a := range order {
		for j, b := range order {
			if got, want := a.Worse(b), order[max(i, j)]; got != want {
				t.Errorf("the worse of %q and %q is %q, want %q", a, b, got, want)
			}
		}
	}
}
