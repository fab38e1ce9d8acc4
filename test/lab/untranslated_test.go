package lab

import (
	"slices"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestUntranslated: the host whose conntrack let an answer by untranslated tells
// so itself, of the RST that passes it and of the one that it sends; and says it
// of no other RST of a translated connection.
func TestUntranslated(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	d := start(t, p, append(only(lab.Router), "--sensor", "bpf")...)
	want := map[reset.Direction]int{}
	for _, scene := range lab.Scenes() {
		if scene.Route != testkit.Routed {
			continue
		}
		testkit.Lookup(t, "untranslated-reply").MustMake(t, lab, scene, 1)
		testkit.Lookup(t, "untranslated-syn-ack").MustMake(t, lab, scene, 1)
		testkit.Lookup(t, "untranslated-masquerade").MustMake(t, lab, scene, 1)
		testkit.Lookup(t, "hairpin-router").MustMake(t, lab, scene, 1)
		want[reset.Forward] += 2
		want[reset.Out]++
	}
	list := p.finalResets(t, func(list []reset.Reset) bool { return len(list) >= want[reset.Forward]+want[reset.Out]+2 })
	d.stop()
	got := map[reset.Direction]int{}
	for _, r := range list {
		if r.Cause != reset.UntranslatedReply {
			continue
		}
		got[r.Direction]++
		if !slices.Contains([]reset.Sender{reset.LocalKernel, reset.Peer}, r.Sender) || r.Confidence.Cause != reset.Likely ||
			!has(&r, "translation") || r.NAT == nil || r.Revision != 2 {
			t.Errorf("revision %d: %s (%s), %s (%s), translated %v, %+v", r.Revision,
				r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause, r.NAT, r.Evidence)
		}
	}
	for _, direction := range []reset.Direction{reset.Forward, reset.Out, reset.In} {
		if got[direction] != want[direction] {
			t.Errorf("%d records %s, want %d", got[direction], direction, want[direction])
		}
	}
}
