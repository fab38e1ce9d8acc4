package recall

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	start = int64(1e12)
	ms    = int64(time.Millisecond)
)

var (
	server = reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), 443)
	client = reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 40112)
	other  = reset.EndpointFrom(netip.MustParseAddr("10.0.0.9"), 50000)
)

// told is a story's record, before it is judged.
type told struct {
	reset.Reset
	context *reset.Context
}

// at makes a record of a RST, so many milliseconds after the start.
func at(later float64, direction reset.Direction, src, dst reset.Endpoint, changes ...func(*told)) told {
	t := told{Reset: reset.Reset{
		Direction: direction, Src: src, Dst: dst, Netns: reset.Netns{ID: 1}, Revision: 1,
		MonoNS: reset.Some(start + int64(later*float64(ms))), Time: reset.Time(start + int64(later*float64(ms))),
		Packet: reset.Packet{Flags: reset.RST | reset.ACK, Seq: reset.Some[uint32](1000), Ack: reset.Some[uint32](5000)},
	}}
	t.Sources = t.Sources.With(reset.Wire)
	for _, change := range changes {
		change(&t)
	}
	return t
}

// accepted: the kernel took it, and a connection was reset.
func accepted(t *told) {
	t.Sources = t.Sources.With(reset.TCPReceiveReset)
	t.Connection = &reset.Connection{State: "ESTABLISHED", RTTUS: reset.Some[uint32](400)}
}

// reply is our kernel's to a packet that no connection took.
func reply(flags reset.Flags, seq, length uint32) func(*told) {
	return func(t *told) {
		t.Sources = t.Sources.With(reset.TCPSendReset)
		t.Kernel.Reason = "NO_SOCKET"
		t.Trigger = &reset.Trigger{Flags: flags, Seq: reset.Some(seq), Length: reset.Some(length), Ack: reset.Some[uint32](5000)}
		t.Packet.Flags, t.Packet.Seq, t.Packet.Ack = reset.RST, reset.Some[uint32](5000), reset.Some[uint32](0)
	}
}

func seq(n uint32) func(*told)        { return func(t *told) { t.Packet.Seq = reset.Some(n) } }
func netns(id uint64) func(*told)     { return func(t *told) { t.Netns.ID = id } }
func flags(f reset.Flags) func(*told) { return func(t *told) { t.Packet.Flags = f } }
func state(name string) func(*told) {
	return func(t *told) { t.Connection = &reset.Connection{State: name} }
}
func ack(n uint32) func(*told)       { return func(t *told) { t.Packet.Ack = reset.Some(n) } }
func ttl(n uint8) func(*told)        { return func(t *told) { t.Packet.TTL = reset.Some(n) } }
func ipid(n uint16) func(*told)      { return func(t *told) { t.Packet.IPID = reset.Some(n) } }
func expecting(n uint32) func(*told) { return func(t *told) { t.know().Socket.RcvNxt = reset.Some(n) } }
func silent(milliseconds int64) func(*told) {
	return func(t *told) {
		t.Connection = &reset.Connection{State: "ESTABLISHED", QuietBeforeMS: reset.Some(milliseconds)}
	}
}

// aborted: a process closed the connection.
func aborted(pid uint32) func(*told) {
	return func(t *told) {
		t.Sources = t.Sources.With(reset.TCPSendReset)
		t.Kernel.Reason = "TCP_ABORT_ON_CLOSE"
		t.Process = &reset.Process{PID: reset.Some(pid), Comm: "proxy"}
	}
}

func killed(t *told) { t.Process.Exit = &reset.Exit{Signal: "SIGKILL"} }

// owned: the process had the socket that took the RST.
func owned(pid uint32) func(*told) {
	return func(t *told) { t.Process = &reset.Process{PID: reset.Some(pid), Comm: "proxy"} }
}

func (t *told) know() *reset.Context {
	if t.context == nil {
		t.context = &reset.Context{}
	}
	return t.context
}

