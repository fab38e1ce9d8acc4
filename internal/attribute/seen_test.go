package attribute

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestReceivedFromThePeer(t *testing.T) {
	peer, none := reset.Peer, reset.SenderUnknown
	in := func(facts ...known) *Case { return caseOf(reset.In, facts...) }
	lost := withConnection(func(k *reset.Connection) { k.Unsent = reset.Some[uint32](100) })
	silence := func(ms, since int64) known {
		return withConnection(func(k *reset.Connection) {
			k.State, k.QuietBeforeMS, k.SinceSentMS = "ESTABLISHED", reset.Some(ms), reset.Some(since)
		})
	}
	scan := after(func(a *After) { a.ScansBySource = 30 })
	checkSituations(t, []situation{
		{"refused", in(accepting("SYN_SENT"), refusingForm), peer, possible, reset.Refused, likely, reset.FailedConnect},
		{"refused, the address known", in(accepting("SYN_SENT"), refusingForm, func(c *Case) { c.Context.Peer = reset.PeerFacts{Known: true, TTL: 60} }), peer, likely, reset.Refused, likely, reset.FailedConnect},
		{"refused without a label over IPv6", in(accepting("SYN_SENT"), refusingForm, overIPv6(0)), peer, possible, reset.FirewallReject, possible, reset.FailedConnect},
		{"refused from nearer", in(accepting("SYN_SENT"), refusingForm, withTTL(64), func(c *Case) { c.Context.Peer = reset.PeerFacts{Known: true, TTL: 60} }), reset.Path, likely, reset.FirewallReject, likely, reset.FailedConnect},
		{"refused from nearer, by a TCP", in(accepting("SYN_SENT"), refusingForm, overIPv6(9), withTTL(64), func(c *Case) { c.Context.Peer = reset.PeerFacts{Known: true, TTL: 60} }), reset.Path, possible, reset.Forged, possible, reset.FailedConnect},
		{"aborted while connecting", in(accepting("SYN_SENT"), abortingForm), peer, possible, reset.PeerAbort, likely, reset.FailedConnect},
		{"aborted", in(accepting("ESTABLISHED"), abortingForm, metAt(60)), peer, likely, reset.PeerAbort, likely, reset.HarmUnknown},
		{"aborted, bytes on their way", in(accepting("ESTABLISHED"), lost, abortingForm, metAt(60)), peer, likely, reset.PeerAbort, likely, reset.LostData},
		{"aborted, no baseline", in(accepting("ESTABLISHED"), abortingForm), peer, possible, reset.PeerAbort, likely, reset.HarmUnknown},
		{"aborted, one hop off", in(accepting("ESTABLISHED"), abortingForm, metAt(61)), peer, likely, reset.PeerAbort, likely, 0},
		{"aborted, another first TTL", in(accepting("ESTABLISHED"), abortingForm, withTTL(124), metAt(60)), peer, likely, reset.PeerAbort, likely, 0},
		{"aborted with an empty window", in(accepting("ESTABLISHED"), abortingForm, metAt(60), func(c *Case) { c.Reset.Packet.Window = reset.Some[uint16](0) }), peer, likely, reset.PeerAbort, possible, 0},
		{"aborted behind its FIN", in(accepting("CLOSE_WAIT"), abortingForm, metAt(60)), peer, likely, reset.PeerAbort, likely, 0},
		{"knows no such connection", in(accepting("ESTABLISHED"), bareForm, metAt(60)), peer, likely, reset.PeerNoConnection, likely, 0},
		{"answers after its FIN", in(accepting("CLOSE_WAIT"), bareForm, lost, metAt(60)), peer, likely, reset.AfterClose, likely, reset.LostData},
		{"after both FINs", in(accepting("LAST_ACK"), bareForm, metAt(60)), peer, likely, reset.AfterClose, likely, reset.HarmNone},
		{"our FIN alone is unacknowledged", in(accepting("LAST_ACK"), withConnection(func(k *reset.Connection) { k.Unsent = reset.Some[uint32](0) }), bareForm), peer, possible, reset.AfterClose, likely, reset.HarmNone},
		{"in TIME_WAIT", in(refusing("NOT_SPECIFIED", "TIME_WAIT"), bareForm), peer, possible, reset.AfterClose, likely, reset.HarmNone},
		{"for a connection that is over", in(refusing("NO_SOCKET", ""), bareForm, metAt(60), withPast(func(p *reset.Past) { p.ClosedAgo = reset.Some[int64](1e9) })), peer, likely, reset.AfterClose, likely, reset.HarmNone},
		{"refuses our SYN+ACK", in(refusing("NOT_SPECIFIED", "NEW_SYN_RECV"), bareForm), peer, possible, reset.PeerNoConnection, likely, reset.FailedConnect},
		{"half-open scan", in(refusing("NOT_SPECIFIED", "NEW_SYN_RECV"), bareForm, scan), peer, possible, reset.Scan, likely, reset.HarmNone},
		{"scan with RSTs", in(refusing("NO_SOCKET", ""), bareForm, scan), peer, possible, reset.Scan, likely, reset.HarmNone},
		{"backscatter of a SYN", in(refusing("NO_SOCKET", ""), refusingForm), peer, possible, reset.Backscatter, likely, reset.HarmNone},
		{"backscatter of an ACK", in(refusing("NO_SOCKET", ""), bareForm), peer, possible, reset.Backscatter, possible, reset.HarmNone},
		{"silence, a usual limit, from nearer", in(accepting("ESTABLISHED"), bareForm, withTTL(63), metAt(50), silence(350_900, 30)), reset.Path, likely, reset.IdleTimeout, likely, 0},
		{"silence, a usual limit, from the peer's distance", in(accepting("ESTABLISHED"), bareForm, metAt(60), silence(350_900, 30)), peer, likely, reset.IdleTimeout, likely, 0},
		{"silence, others as long", in(accepting("ESTABLISHED"), bareForm, metAt(60), silence(77_000, 30), after(func(a *After) { a.QuietLike, a.QuietOf = 5, 6 })), peer, likely, reset.IdleTimeout, likely, 0},
		{"silence of some length", in(accepting("ESTABLISHED"), bareForm, silence(77_000, 30)), reset.Path, possible, reset.IdleTimeout, possible, 0},
		{"silence, then an application's abort", in(accepting("ESTABLISHED"), abortingForm, metAt(60), silence(77_000, 30)), peer, likely, reset.PeerAbort, likely, 0},
		{"silence, and a RST long after the next send", in(accepting("ESTABLISHED"), bareForm, metAt(60), silence(350_900, 9000)), peer, likely, reset.PeerNoConnection, likely, 0},
		{"wrong host, further away", in(accepting("ESTABLISHED"), bareForm, withTTL(50), metAt(60)), peer, possible, reset.WrongHost, likely, 0},
		{"wrong host, one hop off", in(accepting("ESTABLISHED"), bareForm, withTTL(59), metAt(60)), peer, possible, reset.WrongHost, likely, 0},
		{"a duplicate on the link", in(accepting("ESTABLISHED"), bareForm, withTTL(64), metAt(64), macs), peer, possible, reset.WrongHost, likely, 0},
		{"Multipath TCP's reset option", in(accepting("ESTABLISHED"), abortingForm, metAt(60), func(c *Case) { c.Reset.Packet.TCPOptions = reset.Hex{1, 30, 4, 0x80, 1} }), peer, likely, reset.MPTCP, likely, 0},
		{"by loopback, and no record of its sending", in(accepting("ESTABLISHED"), abortingForm, func(c *Case) { c.Reset.Interface.In = "lo" }), none, 0, reset.CauseUnknown, 0, 0},
		{"refused by loopback", in(accepting("SYN_SENT"), refusingForm, func(c *Case) { c.Reset.Interface.In = "lo" }), none, 0, reset.Refused, likely, reset.FailedConnect},
		{"packet socket, aborted", in(seenBy(reset.AFPacket), abortingForm), peer, possible, reset.PeerAbort, possible, 0},
		{"a log line, refused", in(seenBy(reset.KLog), refusingForm), peer, possible, reset.Refused, possible, 0},
		{"dropped by a filter", in(refusing("NETFILTER_DROP", ""), bareForm), peer, possible, reset.PeerNoConnection, possible, reset.HarmNone},
	})
}

