package recall

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestOrderDoesNotMatter tells stories whose records lie within a window in two
// orders, and wants the same last revisions.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		story := drawStory(rt, 1900)
		first := run(t, story, rapid.Permutation(inOrder(len(story))).Draw(rt, "first order"))
		second := run(t, story, rapid.Permutation(inOrder(len(story))).Draw(rt, "second order"))
		for i := range story {
			if isTrivial(&story[i].Reset) {
				continue // final at once: only what was told before it counts
			}
			compare(rt, story, i, first, second)
		}
	})
}

// TestOrderOfOneInstant does the same for records of one instant, those included
// that are final at once.
func TestOrderOfOneInstant(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		story := drawStory(rt, 40)
		first := run(t, story, rapid.Permutation(inOrder(len(story))).Draw(rt, "first order"))
		second := run(t, story, rapid.Permutation(inOrder(len(story))).Draw(rt, "second order"))
		for i := range story {
			compare(rt, story, i, first, second)
		}
	})
}

func compare(t *rapid.T, story []told, i int, first, second map[reset.ID]result) {
	t.Helper()
	strip := func(r result) result {
		r.After.PeerSpoke, r.After.Twin, r.After.RelayedFrom, r.After.Death = nil, nil, nil, nil
		return r
	}
	if diff := cmp.Diff(strip(first[idOf(i)]), strip(second[idOf(i)]), cmp.Comparer(reset.Endpoint.Equal)); diff != "" {
		t.Fatalf("record %d, %s %v > %v (-one order +another):\n%s", i, story[i].Direction, story[i].Src, story[i].Dst, diff)
	}
}

// drawStory draws records of few hosts within so many milliseconds, so that they
// often have to do with each other.
func drawStory(t *rapid.T, span int) []told {
	ends := []reset.Endpoint{server, client, other, reset.EndpointFrom(netip.MustParseAddr("2001:db8::5"), 22)}
	end := rapid.SampledFrom(ends)
	number := rapid.SampledFrom([]uint32{0, 999, 1000, 1001, 2460, 5000})
	var story []told
	for range rapid.IntRange(1, 25).Draw(t, "records") {
		// No two packets are of one nanosecond.
		later := float64(rapid.IntRange(0, span*10).Draw(t, "later"))/10 + (float64(len(story))+0.5)/1e6
		direction := rapid.SampledFrom([]reset.Direction{reset.In, reset.In, reset.Out, reset.Out, reset.Forward}).Draw(t, "direction")
		one := at(later, direction, end.Draw(t, "src"), end.Draw(t, "dst"), netns(rapid.Uint64Range(1, 2).Draw(t, "netns")),
			seq(number.Draw(t, "seq")), ack(number.Draw(t, "ack")), ttl(rapid.Uint8Range(60, 64).Draw(t, "ttl")), ipid(rapid.Uint16Range(0, 4).Draw(t, "ipid")))
		if len(story) > 0 {
			follow(t, &one, &story[rapid.IntRange(0, len(story)-1).Draw(t, "earlier")])
		}
		change(t, &one, number)
		story = append(story, one)
	}
	return story
}

// follow makes a record, sometimes, of the packet of an earlier one or of the
// other direction of its connection.
func follow(t *rapid.T, one, earlier *told) {
	switch rapid.IntRange(0, 3).Draw(t, "follows") {
	case 0:
		one.Src, one.Dst, one.Packet = earlier.Src, earlier.Dst, earlier.Packet
	case 1:
		one.Src, one.Dst, one.Netns = earlier.Dst, earlier.Src, earlier.Netns
	}
}

// change makes one of the kinds of records that the memory tells apart.
func change(t *rapid.T, one *told, number *rapid.Generator[uint32]) {
	pid := rapid.Uint32Range(1, 2).Draw(t, "pid")
	switch {
	case one.Direction == reset.In:
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			accepted(one)
			owned(pid)(one)
			expecting(number.Draw(t, "expected"))(one)
		case 1:
			accepted(one)
			silent(int64(rapid.IntRange(1, 3).Draw(t, "silence")) * 60000)(one)
		case 2:
			one.Sources = one.Sources.With(reset.KfreeSkb)
			one.Kernel.DropReason = "NO_SOCKET"
		}
	case one.Direction == reset.Out:
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			aborted(pid)(one)
		case 1:
			aborted(pid)(one)
			killed(one)
		case 2:
			flags := rapid.SampledFrom([]reset.Flags{reset.SYN, reset.SYN | reset.ACK, reset.ACK, reset.ACK | reset.PSH}).Draw(t, "trigger")
			reply(flags, number.Draw(t, "trigger's seq"), 60)(one)
		}
	}
}

// TestBounds: more than fits is final at once and counted, and no memory grows.
func TestBounds(t *testing.T) {
	m, err := New(Config{Window: DefaultConfig().Window, MaxKept: 8})
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	emit := func(*attribute.Case) { last++ }
	final := 0
	for i := range 100 {
		one := at(0, reset.In, server, client, accepted, ipid(7))
		one.ID = idOf(i)
		c := &attribute.Case{Reset: &one.Reset}
		m.Judge(c)
		m.Note(c, true)
		if one.Final {
			final++
		}
	}
	if got := m.Counts(); got.Provisional != 8 || got.Crowded != 92 || got.Waiting != 8 || final != 92 {
		t.Errorf("%+v, %d final", got, final)
	}
	m.Advance(start+2000*ms, emit)
	if last != 8 || m.Waiting() != 0 || m.Idle() {
		t.Errorf("%d last revisions, %d wait", last, m.Waiting())
	}
	one := at(2001, reset.In, server, client, accepted)
	c := &attribute.Case{Reset: &one.Reset}
	m.Judge(c)
	m.Note(c, true) // takes the place of one that is spent
	if one.Final || m.kept != 8 {
		t.Errorf("final: %v, %d kept", one.Final, m.kept)
	}
	m.Drain(emit)
	m.Advance(start+int64(1e12), emit)
	if last != 9 || !m.Idle() || m.free != nil || len(m.index.tuples.head)+len(m.index.packets.head)+len(m.index.processes.head)+len(m.index.ipids.head) != 0 {
		t.Errorf("%d last revisions; not empty: %+v", last, m.index)
	}
}

