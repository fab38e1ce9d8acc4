package explain

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func search(t *testing.T, s Search, entries ...reset.Entry) *Found {
	t.Helper()
	found, err := s.Run(context.Background(), &list{entries})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func target(t *testing.T, text string) Target {
	t.Helper()
	target, err := ParseTarget([]string{text})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func ids(list []reset.Reset) []string {
	var names []string
	for i := range list {
		names = append(names, list[i].ID.String())
	}
	return names
}

// TestHighestRevisionCounts: lines are only ever added.
func TestHighestRevisionCounts(t *testing.T) {
	first := base(0, reset.In, "10.0.0.12:5432", "10.0.0.7:40112")
	second, late := first, first
	second.Revision, second.Sender = 2, reset.Path
	late.Revision, late.Sender = 1, reset.Peer
	found := search(t, Search{Target: target(t, "10.0.0.7 10.0.0.12")}, reset.Entry{Reset: &first}, reset.Entry{Reset: &second}, reset.Entry{Reset: &late})
	if len(found.Resets) != 1 || found.Matched != 1 || found.Resets[0].Sender != reset.Path {
		t.Errorf("%d matched, kept %+v", found.Matched, found.Resets)
	}
	r, around, err := CollectAround(context.Background(), &list{[]reset.Entry{{Reset: &second}, {Reset: &first}, {Reset: &late}}}, &first)
	if err != nil || r.Revision != 2 || len(around.Revisions) != 2 || around.Revisions[0].Revision != 1 {
		t.Errorf("revision %d of %d, error %v", r.Revision, len(around.Revisions), err)
	}
}

// TestMemoryIsBounded: of many, the newest are kept or the nearest, and all are
// counted.
func TestMemoryIsBounded(t *testing.T) {
	const n = 1000
	var entries []reset.Entry
	for i := range n {
		r := base(i, reset.In, "10.0.0.12:5432", "10.0.0.7:40112")
		other := base(i, reset.In, "10.0.0.12:5432", "10.0.0.7:1")
		other.ID = reset.NewOrigin("other").NewID(int64(r.Time), uint64(i))
		entries = append(entries, reset.Entry{Reset: &r}, reset.Entry{Reset: &other})
	}
	which := target(t, "10.0.0.7:40112 10.0.0.12:5432")
	newest := search(t, Search{Target: which}, entries...)
	if len(newest.Resets) != maxKept || newest.Matched != n || newest.NearMatched != n || len(newest.Near) != maxKept {
		t.Errorf("%d kept of %d, near %d of %d", len(newest.Resets), newest.Matched, len(newest.Near), newest.NearMatched)
	}
	if best := newest.Best(0); best.ID != entries[2*n-2].Reset.ID {
		t.Errorf("the newest is %s", best.Time.Std())
	}
	around := entries[2*500].Reset.Time + 1
	nearest := search(t, Search{Target: which, Around: around}, entries...)
	if best := nearest.Best(around); best.ID != entries[2*500].Reset.ID {
		t.Errorf("the nearest is %s", best.Time.Std())
	}
	if nearest.Resets[0].Time < around-reset.Time(time.Minute) || nearest.Resets[maxKept-1].Time > around+reset.Time(time.Minute) {
		t.Errorf("kept are those from %s to %s", nearest.Resets[0].Time.Std(), nearest.Resets[maxKept-1].Time.Std())
	}
	bounded := search(t, Search{Target: which, From: around, Until: around + reset.Time(3*time.Second)}, entries...)
	if bounded.Matched != 3 {
		t.Errorf("%d within 3 s", bounded.Matched)
	}
}

// TestBestOfOnePacket: both ends on one host make two records of a packet, and
// the sender's knows more.
func TestBestOfOnePacket(t *testing.T) {
	sent := base(0, reset.Out, "127.0.0.1:3306", "127.0.0.1:49662")
	verdict2(&sent, reset.LocalKernel, reset.Certain, reset.NoListener, reset.Certain, 0)
	got := base(0, reset.In, "127.0.0.1:3306", "127.0.0.1:49662")
	got.ID, got.Time = reset.NewOrigin("in").NewID(int64(got.Time), 5), got.Time+42_000
	got.Sender = reset.SenderUnknown
	found := search(t, Search{Target: target(t, "127.0.0.1 127.0.0.1")}, reset.Entry{Reset: &sent}, reset.Entry{Reset: &got})
	if best := found.Best(0); best.ID != sent.ID {
		t.Errorf("the best is %s of %v", best.ID, ids(found.Resets))
	}
	if sameText(&sent, &got) != Name(got.ID)+" the same packet as it arrives" {
		t.Error(sameText(&sent, &got))
	}
}

// TestAround: what is linked is found by its id, what is of the same connection
// by its ends, and in the same namespace alone.
func TestAround(t *testing.T) {
	r := base(10, reset.Out, "10.0.0.7:80", "10.0.0.5:2")
	cause := base(9, reset.In, "10.0.0.9:8080", "10.0.0.7:3")
	r.CausedBy, r.Twin = []reset.ID{cause.ID, r.ID, cause.ID}, reset.ID{}
	same := base(11, reset.In, "10.0.0.5:2", "10.0.0.7:80")
	elsewhere := base(12, reset.In, "10.0.0.5:2", "10.0.0.7:80")
	elsewhere.Netns.ID = 77
	entries := []reset.Entry{{Reset: &cause}, {Reset: &r}, {Reset: &same}, {Reset: &elsewhere}, {Control: &reset.Control{Event: "stop"}}}
	_, around, err := CollectAround(context.Background(), &list{entries}, &r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{cause.ID.String()}, ids(around.Linked)); diff != "" {
		t.Errorf("linked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{same.ID.String()}, ids(around.Same)); diff != "" {
		t.Errorf("of the same connection (-want +got):\n%s", diff)
	}
	r.CausedBy = []reset.ID{reset.NewOrigin("").NewID(int64(r.Time)-int64(30*time.Minute), 1), reset.NewOrigin("").NewID(5, 1)}
	since, until := Window(&r)
	if want := r.Time - reset.Time(30*time.Minute); since < want-1e6 || since > want || until < r.Time {
		t.Errorf("read from %s to %s", since.Std(), until.Std())
	}
}