// result is a reset's last revision and what it was judged with.
type result struct {
	reset.Reset
	After     attribute.After
	PeerSpoke bool
	Twin      reset.Cause
	Relayed   reset.Endpoint
	Dead      reset.Endpoint
}

// run tells a story and returns the last revisions by their ids, which are the
// places in the story, counted from 1.
func run(t testing.TB, story []told, order []int) map[reset.ID]result {
	t.Helper()
	return runWith(t, DefaultConfig(), story, order)
}

func runWith(t testing.TB, cfg Config, story []told, order []int) map[reset.ID]result {
	t.Helper()
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	results := make(map[reset.ID]result)
	keep := func(c *attribute.Case) {
		got := result{Reset: *c.Reset, After: c.After, PeerSpoke: c.After.PeerSpoke != nil}
		if c.After.Twin != nil {
			got.Twin = c.After.Twin.Cause
		}
		if c.After.RelayedFrom != nil {
			got.Relayed = c.After.RelayedFrom.Src
		}
		if c.After.Death != nil {
			got.Dead = c.After.Death.Src
		}
		got.Evidence, got.CausedBy, got.Related = nil, append([]reset.ID(nil), got.CausedBy...), append([]reset.ID(nil), got.Related...)
		if _, twice := results[got.ID]; twice {
			t.Errorf("reset %v got two last revisions", got.ID)
		}
		results[got.ID] = got
	}
	latest := int64(0)
	for _, i := range order {
		one := story[i]
		one.ID = idOf(i)
		c := &attribute.Case{Reset: &one.Reset, Context: one.context}
		m.Judge(c)
		m.Note(c, true)
		if one.Final {
			keep(c)
		}
		latest = max(latest, one.MonoNS.V)
		m.Advance(latest-100*ms, keep)
	}
	m.Advance(latest+int64(time.Hour), keep)
	if m.Waiting() != 0 || !m.Idle() {
		t.Errorf("%d wait at the end, idle %v", m.Waiting(), m.Idle())
	}
	if len(results) != len(story) {
		t.Errorf("%d of %d resets have a last revision", len(results), len(story))
	}
	return results
}

func idOf(i int) reset.ID { return reset.ID{15: byte(i + 1), 14: byte((i + 1) >> 8)} }

func inOrder(n int) (order []int) {
	for i := range n {
		order = append(order, i)
	}
	return order
}

