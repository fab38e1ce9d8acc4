package flow

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestSpoke holds RST_SEQ_DATA and its relatives, and what must not be taken
// for them.
func TestSpoke(t *testing.T) {
	tests := []struct {
		name string
		want bool
		rst  func(x *script) *Watch
	}{
		{"new data", true, func(x *script) *Watch {
			x.request()
			w := x.rst("s", ack, 1001, 101)
			x.say("s", psh, 1001, 101, 100)
			return w
		}},
		{"new data at once", true, func(x *script) *Watch {
			x.request()
			w := x.rst("s", ack, 1001, 101)
			x.now -= 10*millisecond - 1000
			x.say("s", psh, 1001, 101, 100)
			return w
		}},
		{"old data of which the capture has a copy", false, func(x *script) *Watch {
			x.request()
			x.say("s", psh, 1001, 101, 10, id(7))
			x.say("s", psh, 1011, 101, 10, id(8))
			w := x.rst("s", ack, 1, 101)
			x.now += 200 * millisecond
			x.say("s", psh, 1001, 101, 10, id(7), ttl(60))
			return w
		}},
		{"data of a connection that was begun anew, unseen", false, func(x *script) *Watch {
			x.request()
			w := x.rst("s", ack, 1001, 101)
			x.now += 500 * millisecond
			x.serverID += 8 << 20
			x.say("s", psh, 1001, 101, 100)
			return w
		}},
		{"old data, overtaken", false, func(x *script) *Watch {
			x.request()
			w := x.rst("s", 0, 1, 0)
			x.now -= 9 * millisecond
			x.say("s", psh, 1, 101, 1000, id(9))
			return w
		}},
		{"data before the RST's number", false, func(x *script) *Watch {
			x.request()
			w := x.rst("s", ack, 1001, 101)
			x.say("s", psh, 501, 101, 500)
			return w
		}},
		{"too late", false, func(x *script) *Watch {
			x.request()
			w := x.rst("s", ack, 1001, 101)
			x.now += 2000 * millisecond
			x.say("s", psh, 1001, 101, 100)
			return w
		}},
		{"data of the other end", false, func(x *script) *Watch {
			x.request()
			w := x.rst("s", ack, 1001, 101)
			x.say("c", psh, 101, 1001, 100)
			return w
		}},
		{"an ACK of what came after", true, func(x *script) *Watch {
			x.request()
			w := x.rst("s", ack, 1001, 101)
			x.say("c", psh, 101, 1001, 100)
			x.say("s", ack, 1001, 201, 0)
			return w
		}},
		{"an ACK of what had come", false, func(x *script) *Watch {
			x.request()
			x.say("c", psh, 101, 1001, 100)
			w := x.rst("s", ack, 1001, 101)
			x.say("s", ack, 1001, 201, 0)
			return w
		}},
		{"SYN+ACK after the refusal", true, func(x *script) *Watch {
			x.say("c", syn, 0, 0, 0)
			w := x.rst("s", ack, 0, 1, absolute(0, x.clientID+1))
			x.say("s", syn|ack, 0, 1, 0)
			return w
		}},
		{"SYN+ACK to another SYN", false, func(x *script) *Watch {
			x.say("c", syn, 0, 0, 0)
			w := x.rst("s", ack, 0, 1, absolute(0, x.clientID+1))
			x.say("c", syn, 0, 0, 0)
			x.say("s", syn|ack, 0, 1, 0)
			return w
		}},
		{"the endpoints again", false, func(x *script) *Watch {
			x.request()
			w := x.rst("s", ack, 1001, 101)
			x.clientID, x.serverID = x.clientID+5000, x.serverID+5000
			x.handshake()
			x.say("s", psh, 1, 1, 100)
			return w
		}},
		{"the client recovers from a half-open connection", false, func(x *script) *Watch {
			x.request() // of which the client forgets all
			old := x.clientID
			x.clientID += 40000
			x.say("c", syn, 0, 0, 0)
			x.say("s", ack, 1001, old+101-x.clientID, 0) // challenge ACK
			w := x.rst("c", 0, 0, 0, absolute(old+101, 0))
			x.say("c", syn, 0, 0, 0)
			x.serverID += 70000
			x.say("s", syn|ack, 0, 1, 0)
			x.say("c", ack, 1, 1, 0)
			x.say("c", psh, 1, 1, 100)
			return w
		}},
		{"a bad ACK in the handshake", false, func(x *script) *Watch {
			x.say("c", syn, 0, 0, 0)
			x.say("s", syn|ack, 0, 1, 0)
			x.say("c", ack, 1, 900, 0)
			w := x.rst("s", 0, 900, 0)
			x.say("c", ack, 1, 1, 0)
			x.say("s", psh, 1, 1, 2000)
			return w
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, x *script) {
				if w := test.rst(x); w.Later.Spoke != test.want {
					t.Errorf("spoke: %v (%+v), want %v", w.Later.Spoke, w.Later, test.want)
				}
			})
		})
	}
}