// macs are another station's.
func macs(c *Case) {
	c.Context.Past.HandshakeMAC, c.Reset.Packet.MACSrc = reset.MAC{2, 0, 0, 0, 0, 1}, reset.MAC{2, 0, 0, 0, 0, 2}
}

func spokeAfter(flags reset.Flags, seq uint32) known {
	return after(func(a *After) {
		a.PeerSpoke, a.PeerSpokeNS = &reset.Trigger{Flags: flags, Seq: reset.Some(seq)}, 5e6
	})
}

func TestReceivedForged(t *testing.T) {
	path := reset.Path
	in := func(facts ...known) *Case { return caseOf(reset.In, facts...) }
	differ := after(func(a *After) { a.Others, a.OthersDiffer = 2, true })
	shared := after(func(a *After) { a.SharedIPID = true })
	id := func(c *Case) { c.Reset.Packet.IPID = reset.Some[uint16](64) }
	checkSituations(t, []situation{
		{"the peer lives on", in(accepting("ESTABLISHED"), oddlyFormed, withTTL(63), metAt(50), spokeAfter(toDataFlags, 5000)), path, likely, reset.Forged, certain, 0},
		{"it lives on, and all else is its own", in(accepting("ESTABLISHED"), abortingForm, metAt(60), spokeAfter(toDataFlags, 5000)), path, possible, reset.Forged, certain, 0},
		{"it lives on, and the RST was a mere reply", in(accepting("ESTABLISHED"), bareForm, withTTL(63), metAt(50), spokeAfter(reset.ACK, 5000)), path, likely, reset.Forged, likely, 0},
		{"it acknowledged something, perhaps before", in(accepting("ESTABLISHED"), oddlyFormed, withTTL(63), metAt(50), spokeAfter(reset.ACK, 5000)), path, likely, reset.Forged, likely, 0},
		{"a SYN+ACK behind the refusal", in(accepting("SYN_SENT"), refusingForm, spokeAfter(reset.SYN|reset.ACK, 9)), path, possible, reset.Forged, likely, reset.FailedConnect},
		{"what it sent was older than the RST", in(accepting("ESTABLISHED"), abortingForm, metAt(60), spokeAfter(toDataFlags, 4000)), reset.Peer, likely, reset.PeerAbort, likely, 0},
		{"what came after was a new SYN", in(accepting("ESTABLISHED"), abortingForm, metAt(60), spokeAfter(reset.SYN, 6000)), reset.Peer, likely, reset.PeerAbort, likely, 0},
		{"nearer, and shared IP ID", in(accepting("ESTABLISHED"), oddlyFormed, id, withTTL(63), metAt(50), shared), path, likely, reset.Forged, likely, 0},
		{"several that differ, and from further", in(accepting("ESTABLISHED"), oddlyFormed, withTTL(40), metAt(60), differ), path, likely, reset.Forged, likely, 0},
		{"the second RST's SEQ lies beyond the first", in(accepting("ESTABLISHED"), abortingForm, metAt(60), after(func(a *After) { a.Others, a.OthersDiffer, a.SeqChange = 1, true, true })), path, likely, reset.Forged, likely, 0},
		{"nearer alone", in(accepting("ESTABLISHED"), oddlyFormed, withTTL(63), metAt(50)), path, possible, reset.Forged, possible, 0},
		{"nearer, as netfilter answers", in(accepting("ESTABLISHED"), bareForm, withTTL(63), metAt(50)), path, possible, reset.FirewallReject, possible, 0},
		{"nearer over IPv6, as TCP answers", in(accepting("ESTABLISHED"), bareForm, overIPv6(9), withTTL(63), metAt(50)), path, possible, reset.Forged, possible, 0},
		{"reserved bits", in(accepting("ESTABLISHED"), abortingForm, metAt(60), func(c *Case) { c.Reset.Packet.Reserved = reset.Some[uint8](8) }), path, possible, reset.Forged, possible, 0},
		{"acknowledges what was never sent", in(accepting("ESTABLISHED"), abortingForm, metAt(60), func(c *Case) {
			c.Reset.Packet.Ack, c.Context.Socket.SndNxt = reset.Some[uint32](2000), reset.Some[uint32](1000)
		}), path, possible, reset.Forged, possible, 0},
		{"another station of the link", in(accepting("ESTABLISHED"), oddlyFormed, withTTL(64), metAt(64), macs), path, possible, reset.Forged, possible, 0},
		{"beyond the window, from nearer", in(refusing("TCP_INVALID_SEQUENCE", "ESTABLISHED"), oddlyFormed, withTTL(63), metAt(50)), path, likely, reset.Forged, likely, reset.HarmNone},
		{"beyond the window", in(refusing("TCP_INVALID_SEQUENCE", "ESTABLISHED"), bareForm, metAt(60)), path, possible, reset.Forged, possible, reset.HarmNone},
	})
}