// TestPeerSpoke: what proves that a RST's source did not send it, and what does
// not: it had sent that before.
func TestPeerSpoke(t *testing.T) {
	const data, bare, mss = 60, 52, 1500
	rst := func(changes ...func(*told)) told {
		return at(0, reset.In, server, client, append([]func(*told){accepted}, changes...)...)
	}
	answer := func(later float64, flags reset.Flags, seq, length uint32, changes ...func(*told)) told {
		return at(later, reset.Out, client, server, append([]func(*told){reply(flags, seq, length)}, changes...)...)
	}
	withoutRTT := func(t *told) { t.Connection.RTTUS = reset.Opt[uint32]{} }
	refusedSYN := func(t *told) { t.Connection.State, t.Packet.Seq = "SYN_SENT", reset.Some[uint32](0) }
	tests := []struct {
		name string
		rst  told
		then []told
		want bool
	}{
		{"nothing follows", rst(), nil, false},
		{"data behind the RST's SEQ", rst(), []told{answer(0.1, reset.ACK|reset.PSH, 1000, data)}, true},
		{"a full segment behind it", rst(), []told{answer(0.1, reset.ACK, 1000, mss)}, true},
		{"a full segment that ends at it", rst(seq(9000)), []told{answer(0.1, reset.ACK, 9000-1448, 1448+52)}, false},
		{"around the end of the numbers", rst(seq(0xfffffff0)), []told{answer(0.1, reset.ACK|reset.PSH, 5, data)}, true},
		{"data that was under way", rst(), []told{answer(5, reset.ACK|reset.PSH, 900, data)}, false},
		{"data sent again, later than any straggler", rst(), []told{answer(230, reset.ACK|reset.PSH, 900, data)}, true},
		{"the same, and the round trip is not known", rst(withoutRTT), []told{answer(230, reset.ACK|reset.PSH, 900, data)}, false},
		{"a bare ACK at once", rst(), []told{answer(1, reset.ACK, 1000, bare)}, false},
		{"a keepalive probe a second later", rst(), []told{answer(1000, reset.ACK, 999, bare)}, true},
		{"data behind a RST without ACK", rst(flags(reset.RST)), []told{answer(0.05, reset.ACK|reset.PSH, 1000, data)}, true},
		{"a reply overtook data and FIN", rst(flags(reset.RST)), []told{answer(0.05, reset.ACK|reset.PSH|reset.FIN, 1000, data)}, false},
		{"a reply overtook data, then a FIN", rst(flags(reset.RST)), []told{
			answer(0.05, reset.ACK|reset.PSH, 1000, data), answer(0.06, reset.ACK|reset.FIN, 1008, bare),
		}, false},
		{"a reply overtook data and an abort", rst(flags(reset.RST)), []told{
			answer(0.05, reset.ACK|reset.PSH, 1000, data), at(0.06, reset.In, server, client, seq(1008)),
		}, false},
		{"a new connection of the same ports", rst(), []told{answer(900, reset.SYN, 77, bare)}, false},
		{"SYN+ACK after the refusal of the same SYN", rst(refusedSYN), []told{answer(3, reset.SYN|reset.ACK, 77, bare)}, true},
		{"SYN+ACK to another SYN", rst(refusedSYN, ack(4000)), []told{answer(3, reset.SYN|reset.ACK, 77, bare)}, false},
		{"a listener is there", rst(), []told{answer(0.1, reset.ACK|reset.PSH, 1000, data, state("LISTEN"))}, true},
		{"a new connection answers", rst(), []told{answer(0.1, reset.ACK|reset.PSH, 1000, data, state("SYN_SENT"))}, false},
		{"in another namespace", rst(), []told{answer(0.1, reset.ACK|reset.PSH, 1000, data, netns(2))}, false},
		{"too late", rst(), []told{answer(2100, reset.ACK|reset.PSH, 1000, data)}, false},
		{"before it", rst(), []told{answer(-1, reset.ACK|reset.PSH, 1000, data)}, false},
		{"the kernel had not taken it", at(0, reset.In, server, client), []told{answer(0.1, reset.ACK|reset.PSH, 1000, data)}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			story := append([]told{test.rst}, test.then...)
			// A RST that no event tells of was taken, says the verdict; this one was not.
			if !story[0].Sources.Has(reset.TCPReceiveReset) {
				story[0].Sources = story[0].Sources.With(reset.KfreeSkb)
				story[0].Kernel.DropReason = "TCP_INVALID_SEQUENCE"
			}
			got := run(t, story, inOrder(len(story)))[idOf(0)]
			if got.PeerSpoke != test.want {
				t.Errorf("the peer spoke: %v, want %v", got.PeerSpoke, test.want)
			}
			if got.PeerSpoke && (got.After.PeerSpokeNS != story[1].MonoNS.V-story[0].MonoNS.V || got.After.PeerSpoke.Flags != story[1].Trigger.Flags) {
				t.Errorf("it spoke %+v after %d ns", got.After.PeerSpoke, got.After.PeerSpokeNS)
			}
			if got.Revision != 2 || !got.Final || got.ProvisionalUntil != 0 {
				t.Errorf("revision %d, final %v, provisional until %v", got.Revision, got.Final, got.ProvisionalUntil)
			}
		})
	}
}

