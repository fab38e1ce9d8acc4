package flow

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// isns are initial sequence numbers, of which the last two make every number of
// the scripts pass 2^32.
var isns = [][2]uint32{{1000, 5000}, {0xdeadbeef, 0x12345678}, {0xffffffff, 0xfffffffe}, {0xffffff9c, 0xfffffc18}}

func each(t *testing.T, test func(*testing.T, *script)) {
	t.Helper()
	for _, isn := range isns {
		for _, version := range []uint8{4, 6} {
			x := newScript(t, isn[0], isn[1])
			x.version = version
			test(t, x)
		}
	}
}

func TestStages(t *testing.T) {
	tests := []struct {
		name  string
		want  reset.Stage
		talk  func(x *script)
		reset string // whose
	}{
		{"nothing", reset.StageNone, func(*script) {}, "s"},
		{"SYN", reset.AfterSYN, func(x *script) { x.say("c", syn, 0, 0, 0) }, "s"},
		{"SYN twice", reset.AfterSYN, func(x *script) { x.say("c", syn, 0, 0, 0); x.say("c", syn, 0, 0, 0) }, "s"},
		{"SYN+ACK", reset.AfterSYNACK, func(x *script) { x.say("c", syn, 0, 0, 0); x.say("s", syn|ack, 0, 1, 0) }, "c"},
		{"SYN+ACK alone", reset.AfterSYNACK, func(x *script) { x.say("s", syn|ack, 0, 1, 0) }, "c"},
		{"handshake", reset.AfterHandshake, (*script).handshake, "s"},
		{"joined midway, no data", reset.AfterHandshake, func(x *script) { x.say("c", ack, 1, 1, 0) }, "s"},
		{"first data", reset.AfterFirstData, func(x *script) { x.handshake(); x.say("c", psh, 1, 1, 100) }, "s"},
		{"first data, twice", reset.AfterFirstData, func(x *script) {
			x.handshake()
			x.say("c", psh, 1, 1, 100)
			x.say("c", psh, 1, 1, 100)
		}, "s"},
		{"more data", reset.AfterMoreData, (*script).request, "s"},
		{"joined midway, data", reset.AfterMoreData, func(x *script) { x.say("c", psh, 1, 1, 100) }, "s"},
		{"FIN of the other end", reset.AfterFIN, func(x *script) { x.request(); x.say("c", fin, 101, 1001, 0) }, "s"},
		{"a stray FIN", reset.AfterHandshake, func(x *script) { x.say("c", fin, 101, 1001, 0) }, "s"},
		{"own FIN", reset.AfterOwnFIN, func(x *script) { x.request(); x.say("s", fin, 1001, 101, 0) }, "s"},
		{"both FINs", reset.AfterOwnFIN, func(x *script) {
			x.request()
			x.say("s", fin, 1001, 101, 0)
			x.say("c", fin, 101, 1002, 0)
		}, "s"},
		{"the endpoints again", reset.AfterSYN, func(x *script) {
			x.request()
			x.say("s", fin, 1001, 101, 0)
			x.say("c", fin, 101, 1002, 0)
			x.clientID += 1 << 20
			x.say("c", syn, 0, 0, 0)
		}, "s"},
		{"the endpoints again, unclosed", reset.AfterFirstData, func(x *script) {
			x.request()
			x.clientID, x.serverID = x.clientID+77777, x.serverID+99999
			x.handshake()
			x.say("c", psh, 1, 1, 10)
		}, "s"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, x *script) {
				test.talk(x)
				if w := x.rst(test.reset, ack, 1, 1); w.Facts.Stage != test.want {
					t.Errorf("stage %v, want %v", w.Facts.Stage, test.want)
				}
			})
		})
	}
}