// TestSpokeAgain: old data, sent again, shows life where IP IDs count.
func TestSpokeAgain(t *testing.T) {
	for _, isn := range isns {
		x := newScript(t, isn[0], isn[1])
		x.request()
		x.say("s", psh, 1001, 101, 10)
		x.say("s", psh, 1011, 101, 10)
		w := x.rst("s", ack, 1001, 101)
		x.now += 200 * millisecond
		if x.say("s", psh, 1011, 101, 10); !w.Later.Spoke || w.Later.AfterNS != 210*millisecond {
			t.Errorf("what was sent again is not seen: %+v", w.Later)
		}
	}
}

// TestSeqChange holds RST_SEQ_CHANGE and each of its six conditions.
func TestSeqChange(t *testing.T) {
	tests := []struct {
		name string
		want bool
		talk func(x *script) *Watch // the first of the two
		seq  uint32
		wait int64 // milliseconds
	}{
		{"a guess behind a guess", true, func(x *script) *Watch { return x.rst("s", ack, 1001, 101) }, 1001 + 1460, 0},
		{"as Sandvine", true, func(x *script) *Watch { return x.rst("s", ack, 1001, 101) }, 1001 + 12503, 0},
		{"within the tolerance", false, func(x *script) *Watch { return x.rst("s", ack, 1001, 101) }, 1003, 0},
		{"the same again", false, func(x *script) *Watch { return x.rst("s", ack, 1001, 101) }, 1001, 0},
		{"two seconds later", false, func(x *script) *Watch { return x.rst("s", ack, 1001, 101) }, 2461, 2000},
		{"not beyond what was sent", false, func(x *script) *Watch { return x.rst("s", ack, 501, 101) }, 1001, 0},
		{"what the other end acknowledged", false, func(x *script) *Watch {
			w := x.rst("s", ack, 1001, 101)
			x.say("c", ack, 101, 2461, 0)
			return w
		}, 2461, 0},
		{"after a FIN", false, func(x *script) *Watch { x.say("s", fin, 1001, 101, 0); return x.rst("s", ack, 1002, 101) }, 2461, 0},
		{"after the other end's FIN", false, func(x *script) *Watch { x.say("c", fin, 101, 1001, 0); return x.rst("s", ack, 1001, 102) }, 2461, 0},
		{"after the other end's RST", false, func(x *script) *Watch { x.rst("c", ack, 101, 1001); return x.rst("s", ack, 1001, 101) }, 2461, 0},
		{"packets are missing", false, func(x *script) *Watch { x.say("c", ack, 101, 1500, 0); return x.rst("s", ack, 1001, 101) }, 2461, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, x *script) {
				x.request()
				first := test.talk(x)
				x.now += test.wait * millisecond
				second := x.rst("s", ack, test.seq, 101)
				if first.Later.SeqChange != test.want || second.Later.SeqChange != test.want {
					t.Errorf("SEQ changes: %v and %v, want %v", first.Later.SeqChange, second.Later.SeqChange, test.want)
				}
			})
		})
	}
}