// TestOthers: further RSTs of the tuple, and whether one host can have sent them.
func TestOthers(t *testing.T) {
	in := func(later float64, changes ...func(*told)) told {
		return at(later, reset.In, server, client, append([]func(*told){accepted, expecting(1000)}, changes...)...)
	}
	tests := []struct {
		name   string
		story  []told
		others int
		differ bool
	}{
		{"alone", []told{in(0)}, 0, false},
		{"equal ones, for each packet under way", []told{in(0), in(1), in(2)}, 2, false},
		{"an abort, then replies", []told{in(0), in(1, flags(reset.RST), seq(900), ack(0)), in(2, flags(reset.RST), seq(950), ack(0))}, 2, false},
		{"forward beyond all that was received", []told{in(0), in(1, seq(2460))}, 1, true},
		{"forward by a FIN", []told{in(0), in(1, seq(1001))}, 1, false},
		{"to what was received, after one that was too low", []told{in(0, seq(400)), in(1)}, 1, false},
		{"another ACK", []told{in(0), in(1, ack(6000))}, 1, true},
		{"refusals of two SYNs", []told{in(0, seq(0)), in(1, seq(0), ack(6000))}, 1, false},
		{"another ACK, of a later connection", []told{in(0), in(1500, ack(6000))}, 1, false},
		{"another TTL", []told{in(0, ttl(57)), in(1, ttl(64))}, 1, true},
		{"one packet that passes twice", []told{at(0, reset.Forward, server, client, ttl(63)), at(0.1, reset.Forward, server, client, ttl(61))}, 0, false},
		{"one hop more", []told{in(0, ttl(57)), in(1, ttl(58))}, 1, false},
		{"too long ago", []told{in(0), in(2500, ack(6000))}, 0, false},
		{"of another connection", []told{in(0), at(1, reset.In, other, client, accepted, ack(7))}, 0, false},
		{"the other way", []told{in(0), at(1, reset.Out, client, server, ack(7))}, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := run(t, test.story, inOrder(len(test.story)))[idOf(0)]
			if got.After.Others != test.others || got.After.OthersDiffer != test.differ {
				t.Errorf("%d others, different: %v; want %d, %v", got.After.Others, got.After.OthersDiffer, test.others, test.differ)
			}
		})
	}
}

// TestNeverSent: a RST whose source is here, and that nobody here sent.
func TestNeverSent(t *testing.T) {
	there := reset.Netns{ID: 2, Name: "db"}
	in := at(5, reset.In, server, client, accepted, netns(1))
	out := func(changes ...func(*told)) told {
		return at(4, reset.Out, server, client, append([]func(*told){netns(2)}, changes...)...)
	}
	tests := []struct {
		name  string
		known bool
		room  int
		story []told
		want  bool
	}{
		{"not sent", true, 9, []told{in}, true},
		{"passed on here", true, 9, []told{at(5, reset.Forward, server, client, netns(3))}, true},
		{"the other end is not here", false, 9, []told{in}, false},
		{"sent", true, 9, []told{out(), in}, false},
		{"sent, and told late", true, 9, []told{in, out()}, false},
		{"its numbers were changed on the way", true, 9, []told{out(seq(77)), in}, false},
		{"the other way", true, 9, []told{at(4, reset.Out, client, server, netns(2)), in}, true},
		{"a refused SYN", true, 9, []told{at(5, reset.In, server, client, accepted, state("SYN_SENT"))}, false},
		{"what was sent may be forgotten", true, 1, []told{in, at(6, reset.In, other, client, accepted)}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.MaxKept = test.room
			asked := map[reset.Direction]bool{}
			cfg.OtherEnd = func(r *reset.Reset) (reset.Netns, bool) {
				asked[r.Direction] = true
				return there, test.known && r.Src == server
			}
			results := runWith(t, cfg, test.story, inOrder(len(test.story)))
			for i := range test.story {
				got := results[idOf(i)]
				if test.story[i].Direction == reset.Out || test.story[i].Src != server {
					continue
				}
				if said := got.After.NeverSent != nil; said != test.want || said && *got.After.NeverSent != there {
					t.Errorf("never sent: %v, want %v", got.After.NeverSent, test.want)
				}
			}
			if asked[reset.Out] {
				t.Error("asked of one that was sent here")
			}
		})
	}
}