// TestNeverCounted: what alone says nothing of a forger.
func TestNeverCounted(t *testing.T) {
	in := func(facts ...known) *Case {
		return caseOf(reset.In, append([]known{accepting("ESTABLISHED"), metAt(60)}, facts...)...)
	}
	for name, c := range map[string]*Case{
		"IP ID 0":            in(bareForm),
		"window 0":           in(bareForm),
		"repeated":           in(bareForm, after(func(a *After) { a.Others = 5 })),
		"an old ACK's SEQ":   caseOf(reset.In, refusing("TCP_OLD_SEQUENCE", "ESTABLISHED"), metAt(60), bareForm),
		"behind its own FIN": caseOf(reset.In, accepting("CLOSE_WAIT"), metAt(60), bareForm),
		"another router":     in(bareForm, macs),
		"IP ID 0 shared":     in(bareForm, after(func(a *After) { a.SharedIPID = true })),
	} {
		if Judge(c); c.Reset.Sender == reset.Path {
			t.Errorf("%s: %s (%s) for %s on %+v", name, c.Reset.Sender, c.Reset.Confidence.Sender, c.Reset.Cause, c.Reset.Evidence)
		}
	}
}

// TestUnknownIsSaid: situations in which nobody can honestly say more.
func TestUnknownIsSaid(t *testing.T) {
	none, anything := reset.SenderUnknown, reset.CauseUnknown
	in := func(facts ...known) *Case { return caseOf(reset.In, facts...) }
	out := func(facts ...known) *Case { return caseOf(reset.Out, facts...) }
	lone := inFile(func(f *reset.FlowFacts) { f.Stage = reset.StageNone })
	list := []situation{
		{"a line that says nothing", in(seenBy(reset.KLog)), none, 0, anything, 0, 0},
		{"no packet, by bpf-light", in(seenBy(reset.KfreeSkb), dropping("NO_SOCKET")), none, 0, anything, 0, reset.HarmNone},
		{"of no connection, in no form of an answer", in(refusing("NO_SOCKET", ""), oddlyFormed), none, 0, anything, 0, reset.HarmNone},
		{"of no connection, as an abort", in(refusing("NO_SOCKET", ""), abortingForm), none, 0, anything, 0, reset.HarmNone},
		{"of no connection, reserved bits", in(refusing("NO_SOCKET", ""), oddlyFormed, func(c *Case) { c.Reset.Packet.Reserved = reset.Some[uint8](15) }), none, 0, anything, 0, reset.HarmNone},
		{"to a listener", in(refusing("TCP_RESET", "LISTEN"), bareForm), none, 0, anything, 0, reset.HarmNone},
		{"challenged, no baseline", in(refusing("TCP_RESET", "ESTABLISHED"), bareForm), none, 0, anything, 0, reset.HarmNone},
		{"below the window", in(refusing("TCP_OLD_SEQUENCE", "ESTABLISHED"), bareForm), none, 0, anything, 0, reset.HarmNone},
		{"bad checksum", in(refusing("TCP_CSUM", "ESTABLISHED"), bareForm), none, 0, anything, 0, reset.HarmNone},
		{"a wrong ACK to our SYN", in(refusing("TCP_INVALID_ACK_SEQUENCE", "SYN_SENT"), refusingForm), none, 0, anything, 0, reset.HarmNone},
		{"no ACK to our SYN", in(refusing("TCP_RESET", "SYN_SENT"), bareForm), none, 0, anything, 0, reset.HarmNone},
		{"taken, in no form that tells, no baseline", in(accepting("ESTABLISHED"), oddlyFormed), none, 0, anything, 0, reset.HarmUnknown},
		{"loopback", in(accepting("ESTABLISHED"), bareForm, func(c *Case) { c.Reset.Interface.In = "lo" }), none, 0, anything, 0, 0},
		{"passing, in no form that tells", caseOf(reset.Forward, seenBy(reset.Wire), oddlyFormed), none, 0, anything, 0, 0},
		{"alone in a capture", caseOf(reset.Transit, lone, bareForm), none, 0, anything, 0, 0},
		{"alone in a capture, as a refusal", caseOf(reset.Transit, lone, refusingForm), none, 0, anything, 0, 0},
		{"alone in a capture, as an abort", caseOf(reset.Transit, lone, abortingForm), none, 0, anything, 0, 0},
		{"direction not known", caseOf(reset.DirectionUnknown, seenBy(reset.KLog)), none, 0, anything, 0, 0},
		{"left here, no form that tells", out(seenBy(reset.AFPacket), oddlyFormed), none, 0, anything, 0, 0},
		{"left here, forwarded by who knows", out(seenBy(reset.Wire), answered(reset.OriginForwarded), bareForm), none, 0, anything, 0, 0},
	}
	if len(list) < 15 {
		t.Fatalf("only %d", len(list))
	}
	checkSituations(t, list)
}