func TestSeqFits(t *testing.T) {
	tests := []struct {
		name string
		want reset.SeqFit
		rst  func(x *script) *Watch
	}{
		{"an abort", reset.SeqNext, func(x *script) *Watch { x.request(); return x.rst("s", ack, 1001, 101) }},
		{"an abort in the handshake", reset.SeqNext, func(x *script) *Watch { x.handshake(); return x.rst("s", ack, 1, 1) }},
		{"a closed port", reset.SeqZero, func(x *script) *Watch {
			x.say("c", syn, 0, 0, 0)
			return x.rst("s", ack, 0, 1, absolute(0, x.clientID+1))
		}},
		{"a reply to data in flight", reset.SeqAcked, func(x *script) *Watch {
			x.request()
			x.say("s", psh, 1001, 101, 500)
			return x.rst("s", 0, 1001, 0)
		}},
		{"a reply to older data in flight", reset.SeqAcked, func(x *script) *Watch {
			x.request()
			for i := range uint32(6) {
				x.say("s", psh, 1001+i*100, 101, 100)
				x.say("c", ack, 101, 1101+i*100, 0)
			}
			return x.rst("s", 0, 1201, 0)
		}},
		{"a number that may have been acknowledged long ago", reset.SeqUnknown, func(x *script) *Watch {
			x.request()
			for i := range uint32(20) {
				x.say("s", psh, 1001+i*100, 101, 100)
				x.say("c", ack, 101, 1101+i*100, 0)
			}
			return x.rst("s", 0, 1150, 0)
		}},
		{"one less, after the FIN", reset.SeqOffByOne, func(x *script) *Watch {
			x.request()
			x.say("s", fin, 1001, 101, 0)
			x.say("c", ack, 101, 1001, 0)
			return x.rst("s", 0, 1000, 0)
		}},
		{"below what was sent, never acknowledged", reset.SeqNowhere, func(x *script) *Watch { x.request(); return x.rst("s", ack, 500, 101) }},
		{"far beyond", reset.SeqNowhere, func(x *script) *Watch { x.request(); return x.rst("s", ack, 14000, 101) }},
		{"an answer to a SYN with a number", reset.SeqNowhere, func(x *script) *Watch { x.say("c", syn, 0, 0, 0); return x.rst("s", ack, 7, 1) }},
		{"a lone RST", reset.SeqUnknown, func(x *script) *Watch { return x.rst("s", ack, 500, 101) }},
		{"one side captured", reset.SeqUnknown, func(x *script) *Watch { x.say("c", ack, 1, 1, 0); return x.rst("s", ack, 500, 101) }},
		{"packets are missing", reset.SeqUnknown, func(x *script) *Watch {
			x.request()
			x.say("c", ack, 101, 5001, 0)
			return x.rst("s", ack, 5500, 101)
		}},
		{"joined midway, an older number", reset.SeqUnknown, func(x *script) *Watch {
			x.say("s", psh, 5001, 101, 100)
			x.say("c", ack, 101, 5101, 0)
			return x.rst("s", 0, 4000, 0)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, x *script) {
				if w := test.rst(x); w.Facts.Seq != test.want {
					t.Errorf("fit %d, want %d", w.Facts.Seq, test.want)
				}
			})
		})
	}
}

func TestAckNever(t *testing.T) {
	tests := []struct {
		name string
		want bool
		rst  func(x *script) *Watch
	}{
		{"an abort", false, func(x *script) *Watch { x.request(); return x.rst("s", ack, 1001, 101) }},
		{"an older one", false, func(x *script) *Watch { x.request(); return x.rst("s", ack, 1001, 1) }},
		{"the FIN", false, func(x *script) *Watch { x.request(); x.say("c", fin, 101, 1001, 0); return x.rst("s", ack, 1001, 102) }},
		{"a closed port", false, func(x *script) *Watch { x.say("c", syn, 0, 0, 0); return x.rst("s", ack, 0, 1) }},
		{"the SYN itself", true, func(x *script) *Watch { x.say("c", syn, 0, 0, 0); return x.rst("s", ack, 0, 0) }},
		{"beyond", true, func(x *script) *Watch { x.request(); return x.rst("s", ack, 1001, 5000) }},
		{"before the connection", true, func(x *script) *Watch { x.request(); return x.rst("s", ack, 1001, ^uint32(100)) }},
		{"no ACK", false, func(x *script) *Watch { x.request(); return x.rst("s", 0, 1001, 0) }},
		{"packets are missing", false, func(x *script) *Watch {
			x.request()
			x.say("s", ack, 1001, 3000, 0)
			return x.rst("s", ack, 1001, 5000)
		}},
		{"a SYN into a connection that lives", false, func(x *script) *Watch {
			x.request()
			x.say("c", syn, 70000, 0, 0)
			return x.rst("s", ack, 0, 70001, func(p *packet.Segment) { p.Seq = 0 })
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, x *script) {
				if w := test.rst(x); w.Facts.AckNever != test.want {
					t.Errorf("never acknowledged: %v, want %v", w.Facts.AckNever, test.want)
				}
			})
		})
	}
}