// TestSharedIPID: neighbours in time and number, of other sources.
func TestSharedIPID(t *testing.T) {
	in := func(later float64, src reset.Endpoint, id uint16) told {
		return at(later, reset.In, src, client, accepted, ipid(id))
	}
	tests := []struct {
		name  string
		story []told
		want  bool
	}{
		{"one counter", []told{in(0, server, 500), in(3, other, 501)}, true},
		{"backwards", []told{in(0, server, 500), in(3, other, 499)}, false},
		{"one number", []told{in(0, server, 500), in(3, other, 500)}, true},
		{"around the end", []told{in(0, server, 65535), in(3, other, 1)}, true},
		{"both ends of one connection", []told{
			at(0, reset.Forward, server, client, ipid(500)), at(0.1, reset.Forward, client, server, ipid(501)),
		}, true},
		{"of one source", []told{in(0, server, 500), in(3, server, 501)}, false},
		{"replies of Linux", []told{in(0, server, 0), in(3, other, 0)}, false},
		{"far apart", []told{in(0, server, 500), in(3, other, 510)}, false},
		{"long ago", []told{in(0, server, 500), in(1500, other, 501)}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := run(t, test.story, inOrder(2))[idOf(0)]; got.After.SharedIPID != test.want {
				t.Errorf("shared: %v, want %v", got.After.SharedIPID, test.want)
			}
		})
	}
}

// TestTwin: the packet's record at the other end, or where it passed.
func TestTwin(t *testing.T) {
	sent := at(0, reset.Out, server, client, aborted(7))
	passed := at(0.1, reset.Forward, server, client, netns(2))
	arrived := at(0.2, reset.In, server, client, netns(3), accepted)
	refusal := at(0, reset.Out, server, client, func(t *told) {
		reply(reset.SYN, 77, 60)(t)
		t.Packet.Flags, t.Packet.Seq = reset.RST|reset.ACK, reset.Some[uint32](0)
	})
	refused := at(0.1, reset.In, server, client, netns(3), accepted, seq(0), ack(0))
	inside, outside := reset.EndpointFrom(netip.MustParseAddr("172.17.0.2"), 80), server
	behind := at(0, reset.Out, inside, client, aborted(7))
	translated := at(0.1, reset.Forward, inside, client, netns(2), func(t *told) {
		t.NAT = &reset.NAT{Original: reset.Tuple{Src: inside, Dst: client}, Reply: reset.Tuple{Src: client, Dst: outside}}
	})
	looped := at(0.1, reset.In, server, client, accepted)
	tests := []struct {
		name  string
		story []told
		twins []int // of each, the place of its twin in the story; -1: none
		cause []reset.Cause
	}{
		{"over a router", []told{sent, passed, arrived}, []int{2, 0, 0}, []reset.Cause{0, reset.UnreadData, reset.UnreadData}},
		{"over the loopback device", []told{sent, looped}, []int{1, 0}, []reset.Cause{0, reset.UnreadData}},
		{"of one that is final at once", []told{refusal, refused}, []int{-1, 0}, []reset.Cause{0, reset.NoListener}},
		{"through a translation", []told{behind, translated, arrived}, []int{2, 0, 0}, []reset.Cause{0, reset.UnreadData, reset.UnreadData}},
		{"the translation was not seen", []told{behind, arrived}, []int{-1, -1}, []reset.Cause{0, 0}},
		{"another packet", []told{sent, at(0.2, reset.In, server, client, netns(3), seq(1001))}, []int{-1, -1}, []reset.Cause{0, 0}},
		{"it arrives before it is sent", []told{at(1, reset.Out, server, client, aborted(7)), arrived}, []int{-1, -1}, []reset.Cause{0, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			results := run(t, test.story, inOrder(len(test.story)))
			for i, twin := range test.twins {
				got := results[idOf(i)]
				var want reset.ID
				if twin >= 0 {
					want = idOf(twin)
				}
				if got.Reset.Twin != want || got.Twin != test.cause[i] {
					t.Errorf("record %d: twin %v with cause %s, want %v with %s", i, got.Reset.Twin, got.Twin, want, test.cause[i])
				}
			}
		})
	}
}