func TestPassingAndCaptured(t *testing.T) {
	peer, path := reset.Peer, reset.Path
	forward := func(facts ...known) *Case { return caseOf(reset.Forward, append(facts, seenBy(reset.Wire))...) }
	flow := func(stage reset.Stage, originator bool, set ...func(*reset.FlowFacts)) known {
		return inFile(func(f *reset.FlowFacts) {
			f.Stage, f.Originator, f.Packets, f.TTLMin, f.TTLMax = stage, reset.Some(originator), 4, 60, 60
			for _, s := range set {
				s(f)
			}
		})
	}
	file := func(facts ...known) *Case { return caseOf(reset.Transit, facts...) }
	translates := after(func(a *After) { a.Tracked = &reset.NAT{} })
	checkSituations(t, []situation{
		{"a refusal passes", forward(refusingForm), peer, possible, reset.Refused, possible, 0},
		{"an answer passes", forward(bareForm), peer, possible, reset.PeerNoConnection, possible, 0},
		{"an answer passes to what was not translated", forward(bareForm, translates), peer, possible, reset.UntranslatedReply, likely, 0},
		{"an abort passes, and was translated", forward(abortingForm, translates), peer, possible, reset.PeerAbort, possible, 0},
		{"an answer is received, and was translated", caseOf(reset.In, accepting("ESTABLISHED"), bareForm, metAt(60), translates), peer, likely, reset.PeerNoConnection, likely, 0},
		{"an abort passes", forward(abortingForm), peer, possible, reset.PeerAbort, possible, 0},
		{"REJ", file(flow(reset.AfterSYN, false), refusingForm), peer, likely, reset.Refused, likely, reset.FailedConnect},
		{"RSTOS0", file(flow(reset.AfterSYN, true), bareForm), peer, likely, reset.PeerAbort, possible, 0},
		{"the originator refuses the SYN+ACK", file(flow(reset.AfterSYNACK, true), bareForm), peer, likely, reset.PeerNoConnection, likely, 0},
		{"RSTO, an abort", file(flow(reset.AfterMoreData, true), abortingForm), peer, likely, reset.PeerAbort, likely, 0},
		{"RSTR, an answer", file(flow(reset.AfterMoreData, false), bareForm), peer, likely, reset.PeerNoConnection, likely, 0},
		{"after its FIN", file(flow(reset.AfterOwnFIN, false), bareForm), peer, likely, reset.AfterClose, likely, 0},
		{"after both FINs", file(flow(reset.AfterOwnFIN, false, func(f *reset.FlowFacts) { f.OtherFIN = true }), bareForm), peer, likely, reset.AfterClose, likely, reset.HarmNone},
		{"SEQ fits nothing", file(flow(reset.AfterMoreData, false, func(f *reset.FlowFacts) { f.Seq = reset.SeqNowhere }), bareForm), path, possible, reset.Forged, possible, 0},
		{"SEQ fits nothing, from nearer", file(flow(reset.AfterMoreData, false, func(f *reset.FlowFacts) { f.Seq = reset.SeqNowhere }), bareForm, withTTL(64)), path, likely, reset.Forged, likely, 0},
		{"the same, one side seen", file(flow(reset.AfterMoreData, false, func(f *reset.FlowFacts) { f.Seq, f.OneSided = reset.SeqNowhere, true }), bareForm, withTTL(64)), path, possible, reset.Forged, possible, 0},
		{"copied, and sooner than a round trip", file(flow(reset.AfterFirstData, false, func(f *reset.FlowFacts) {
			f.Copied, f.MinRTTUS, f.AnswersUS = true, reset.Some[uint32](40000), reset.Some[int64](3000)
		}), oddlyFormed), path, likely, reset.Forged, likely, 0},
		{"the peer sent on", file(flow(reset.AfterFirstData, false), oddlyFormed, withTTL(64), spokeAfter(toDataFlags, 5000)), path, likely, reset.Forged, certain, 0},
		{"350 s of silence", file(flow(reset.AfterMoreData, false, func(f *reset.FlowFacts) {
			f.QuietMS, f.SinceSendUS = reset.Some[int64](350_100), reset.Some[int64](20_000)
		}), bareForm), peer, likely, reset.IdleTimeout, likely, 0},
	})
}

