package capture_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/capture"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// judge reads files as the command does.
func judge(t *testing.T, cfg capture.Config, paths ...string) []reset.Reset {
	t.Helper()
	r, err := capture.New(cfg, paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	var records []reset.Reset
	var found *capture.Found
	joiner, err := correlate.New(correlate.DefaultConfig(), func(record *reset.Reset, joined correlate.Joined) {
		l := &found.Later
		after := attribute.After{
			Others: l.Others, OthersDiffer: l.OthersDiffer, SeqChange: l.SeqChange, AckChange: l.AckChange, SharedIPID: l.SharedIPID,
		}
		if l.Spoke {
			after.PeerSpoke, after.PeerSpokeNS = &l.What, l.AfterNS
		}
		attribute.Judge(&attribute.Case{Reset: record, Origin: joined.Origin, Context: joined.Context, After: after})
		kept := *record
		kept.Packet = reset.Packet{Flags: record.Packet.Flags, Seq: record.Packet.Seq, Ack: record.Packet.Ack, TTL: record.Packet.TTL}
		records = append(records, kept)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(context.Background(), func(f *capture.Found) error {
		found = f
		joiner.Add([]reset.Sighting{*f.Sighting})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return records
}

// TestVerdicts judges every kind of reset from what the receiving end captured
// of it alone, and from what the router did: nothing that is certain may be
// wrong.
func TestVerdicts(t *testing.T) {
	lab := testkit.NewLab(t)
	client, server, router := startDump(t, lab.Client, "c0"), startDump(t, lab.Server, "s0"), startDump(t, lab.Router, "any")
	var made []testkit.Expect
	for _, maker := range testkit.Makers() {
		if maker.Slow && testing.Short() {
			continue
		}
		for _, scene := range maker.ScenesIn(lab) {
			if scene.Route == testkit.Loopback {
				continue
			}
			expects, err := maker.Make(lab, scene, 1)
			if unsupported := new(testkit.UnsupportedError); errors.As(err, &unsupported) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, expects...)
		}
	}
	for _, d := range []*dump{client, server, router} {
		d.stop()
	}
	at := func(node *testkit.Node) []testkit.Expect {
		return slices.DeleteFunc(slices.Clone(made), func(e testkit.Expect) bool { return e.Node != node || e.Direction == reset.Out })
	}
	clients, servers := at(lab.Client), at(lab.Server)
	atClient := capture.Config{Vantage: addresses(t, []string{"10.77.1.2", "fd77:1::2"})}
	atServer := capture.Config{Vantage: addresses(t, []string{"10.77.2.2", "fd77:2::2"})}
	holdVerdicts(t, "client", clients, judge(t, atClient, client.path))
	holdVerdicts(t, "server", servers, judge(t, atServer, server.path))
	holdVerdicts(t, "router", at(lab.Router), judge(t, capture.Config{}, router.path))
	holdVerdicts(t, "all three", append(clients, servers...), judge(t, capture.Config{}, server.path, router.path, client.path))
}

// holdVerdicts holds what was judged from files against what was made. What the
// sending host itself would know is not in them.
func holdVerdicts(t *testing.T, name string, made []testkit.Expect, got []reset.Reset) {
	t.Helper()
	wrong := map[string]int{}
	records, unknown, bad := 0, 0, 0
	for i := range got {
		r := &got[i]
		e := expected(made, r)
		if e == nil || r.Direction == reset.Out {
			continue
		}
		records++
		if r.Cause == reset.CauseUnknown {
			unknown++
		}
		answer := e.Answer(testkit.Alone)
		senders, causes := answer.Senders, answer.Causes
		if e.Direction == reset.Forward && len(causes) > 1 && causes[0] == reset.CauseUnknown {
			causes = causes[1:] // who sees all that passes may know what the router does not
		}
		if r.Confidence.Sender == reset.Certain && r.Sender != senders[0] || r.Confidence.Cause == reset.Certain && r.Cause != causes[0] {
			t.Errorf("%s: %s: certainly %s, %s; right are %v, %v", name, e, r.Sender, r.Cause, senders, causes)
		}
		if !answer.CauseRight(r) || !answer.SenderRight(r) {
			bad++
			wrong[fmt.Sprintf("%-24s %s (%s) %s (%s); right: %v %v", e.Kind, r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause, senders, causes)]++
		}
	}
	if records < 30 {
		t.Errorf("%s: only %d records", name, records)
	}
	t.Logf("%s: %d records, %d of cause unknown, %d with a word that is not right", name, records, unknown, bad)
	for _, text := range slices.Sorted(maps.Keys(wrong)) {
		t.Logf("%d times %s", wrong[text], text)
	}
}

// expected finds what a record was expected to be; nil where that is not clear.
func expected(made []testkit.Expect, r *reset.Reset) *testkit.Expect {
	var found *testkit.Expect
	for i := range made {
		e := &made[i]
		if e.Src != r.Src || e.Dst != r.Dst || e.Flags != r.Packet.Flags || e.Seq.OK && e.Seq != r.Packet.Seq || e.Ack.OK && e.Ack != r.Packet.Ack {
			continue
		}
		if found != nil && (found.Cause != e.Cause || found.Sender != e.Sender) {
			return nil
		}
		found = e
	}
	return found
}