// TestRelayed: a process that received a reset and then resets another
// connection passes it on.
func TestRelayed(t *testing.T) {
	proxy := reset.EndpointFrom(client.Addr(), 8080)
	busy := func() (story []told) {
		for i := range 40 {
			src := reset.EndpointFrom(server.Addr(), uint16(2000+i))
			story = append(story, at(float64(i-9), reset.In, src, client, accepted, owned(7), seq(uint32(i+1))))
		}
		return story
	}
	received := func(later float64, src reset.Endpoint, pid uint32) told {
		return at(later, reset.In, src, client, accepted, owned(pid))
	}
	// Who accepted it is not known, only who listened.
	listened := func(later float64, src reset.Endpoint, pid uint32) told {
		one := at(later, reset.In, src, client, accepted)
		one.know().Past.Owner, one.know().Past.OwnerListens = &reset.Process{PID: reset.Some(pid), Comm: "proxy"}, true
		return one
	}
	passed := func(later float64, pid uint32) told {
		return at(later, reset.Out, proxy, other, aborted(pid), seq(77))
	}
	tests := []struct {
		name  string
		story []told
		from  int // place of the cause of the last; -1: none
	}{
		{"passed on", []told{received(0, server, 7), passed(3, 7)}, 0},
		{"accepted where it listens", []told{listened(0, server, 7), passed(3, 7)}, 0},
		{"accepted where it listens, and then by itself", []told{listened(0, server, 7), received(1, other, 7), passed(3, 7)}, 1},
		{"accepted where another listens", []told{listened(0, server, 8), passed(3, 7)}, -1},
		{"not aborted by it", []told{received(0, server, 7), at(3, reset.Out, proxy, other, reply(reset.ACK, 1, 60), owned(7))}, -1},
		{"by another process", []told{received(0, server, 7), passed(3, 8)}, -1},
		{"much later", []told{received(0, server, 7), passed(60, 7)}, -1},
		{"before", []told{received(5, server, 7), passed(3, 7)}, -1},
		{"the last of two", []told{received(0, server, 7), received(2, other, 7), passed(3, 7)}, 1},
		{"on the same connection", []told{received(0, server, 7), at(1, reset.Out, client, server, aborted(7))}, -1},
		{"to itself", []told{
			at(0, reset.Out, server, client, aborted(7), netns(2)), received(0.1, server, 7), passed(3, 7),
		}, -1},
		{"at once, by one that receives many", append(busy(), passed(30.1, 7)), 39},
		{"later, by one that receives many", append(busy(), passed(45, 7)), -1},
		{"by a process that dies", []told{received(0, server, 7), at(0.5, reset.Out, client, other, aborted(7), killed), at(1, reset.Out, proxy, other, aborted(7), killed)}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			results := run(t, test.story, inOrder(len(test.story)))
			got := results[idOf(len(test.story)-1)]
			var want []reset.ID
			if test.from >= 0 {
				want = []reset.ID{idOf(test.from)}
			}
			if diff := cmp.Diff(want, got.CausedBy); diff != "" {
				t.Errorf("caused by (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDeath: the first of what a dying process resets is the cause of the
// others.
func TestDeath(t *testing.T) {
	var story []told
	for i := range 20 {
		src := reset.EndpointFrom(server.Addr(), uint16(1000+i))
		story = append(story, at(float64(i), reset.Out, src, client, aborted(7), killed))
	}
	results := run(t, story, inOrder(len(story)))
	first := results[idOf(0)]
	if len(first.CausedBy) != 0 || first.After.Death != nil || first.After.Siblings != 19 || len(first.Related) != maxRelated || first.Related[0] != idOf(1) {
		t.Errorf("the first: caused by %v, %d siblings, related %v", first.CausedBy, first.After.Siblings, first.Related)
	}
	for i := 1; i < 20; i++ {
		got := results[idOf(i)]
		if diff := cmp.Diff([]reset.ID{idOf(0)}, got.CausedBy); diff != "" || got.After.Siblings != 19 || got.Dead != first.Src {
			t.Errorf("%d: %d siblings, cause (-want +got):\n%s", i, got.After.Siblings, diff)
		}
	}
}

// TestAfterDeath: a packet that meets what the dead process had open.
func TestAfterDeath(t *testing.T) {
	owned := func(ago int64) func(*told) {
		return func(t *told) {
			t.know().Past = reset.Past{Known: true, Owner: &reset.Process{PID: reset.Some[uint32](7)}, FinAgo: reset.Some(ago * ms)}
		}
	}
	story := []told{
		at(0, reset.Out, server, client, aborted(7), killed),
		at(300, reset.Out, server, other, reply(reset.ACK|reset.PSH, 1, 60), owned(299)),
		at(300, reset.Out, client, other, reply(reset.ACK|reset.PSH, 1, 60), owned(100000)),
	}
	results := run(t, story, inOrder(3))
	if got := results[idOf(1)]; len(got.CausedBy) != 1 || got.CausedBy[0] != idOf(0) {
		t.Errorf("a connection that the death closed: caused by %v", got.CausedBy)
	}
	if got := results[idOf(2)]; len(got.CausedBy) != 0 {
		t.Errorf("a connection that was closed long before: caused by %v", got.CausedBy)
	}
}

// TestDeathWithoutAbort: a process that is killed with nothing unread closes with
// a FIN; what its peers send then is refused, and the first refusal stands for the
// death.
func TestDeathWithoutAbort(t *testing.T) {
	refused := func(later float64, port uint16, exit *reset.Exit) told {
		return at(later, reset.Out, server, reset.EndpointFrom(other.Addr(), port), reply(reset.ACK|reset.PSH, 1, 60), func(t *told) {
			t.know().Past = reset.Past{Known: true, Owner: &reset.Process{PID: reset.Some[uint32](7), Exit: exit}, FinAgo: reset.Some(ms)}
		})
	}
	killed := &reset.Exit{Signal: "SIGKILL"}
	story := []told{refused(0, 1, killed), refused(1, 2, killed), refused(2, 3, killed), refused(3, 4, nil)}
	story[3].context.Past.FinAgo = reset.Some(60000 * ms) // it had closed that one long before
	results := run(t, story, inOrder(4))
	for i, want := range [][]reset.ID{nil, {idOf(0)}, {idOf(0)}, nil} {
		if diff := cmp.Diff(want, results[idOf(i)].CausedBy); diff != "" {
			t.Errorf("record %d is caused by (-want +got):\n%s", i, diff)
		}
	}
	if got := results[idOf(0)].After.Siblings; got != 2 {
		t.Errorf("%d siblings, want 2", got)
	}
}

// TestQuiet: silences of the same length toward the same service.
func TestQuiet(t *testing.T) {
	from := func(later float64, ip string, milliseconds int64) told {
		src := reset.EndpointFrom(netip.MustParseAddr(ip), 443)
		return at(later, reset.In, src, client, silent(milliseconds))
	}
	story := []told{
		from(0, "10.0.0.5", 350_200), from(1, "10.0.0.6", 349_900), from(2, "10.0.0.5", 353_000),
		from(3, "10.0.0.5", 20_000), from(4, "10.0.1.5", 350_000), from(5, "10.0.0.5", 900),
	}
	results := run(t, story, inOrder(len(story)))
	for i, want := range [][2]int{{2, 3}, {2, 3}, {2, 3}, {0, 3}, {0, 0}, {0, 0}} {
		if a := results[idOf(i)].After; a.QuietLike != want[0] || a.QuietOf != want[1] {
			t.Errorf("record %d: %d of %d, want %d of %d", i, a.QuietLike, a.QuietOf, want[0], want[1])
		}
	}
}
