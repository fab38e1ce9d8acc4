package testkit

import "testing"

func TestMakersMakeWhatTheyClaim(t *testing.T) {
	l := NewLab(t, WithBridge())
	for _, m := range Makers() {
		for _, s := range m.ScenesIn(l) {
			t.Run(m.Name+"/"+s.String(), func(t *testing.T) {
				if m.Slow && testing.Short() {
					t.Skip("slow: waits for a timer of the kernel")
				}
				expects := m.MustMake(t, l, s, 3)
				if Total(expects) < 3 {
					t.Errorf("made %d records, expected at least 3", Total(expects))
				}
			})
		}
	}
}