// TestWordsOfTheTrade: names that others have for it stand in the evidence.
// TestPassingWithABaseline: what a router knows of a connection that only passes
// it is the packet with which the RST's source opened it.
func TestPassingWithABaseline(t *testing.T) {
	peer, path := reset.Peer, reset.Path
	hosts, other := reset.MAC{2, 0, 0, 0, 0, 1}, reset.MAC{2, 0, 0, 0, 0, 2}
	opened := func(ttl uint8, set ...func(*reset.Passed)) known {
		return func(c *Case) {
			p := &c.Context.Passed
			*p = reset.Passed{Known: true, TTL: ttl, Hops: 1, MAC: hosts, Seq: 4000}
			c.Reset.Packet.MACSrc = hosts
			for _, s := range set {
				s(p)
			}
		}
	}
	syn := func(seq uint32) func(*reset.Passed) {
		return func(p *reset.Passed) { p.SYN, p.Seq = true, seq }
	}
	from := func(mac reset.MAC) known { return func(c *Case) { c.Reset.Packet.MACSrc = mac } }
	forward := func(facts ...known) *Case { return caseOf(reset.Forward, append(facts, seenBy(reset.Wire))...) }
	differ := after(func(a *After) { a.Others, a.OthersDiffer = 2, true })
	checkSituations(t, []situation{
		{"as its handshake", forward(bareForm, opened(60)), peer, possible, reset.PeerNoConnection, possible, 0},
		{"as its handshake, and another differs", forward(bareForm, opened(60), differ), peer, possible, reset.PeerNoConnection, possible, 0},
		{"from nearer", forward(bareForm, opened(50)), path, possible, reset.FirewallReject, possible, 0},
		{"from nearer, as no kernel writes it", forward(oddlyFormed, opened(50)), path, possible, reset.Forged, possible, 0},
		{"from nearer, and another differs", forward(oddlyFormed, opened(50), differ), path, likely, reset.Forged, likely, 0},
		{"from a neighbour that is nearer by one", forward(oddlyFormed, withTTL(63), opened(62)), path, possible, reset.Forged, possible, 0},
		{"from one hop nearer", forward(bareForm, opened(59)), peer, possible, reset.PeerNoConnection, possible, 0},
		// What answered for the host, or the way, was nearer.
		{"from further", forward(bareForm, withTTL(50), opened(60)), peer, possible, reset.PeerNoConnection, possible, 0},
		{"from further, and another differs", forward(bareForm, withTTL(50), opened(60), differ), path, possible, reset.Forged, possible, 0},
		{"by another router", forward(bareForm, opened(60), from(other)), peer, possible, reset.PeerNoConnection, possible, 0},
		{"by another neighbour", forward(bareForm, withTTL(63), opened(63), from(other)), path, possible, reset.Forged, possible, 0},
		{"from nearer than its SYN", forward(oddlyFormed, opened(50, syn(4000))), path, possible, reset.Forged, possible, 0},
		// The SYN was in its name, and it refuses the answer.
		{"from nearer than its SYN, which it follows", forward(bareForm, opened(50, syn(4999))), peer, possible, reset.PeerNoConnection, possible, 0},
		{"in the SYN's name, a neighbour's", forward(bareForm, withTTL(63), opened(63, syn(4999)), from(other)), peer, possible, reset.PeerNoConnection, possible, 0},
		{"received, and something of the kind had passed", caseOf(reset.In, accepting("ESTABLISHED"), bareForm, metAt(60), opened(40)), peer, likely, reset.PeerNoConnection, likely, 0},
	})
}

