package reset_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// fullReset has every field set, with ordinary text.
func fullReset() *reset.Reset {
	e := rapid.Custom(func(t *rapid.T) reset.Entry {
		var e reset.Entry
		e.Reset = new(reset.Reset)
		filler{t: t, full: true, valid: true}.fillReset(e.Reset)
		return e
	}).Example(1)
	return e.Reset
}

func BenchmarkAppendJSON(b *testing.B) {
	common := &reset.Reset{
		Revision: 1, Final: true, Time: 1724500000123456789, MonoNS: reset.Some[int64](123456789), Host: "db1",
		BootID: "0b1c5a1e-90a3-4a3f-8d4e-2f7a3d1b5c60", Netns: reset.Netns{ID: 4026531840, Cookie: 1}, Direction: reset.In,
		Interface: reset.Interface{In: "eth0"}, Src: endpoint("192.0.2.1:443"), Dst: endpoint("198.51.100.2:51000"),
		Packet: reset.Packet{
			Family: reset.IPv4, Length: reset.Some[uint32](40), TTL: reset.Some[uint8](64), Seq: reset.Some[uint32](1), Ack: reset.Some[uint32](0), Flags: reset.RST,
			Window: reset.Some[uint16](0), Raw: make([]byte, 40), LinkHeader: make([]byte, 14), MACSrc: make([]byte, 6), MACDst: make([]byte, 6), Captured: reset.Some[uint32](40),
		},
		PacketID: 1, Flow: 2, Pkt: 3, Sender: reset.Peer, Cause: reset.PeerAbort, Sources: 6,
		Confidence: reset.Confidence{Sender: reset.Likely, Cause: reset.Possible},
		Process:    &reset.Process{PID: reset.Some[uint32](1), Comm: "postgres"},
	}
	for _, bb := range []struct {
		name  string
		reset *reset.Reset
	}{{"common", common}, {"every field", fullReset()}} {
		b.Run(bb.name, func(b *testing.B) {
			e := reset.Entry{Reset: bb.reset}
			line := reset.AppendJSON(nil, &e)
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				line = reset.AppendJSON(line[:0], &e)
			}
		})
	}
}

func TestAppendJSONAllocatesNothing(t *testing.T) {
	e := reset.Entry{Reset: fullReset()}
	line := reset.AppendJSON(nil, &e)
	if n := testing.AllocsPerRun(100, func() { line = reset.AppendJSON(line[:0], &e) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