// TestFacts holds all that is said of one ordinary abort.
func TestFacts(t *testing.T) {
	each(t, func(t *testing.T, x *script) {
		x.request()
		x.now += 30_000 * millisecond
		x.say("c", psh, 101, 1001, 50)
		w := x.rst("s", 0, 1001, 0)
		got := w.Facts
		want := reset.FlowFacts{
			Known: true, Stage: reset.AfterMoreData, Originator: reset.Some(false), Packets: 3, TTLMin: 64, TTLMax: 64,
			IPID: reset.Some(x.servers - 1), DF: reset.Some(true), MAC: serverMAC, Seq: reset.SeqNext, Handshake: true,
			MinRTTUS: reset.Some[uint32](10_000), SinceSendUS: reset.Some[int64](10_000), QuietMS: reset.Some[int64](30_010),
			AnswersUS: reset.Some[int64](30_020_000), // the ACK before the silence may be it
			Answers: &reset.Trigger{
				Flags: psh, Seq: reset.Some(x.clientID + 101), Ack: reset.Some(x.serverID + 1001), Length: reset.Some[uint32](90),
				TTL: reset.Some[uint8](61), TOS: reset.Some[uint8](0), IPID: reset.Some(x.clients), Window: reset.Some[uint16](501),
			},
		}
		if x.version == 6 {
			want.IPID, want.DF, want.Answers.IPID = reset.Opt[uint16]{}, reset.Opt[bool]{}, reset.Opt[uint16]{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("facts (-want +got):\n%s", diff)
		}
	})
}

// TestAnswers holds which packets a reply may answer.
func TestAnswers(t *testing.T) {
	tests := []struct {
		name string
		want reset.Opt[int64] // microseconds since the first of them
		talk func(x *script)
	}{
		{"one, and the ACK before", reset.Some[int64](20_000), func(x *script) { x.say("c", psh, 101, 1001, 50) }},
		{"the first of two, and the ACK before", reset.Some[int64](30_000), func(x *script) {
			x.say("c", psh, 101, 1001, 50)
			x.say("c", psh, 151, 1001, 50)
		}},
		{"many", reset.Opt[int64]{}, func(x *script) {
			for i := range uint32(9) {
				x.say("c", psh, 101+i*50, 1001, 50)
			}
		}},
	}
	for _, test := range tests {
		x := newScript(t, 1000, 5000)
		x.request()
		x.say("s", psh, 1001, 101, 10)
		x.say("c", ack, 101, 1011, 0)
		x.serverID += 10 // what follows acknowledges that
		test.talk(x)
		if w := x.rst("s", 0, 1001, 0); w.Facts.AnswersUS != test.want || w.Facts.Answers == nil {
			t.Errorf("%s: answers a packet %+v us ago, want %+v", test.name, w.Facts.AnswersUS, test.want)
		}
	}
}

// TestHeaderFacts holds what is said of IP IDs, TTL and their like.
func TestHeaderFacts(t *testing.T) {
	x := newScript(t, 1000, 5000)
	x.request()
	x.say("s", psh, 1001, 101, 10, ttl(63))
	x.say("s", psh, 1011, 101, 10)
	w := x.rst("s", ack, 1021, 101)
	if f := w.Facts; !f.IPIDCounts || f.TTLMin != 63 || f.TTLMax != 64 {
		t.Errorf("facts of a source that counts: %+v", f)
	}
	x = newScript(t, 1000, 5000)
	x.handshake()
	for i := range uint32(6) {
		x.say("s", psh, 1+i*10, 1, 10, id(uint16(i*7919)), func(p *packet.Segment) { p.DF = i > 2 })
	}
	w = x.rst("s", ack, 61, 1, id(x.clients), ttl(61))
	if f := w.Facts; f.IPIDCounts || f.DF.OK || !f.Copied {
		t.Errorf("facts of a source that does not: %+v", f)
	}
	x = newScript(t, 1000, 5000)
	stamp := func(p *packet.Segment) { p.Timestamp = true }
	x.say("c", syn, 0, 0, 0, stamp)
	x.say("s", syn|ack, 0, 1, 0, stamp)
	if w = x.rst("c", 0, 1, 0); !w.Facts.Timestamps {
		t.Error("both ends negotiated timestamps")
	}
	if w = x.rst("s", 0, 1, 0); !w.Facts.OtherRST {
		t.Error("the other end had sent a RST")
	}
}

// TestSilence holds what counts as silence before a packet.
func TestSilence(t *testing.T) {
	tests := []struct {
		name string
		want int64 // milliseconds
		talk func(x *script)
	}{
		{"after the other end spoke", 1010, func(x *script) {
			x.request()
			x.say("s", psh, 1001, 101, 5)
			x.now += 1000 * millisecond
			x.say("c", psh, 101, 1006, 5)
		}},
		{"after it spoke itself", 1010, func(x *script) { x.request(); x.now += 1000 * millisecond; x.say("c", psh, 101, 1001, 5) }},
		{"again and again, unanswered", 60_010, func(x *script) {
			x.request()
			x.now += 60_000 * millisecond
			x.say("c", psh, 101, 1001, 5)
			x.now += 90_000 * millisecond
			x.say("c", psh, 101, 1001, 5)
		}},
	}
	for _, test := range tests {
		x := newScript(t, 1000, 5000)
		test.talk(x)
		if w := x.rst("s", 0, 1001, 0); w.Facts.QuietMS != reset.Some(test.want) {
			t.Errorf("%s: %+v ms of silence, want %d", test.name, w.Facts.QuietMS, test.want)
		}
	}
}

func TestOneSided(t *testing.T) {
	tests := []struct {
		name string
		want bool
		from string
		talk func(x *script)
	}{
		{"both", false, "s", (*script).request},
		{"nothing", false, "s", func(*script) {}},
		{"a SYN", false, "s", func(x *script) { x.say("c", syn, 0, 0, 0) }},
		{"the client alone", true, "s", func(x *script) { x.say("c", syn, 0, 0, 0); x.say("c", ack, 1, 1, 0) }},
		{"the source alone", true, "c", func(x *script) { x.say("c", psh, 1, 1, 5) }},
	}
	for _, test := range tests {
		x := newScript(t, 1000, 5000)
		test.talk(x)
		if w := x.rst(test.from, 0, 1, 0); w.Facts.OneSided != test.want {
			t.Errorf("%s: one side alone: %v, want %v", test.name, w.Facts.OneSided, test.want)
		}
	}
}
