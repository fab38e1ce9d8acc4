package recall

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// withoutRule wants what the firewall's record has not yet.
func withoutRule(r *reset.Reset) bool { return r.Sender == reset.LocalFirewall && r.Rule == "" }

// rejected is the refusal of a SYN by a REJECT rule.
func rejected(later float64, n uint32, rule string) told {
	return at(later, reset.Out, server, client, seq(0), ack(n), func(t *told) {
		t.Trigger = &reset.Trigger{Flags: reset.SYN, Length: reset.Some[uint32](60)}
		t.Packet.Window, t.Rule = reset.Some[uint16](0), rule
	})
}

// judge tells a reset, as the pipeline does.
func (t *told) judge(m *Memory, n int, origin reset.Origination) {
	t.ID = idOf(n)
	c := &attribute.Case{Reset: &t.Reset, Context: t.context, Origin: origin}
	m.Judge(c)
	m.Note(c, true)
}

func remembering(t *testing.T, most int) *Memory {
	t.Helper()
	cfg := DefaultConfig()
	cfg.MaxKept, cfg.Wants = most, withoutRule
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLateRule: a REJECT whose rule is not known is told again when it may be, and
// what received the packet bears the rule as well.
func TestLateRule(t *testing.T) {
	for _, test := range []struct {
		name, first, late string
		revisions         uint32
	}{
		{"known at once", "rule 3", "rule 3", 1},
		{"found meanwhile", "", "rule 7", 2},
		{"never found", "", "", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := remembering(t, 4096)
			sent := rejected(0, 1, test.first)
			sent.judge(m, 0, reset.OriginNoSocket)
			arrived := at(0.1, reset.In, server, client, netns(3), accepted, seq(0), ack(1), func(t *told) { t.Packet.Window = reset.Some[uint16](0) })
			arrived.judge(m, 1, 0)
			if sent.Final != (test.revisions == 1) || arrived.Final || arrived.Rule != test.first {
				t.Errorf("final: %v and %v; the rule where it arrived is %q", sent.Final, arrived.Final, arrived.Rule)
			}
			last := map[reset.ID]reset.Reset{sent.ID: sent.Reset}
			m.Advance(start+3000*ms, func(c *attribute.Case) {
				if c.Reset.ID == sent.ID {
					c.Reset.Rule = test.late
				}
				last[c.Reset.ID] = *c.Reset
			})
			for _, r := range last {
				if r.Sender != reset.LocalFirewall || r.Cause != reset.FirewallReject || r.Rule != test.late || !r.Final || len(r.Evidence) == 0 {
					t.Errorf("%s: %s, %s, rule %q, final %v, %d pieces of evidence", r.Direction, r.Sender, r.Cause, r.Rule, r.Final, len(r.Evidence))
				}
			}
			if got := last[sent.ID]; got.Revision != test.revisions || got.Evidence[0].Fact != sent.Evidence[0].Fact {
				t.Errorf("revision %d, want %d; evidence %v", got.Revision, test.revisions, got.Evidence)
			}
			m.Advance(start+6000*ms, nil)
			if got := m.Counts(); got.Waiting != 0 || !m.Idle() {
				t.Errorf("%+v, idle %v", got, m.Idle())
			}
		})
	}
}

// TestStormOfRejects: what waits for a rule takes its share of the memory and no
// more, and no room at all where the rule is known or the memory is full.
func TestStormOfRejects(t *testing.T) {
	const most, share = 64, 64 / lateShare
	for _, test := range []struct {
		name                 string
		kept                 int
		rule                 string
		provisional, crowded uint64
	}{
		{"rule known", 0, "rule 3", 0, 0},
		{"rule not known", 0, "", share, 1000 - share},
		{"memory full", most, "", 0, 1000},
		{"memory nearly full", most - 1, "", 1, 999},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := remembering(t, most)
			for i := range test.kept {
				one := at(0, reset.In, server, client, accepted)
				one.judge(m, i, 0)
			}
			final := uint64(0)
			for i := range 1000 {
				one := rejected(1, uint32(i), test.rule)
				one.judge(m, 1000+i, reset.OriginNoSocket)
				if one.Final {
					final++
				}
			}
			got := m.Counts()
			if got.Provisional != uint64(test.kept)+test.provisional || got.Crowded != test.crowded || final != 1000-test.provisional {
				t.Errorf("%+v, %d final at once; want %d provisional and %d crowded", got, final, test.provisional, test.crowded)
			}
			if test.kept == 0 {
				one := at(2, reset.In, server, client, accepted)
				if one.judge(m, 3000, 0); one.Final || m.crowded.OK {
					t.Errorf("another finds no room (%v), or what was sent is taken for forgotten (%v)", one.Final, m.crowded.OK)
				}
			}
			lines := uint64(0)
			m.Drain(func(*attribute.Case) { lines++ })
			if got := m.Counts(); lines != got.Provisional || got.Waiting != 0 {
				t.Errorf("%d last revisions, %+v", lines, got)
			}
		})
	}
}

// TestLateVerdictStands: that a refusal is told again changes neither its verdict
// nor another's.
func TestLateVerdictStands(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		story := drawStory(rt, 1900)
		order := rapid.Permutation(inOrder(len(story))).Draw(rt, "order")
		once := run(t, story, order)
		cfg := DefaultConfig()
		cfg.Wants = func(r *reset.Reset) bool { return r.Direction == reset.Out }
		again := runWith(t, cfg, story, order)
		for i := range story {
			a, b := once[idOf(i)], again[idOf(i)]
			if b.Revision != 2 {
				rt.Fatalf("record %d has revision %d", i, b.Revision)
			}
			a.Revision = b.Revision
			for _, r := range []*result{&a, &b} {
				r.After.PeerSpoke, r.After.Twin, r.After.RelayedFrom, r.After.Death = nil, nil, nil, nil
			}
			if diff := cmp.Diff(a, b, cmp.Comparer(reset.Endpoint.Equal)); diff != "" {
				rt.Fatalf("record %d (-told once +told twice):\n%s", i, diff)
			}
		}
	})
}
