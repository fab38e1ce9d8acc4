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
	ends := []struct {
		node *testkit.Node
		cfg  capture.Config
		dump *dump
	}{
		{lab.Client, capture.Config{Vantage: addresses(t, []string{"10.77.1.2", "fd77:1::2"})}, startDump(t, lab.Client, "c0")},
		{lab.Server, capture.Config{Vantage: addresses(t, []string{"10.77.2.2", "fd77:2::2"})}, startDump(t, lab.Server, "s0")},
		{lab.Router, capture.Config{}, startDump(t, lab.Router, "any")},
	}
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
	for _, end := range ends {
		end.dump.stop()
		wrong := map[string]int{}
		records, unknown, bad := 0, 0, 0
		for _, r := range judge(t, end.cfg, end.dump.path) {
			e := expectedAt(made, end.node, &r)
			if e == nil {
				continue
			}
			answer := e.Answer(testkit.Alone)
			if r.Direction == reset.Out || e.Direction == reset.Out {
				continue // the host itself knows more than its packets show
			}
			records++
			if r.Cause == reset.CauseUnknown {
				unknown++
			}
			senders, causes := answer.Senders, answer.Causes
			if e.Direction == reset.Forward && len(senders) > 1 && len(causes) > 1 && causes[0] == reset.CauseUnknown {
				causes = causes[1:] // one who sees all that passes may know
			}
			lie := r.Confidence.Sender == reset.Certain && r.Sender != senders[0] || r.Confidence.Cause == reset.Certain && r.Cause != causes[0]
			if lie {
				t.Errorf("%s: certainly %s, %s; %v, %v are right", e, r.Sender, r.Cause, answer.Senders, answer.Causes)
			}
			if !answer.CauseRight(&r) || !answer.SenderRight(&r) {
				bad++
				wrong[fmt.Sprintf("%-28s %s %s (%s) %s (%s); right: %v %v", e.Kind, e.Direction, r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause, answer.Senders, answer.Causes)]++
			}
		}
		if records < 30 {
			t.Errorf("%s: only %d records", end.node.Role, records)
		}
		t.Logf("%s: %d records, %d of cause unknown, %d with a word that is not right", end.node.Role, records, unknown, bad)
		for _, text := range slices.Sorted(maps.Keys(wrong)) {
			t.Logf("%d times %s", wrong[text], text)
		}
	}
}

// expectedAt finds what a record was expected to be; nil where that is not clear.
func expectedAt(made []testkit.Expect, node *testkit.Node, r *reset.Reset) *testkit.Expect {
	var found *testkit.Expect
	for i := range made {
		e := &made[i]
		if e.Node != node || e.Src != r.Src || e.Dst != r.Dst || e.Flags != r.Packet.Flags || e.Seq.OK && e.Seq != r.Packet.Seq || e.Ack.OK && e.Ack != r.Packet.Ack {
			continue
		}
		if found != nil && (found.Cause != e.Cause || found.Sender != e.Sender) {
			return nil
		}
		found = e
	}
	return found
}