// TestTwinIsNotForgotten: a refusal that was told as the other end stays that,
// whatever is refused until the last revision.
func TestTwinIsNotForgotten(t *testing.T) {
	refusal := func(later float64, n uint32) told {
		return at(later, reset.Out, server, client, reply(reset.SYN, 77, 60), flags(reset.RST|reset.ACK), seq(0), ack(n))
	}
	story := []told{refusal(0, 1), at(0.1, reset.In, server, client, netns(3), accepted, seq(0), ack(1))}
	for n := range uint32(20000) {
		story = append(story, refusal(1+float64(n)/1000, n+2))
	}
	m, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	for i := range story {
		story[i].ID = idOf(i)
		c := &attribute.Case{Reset: &story[i].Reset}
		m.Judge(c)
		m.Note(c, true)
	}
	m.Drain(func(c *attribute.Case) {
		if c.Reset.Twin != idOf(0) || c.Reset.Cause != reset.NoListener {
			t.Errorf("twin %v, cause %s", c.Reset.Twin, c.Reset.Cause)
		}
	})
	if got := m.Counts().Provisional; got != 1 {
		t.Errorf("%d were provisional, want 1", got)
	}
}

// TestTrivial: what is final at once.
func TestTrivial(t *testing.T) {
	window := func(n uint16) func(*told) { return func(t *told) { t.Packet.Window = reset.Some(n) } }
	tests := []struct {
		name string
		told told
		want bool
	}{
		{"refusal of a SYN", at(0, reset.Out, server, client, reply(reset.SYN, 1, 60)), true},
		{"refusal of a SYN+ACK", at(0, reset.Out, server, client, reply(reset.SYN|reset.ACK, 1, 60)), false},
		{"answer to data", at(0, reset.Out, server, client, reply(reset.PSH|reset.ACK, 1, 60)), false},
		{"the form of a refusal", at(0, reset.Out, server, client, seq(0), window(0)), true},
		{"the form of an abort", at(0, reset.Out, server, client, seq(0), window(502)), false},
		{"the form of an answer", at(0, reset.Out, server, client, flags(reset.RST), seq(0), window(0)), false},
		{"an abort", at(0, reset.Out, server, client, aborted(7), seq(0), window(0)), false},
		{"received", at(0, reset.In, server, client, seq(0), window(0)), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := isTrivial(&test.told.Reset); got != test.want {
				t.Errorf("trivial: %v, want %v", got, test.want)
			}
		})
	}
}

// TestUnrecorded: what the filter left out proves things and is not linked.
func TestUnrecorded(t *testing.T) {
	m, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	sent := at(0, reset.Out, server, client, aborted(7))
	sent.ID = idOf(0)
	c := &attribute.Case{Reset: &sent.Reset}
	m.Judge(c)
	m.Note(c, false)
	arrived := at(0.1, reset.In, server, client, accepted, netns(2))
	arrived.ID = idOf(1)
	c = &attribute.Case{Reset: &arrived.Reset}
	m.Judge(c)
	m.Note(c, true)
	if !sent.Final || arrived.Final {
		t.Errorf("final: %v, %v", sent.Final, arrived.Final)
	}
	lines := 0
	m.Drain(func(c *attribute.Case) {
		lines++
		if c.Reset.ID != idOf(1) || !c.Reset.Twin.IsZero() || c.After.Twin == nil || c.After.Twin.Cause != reset.UnreadData {
			t.Errorf("%v with twin %v: %+v", c.Reset.ID, c.Reset.Twin, c.After.Twin)
		}
	})
	if lines != 1 {
		t.Errorf("%d last revisions", lines)
	}
}

// TestNothingIsShared: what a sensor does with its memory afterwards does not
// change what is kept.
func TestNothingIsShared(t *testing.T) {
	m, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	one := at(0, reset.In, server, client, accepted, owned(7), expecting(1))
	one.Packet.Raw, one.Packet.MACSrc = []byte{1, 2, 3}, []byte{4, 5, 6}
	one.know().Past.HandshakeMAC = []byte{7, 8}
	one.know().Past.Owner = &reset.Process{Comm: "owner"}
	want := one.Reset
	want.Packet.Raw, want.Packet.MACSrc = []byte{1, 2, 3}, []byte{4, 5, 6}
	connection, process := *one.Connection, *one.Process
	want.Connection, want.Process = &connection, &process
	c := &attribute.Case{Reset: &one.Reset, Context: one.context}
	m.Judge(c)
	m.Note(c, true)
	clear(one.Packet.Raw)
	clear(one.Packet.MACSrc)
	clear(one.know().Past.HandshakeMAC)
	one.know().Past.Owner.Comm, one.Process.Comm, one.Connection.State = "changed", "changed", "changed"
	m.Drain(func(c *attribute.Case) {
		got := *c.Reset
		for name, pair := range map[string][2]any{
			"raw": {want.Packet.Raw, got.Packet.Raw}, "mac": {want.Packet.MACSrc, got.Packet.MACSrc},
			"connection": {want.Connection, got.Connection}, "process": {want.Process, got.Process},
			"owner": {"owner", c.Context.Past.Owner.Comm}, "handshake": {reset.MAC{7, 8}, c.Context.Past.HandshakeMAC},
		} {
			if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}
