package bench

import "testing"

// TestEverythingOnce runs each measurement with tiny counts.
func TestEverythingOnce(t *testing.T) {
	b := New(t, Short())
	if _, err := b.Ordinary(watchers()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Drops(droppers()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Storm(recorders()); err != nil {
		t.Fatal(err)
	}
}