func TestWordsOfTheTrade(t *testing.T) {
	tests := []struct {
		stage      reset.Stage
		originator bool
		zeek       string
		pattern    string
	}{
		{reset.AfterSYN, false, "REJ", ""},
		{reset.AfterSYN, true, "RSTOS0", "SYN; RST"},
		{reset.AfterHandshake, true, "RSTO", "SYN, ACK; RST"},
		{reset.AfterFirstData, true, "RSTO", "PSH+ACK; RST"},
		{reset.AfterMoreData, true, "RSTO", "PSH+ACK, data; RST"},
		{reset.AfterMoreData, false, "RSTR", ""},
		{reset.StageNone, true, "", ""},
	}
	for _, test := range tests {
		c := caseOf(reset.Transit, bareForm, inFile(func(f *reset.FlowFacts) { f.Stage, f.Originator = test.stage, reset.Some(test.originator) }))
		Judge(c)
		if zeek, pattern := valueOf(c.Reset, factZeek), valueOf(c.Reset, factPattern); zeek != test.zeek || pattern != test.pattern {
			t.Errorf("%s of the originator (%v): %q and %q, want %q and %q", test.stage, test.originator, zeek, pattern, test.zeek, test.pattern)
		}
	}
}

func TestRole(t *testing.T) {
	originator := withPast(func(p *reset.Past) { p.Originator = reset.Some(true) })
	tests := map[string]struct {
		c    *Case
		want reset.Role
	}{
		"answers a SYN":                {caseOf(reset.Out, to(reset.SYN)), reset.Responder},
		"answers a SYN+ACK":            {caseOf(reset.Out, to(reset.SYN|reset.ACK)), reset.Originator},
		"sent by who connected":        {caseOf(reset.Out, originator), reset.Originator},
		"received by who connected":    {caseOf(reset.In, originator), reset.Responder},
		"received while connecting":    {caseOf(reset.In, socketIn("SYN_SENT")), reset.Responder},
		"received in a handshake":      {caseOf(reset.In, socketIn("NEW_SYN_RECV")), reset.Originator},
		"sent by a listener":           {caseOf(reset.Out, socketIn("LISTEN")), reset.Responder},
		"in a capture, of the SYN's":   {caseOf(reset.Transit, inFile(func(f *reset.FlowFacts) { f.Originator = reset.Some(true) })), reset.Originator},
		"in a capture, of the other's": {caseOf(reset.Transit, inFile(func(f *reset.FlowFacts) { f.Originator = reset.Some(false) })), reset.Responder},
		"passing, of the SYN's": {caseOf(reset.Forward, func(c *Case) {
			c.Context.Passed = reset.Passed{Known: true, SYN: true}
		}), reset.Originator},
		"passing, of the other's":       {caseOf(reset.Forward, func(c *Case) { c.Context.Passed.Known = true }), reset.Responder},
		"passing, and nothing is known": {caseOf(reset.Forward, originator), reset.RoleNone},
		"nothing is known":              {caseOf(reset.In), reset.RoleNone},
	}
	for name, test := range tests {
		if Judge(test.c); test.c.Reset.Role != test.want {
			t.Errorf("%s: %q, want %q", name, test.c.Reset.Role, test.want)
		}
	}
}