// TestOthersDiffer holds in what two resets of one source may not differ.
func TestOthersDiffer(t *testing.T) {
	tests := []struct {
		name  string
		want  bool
		flags reset.Flags // of the second
		seq   uint32
		with  []change
	}{
		{"the same again", false, ack, 1001, nil},
		{"TTL", true, ack, 1001, []change{ttl(63)}},
		{"window", true, ack, 1001, []change{window(1981)}},
		{"an abort and a reply to what bore no ACK", false, ack, 0, []change{window(0), id(0)}},
		{"a kernel's reply after an abort", false, 0, 1001, []change{window(0), id(0)}},
		{"IP ID out of a count", true, ack, 1001, []change{id(31000)}},
		{"no IP ID", false, ack, 1001, []change{id(0)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := newScript(t, 1000, 5000)
			x.request()
			x.say("s", psh, 1, 101, 1000, id(60_010))
			x.servers = 60_010
			x.say("c", ack, 101, 1001, 0)
			first := x.rst("s", ack, 1001, 101)
			second := x.rst("s", test.flags, test.seq, 101, test.with...)
			if first.Later.Others != 1 || second.Later.Others != 1 {
				t.Errorf("others: %d and %d, want 1", first.Later.Others, second.Later.Others)
			}
			if first.Later.OthersDiffer != test.want || second.Later.OthersDiffer != test.want {
				t.Errorf("they differ: %v and %v, want %v", first.Later.OthersDiffer, second.Later.OthersDiffer, test.want)
			}
		})
	}
	x := newScript(t, 1000, 5000)
	x.request()
	first, second := x.rst("s", ack, 1001, 9000), x.rst("s", ack, 1001, 9500)
	if !first.Later.AckChange || !second.Later.AckChange {
		t.Error("two resets that acknowledge what was never sent, and no two words on it")
	}
	if third := x.rst("s", ack, 1001, 101); third.Later.AckChange || third.Later.Others != 2 {
		t.Errorf("one that acknowledges what was sent: %+v", third.Later)
	}
}

// TestCopies tells a packet that was captured twice from two packets.
func TestCopies(t *testing.T) {
	const here, there = 1, 2
	tests := []struct {
		name  string
		copy  bool
		place uint32
		after int64
		with  []change
	}{
		{"at another place", true, there, 50_000, nil},
		{"a hop further", true, there, 50_000, []change{ttl(63)}},
		{"at another place, by another clock", true, there, 900 * millisecond, nil},
		{"at another place, later", false, there, 2000 * millisecond, nil},
		{"later", false, here, 2 * millisecond, nil},
		{"with the same IP ID", true, here, 50_000, nil},
		{"with another TTL", false, here, 50_000, []change{ttl(63)}},
		{"with another IP ID", false, there, 50_000, []change{id(7)}},
		{"with another window", false, there, 50_000, []change{window(1981)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := newScript(t, 1000, 5000)
			x.request()
			x.now += 10 * millisecond
			first := x.rstAt(x.now, here, "s", ack, 1001, 101, id(4))
			second := x.rstAt(x.now+test.after, test.place, "s", ack, 1001, 101, append([]change{id(4)}, test.with...)...)
			if (second == nil) != test.copy || (first.Copies == 1) != test.copy {
				t.Errorf("taken for a copy: %v, want %v", second == nil, test.copy)
			}
		})
	}
	// The kernel answers each packet in flight alike, with IP ID 0.
	x := newScript(t, 1000, 5000)
	x.request()
	for i := range 3 {
		if x.rstAt(x.now+int64(i)*1000, here, "s", 0, 1001, 0, id(0)) == nil {
			t.Errorf("reply %d was taken for a copy", i+1)
		}
	}
	for i := range 3 {
		if x.rstAt(x.now+int64(i)*1000+10_000, there, "s", 0, 1001, 0, id(0)) != nil {
			t.Errorf("the copy of reply %d was not seen", i+1)
		}
	}
	// Where everything is captured twice, these are too.
	x = newScript(t, 1000, 5000)
	twice := func(p packet.Segment, mac []byte) {
		x.now += 10 * millisecond
		x.tracker.Add(&p, x.now, &Place{MAC: mac})
		if x.tracker.Add(&p, x.now+1000, &Place{MAC: mac}) {
			t.Error("a packet captured twice counts twice")
		}
	}
	twice(x.segment("c", syn, 0, 0, 0, nil))
	twice(x.segment("s", syn|ack, 0, 1, 0, nil))
	x.rstAt(x.now, here, "s", ack, 1, 1, id(0))
	if x.rstAt(x.now+1000, here, "s", ack, 1, 1, id(0)) != nil {
		t.Error("the second frame of a mirror port was taken for a packet")
	}
}

func TestSharedIPID(t *testing.T) {
	x := newScript(t, 1000, 5000)
	from := func(source uint64, id uint16) *Watch {
		x.now += millisecond
		p, mac := x.segment("s", reset.RST|ack, 1, 1, 0, nil)
		p.Src, p.IPID = packet.Address{Lo: 0xffff0a000000 | source}, id
		return x.tracker.Reset(&p, x.now, &Place{MAC: mac})
	}
	a, b, c, other := from(1, 500), from(2, 502), from(3, 503), from(4, 30000)
	if !a.Later.SharedIPID || !b.Later.SharedIPID || !c.Later.SharedIPID || other.Later.SharedIPID {
		t.Errorf("shared: %v %v %v, and %v", a.Later.SharedIPID, b.Later.SharedIPID, c.Later.SharedIPID, other.Later.SharedIPID)
	}
	d, e := from(5, 900), from(6, 901)
	if d.Later.SharedIPID || e.Later.SharedIPID {
		t.Error("two neighbours may be chance")
	}
}

func TestScans(t *testing.T) {
	x := newScript(t, 1000, 5000)
	try := func(port uint16, refused bool) *Watch {
		x.now += 10 * millisecond
		to := func(p *packet.Segment) { p.DstPort = port }
		from := func(p *packet.Segment) { p.SrcPort = port }
		x.say("c", syn, 0, 0, 0, to)
		if refused {
			return x.rst("s", ack, 0, 1, from, func(p *packet.Segment) { p.Seq = 0 })
		}
		x.say("s", syn|ack, 0, 1, 0, from)
		return x.rst("c", 0, 1, 0, to)
	}
	var last *Watch
	for i := range uint16(6) {
		last = try(8000+i, i%2 == 0)
		try(8000+i, i%2 == 0)
	}
	if n := x.tracker.Scans(last); n < 5 || n > 6 {
		t.Errorf("%d ports were tried, want 6", n)
	}
	x.now += 120_000 * millisecond
	if n := x.tracker.Scans(try(9000, true)); n != 1 {
		t.Errorf("%d ports were tried two minutes later, want 1", n)
	}
	x.request()
	if n := x.tracker.Scans(x.rst("s", ack, 1001, 101)); n != 0 {
		t.Errorf("an abort tells of %d ports", n)
	}
}

func TestQuiet(t *testing.T) {
	x := newScript(t, 1000, 5000)
	var last *Watch
	for i, silence := range []int64{350_000, 350_400, 90_000, 349_900, 0, 350_000} {
		x.clientID += 100_000
		port := uint16(50_000 + i)
		as := func(p *packet.Segment) {
			if p.SrcPort == 443 {
				p.DstPort = port
			} else {
				p.SrcPort = port
			}
		}
		x.say("c", syn, 0, 0, 0, as)
		x.say("s", syn|ack, 0, 1, 0, as)
		x.say("c", ack, 1, 1, 0, as)
		x.now += silence * millisecond
		x.say("c", psh, 1, 1, 10, as)
		last = x.rst("s", 0, 1, 0, as)
	}
	if alike, of := x.tracker.Quiet(last); alike != 3 || of != 4 {
		t.Errorf("%d of %d were as long, want 3 of 4", alike, of)
	}
}
