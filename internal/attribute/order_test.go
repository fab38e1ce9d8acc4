package attribute_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// ending is what a verdict says.
type ending struct {
	Sender     reset.Sender
	Cause      reset.Cause
	Confidence reset.Confidence
	Evidence   []reset.Evidence
	Harm       reset.Harm
	Role       reset.Role
	Verdict    reset.Verdict
}

// TestVerdictIsOfNoOrder: the sightings of RSTs of one instant come from
// several processors in any order, and the verdict of each is the same. Those of
// one RST have one order only: the kernel handles it step by step, a step has its
// place in the one ring (bpf_ringbuf_reserve) before the next begins, on
// whichever processor that is, and the ring is read in that order.
func TestVerdictIsOfNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var queues [][]reset.Sighting
		for i := range rapid.IntRange(2, 8).Draw(t, "resets") {
			queues = append(queues, sightings(t, i))
		}
		first, second := judged(t, interleave(t, queues)), judged(t, interleave(t, queues))
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("in two orders (-one +another):\n%s", diff)
		}
		if len(first) != len(queues) {
			t.Errorf("%d verdicts of %d resets", len(first), len(queues))
		}
	})
}

func interleave(t *rapid.T, from [][]reset.Sighting) []reset.Sighting {
	queues := append([][]reset.Sighting(nil), from...)
	var mixed []reset.Sighting
	for len(queues) > 0 {
		at := rapid.IntRange(0, len(queues)-1).Draw(t, "next")
		mixed = append(mixed, queues[at][0])
		if queues[at] = queues[at][1:]; len(queues[at]) == 0 {
			queues = append(queues[:at], queues[at+1:]...)
		}
	}
	return mixed
}

// judged joins and judges; the port of the receiver tells the resets apart.
func judged(t *rapid.T, mixed []reset.Sighting) map[uint16]ending {
	verdicts := map[uint16]ending{}
	joiner, err := correlate.New(correlate.DefaultConfig(), func(r *reset.Reset, joined correlate.Joined) {
		attribute.Judge(&attribute.Case{Reset: r, Origin: joined.Origin, Context: joined.Context})
		verdicts[r.Dst.Port()] = ending{r.Sender, r.Cause, r.Confidence, r.Evidence, r.Harm, r.Role, r.Kernel.Verdict}
	})
	if err != nil {
		t.Fatal(err)
	}
	joiner.Add(mixed)
	joiner.Drain()
	return verdicts
}

// sightings draws the sightings of one RST, all of one moment.
func sightings(t *rapid.T, i int) []reset.Sighting {
	src := reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 443)
	dst := reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), uint16(40000+i))
	base := reset.Sighting{MonoNS: 1e9, Src: src, Dst: dst, CPU: uint32(i), SKB: uint64(i + 1)}
	base.Packet = reset.Packet{Family: reset.IPv4, Flags: reset.RST, Window: reset.Some[uint16](0), TTL: reset.Some[uint8](60), Seq: reset.Some[uint32](7)}
	ttl := rapid.SampledFrom([]uint8{60, 50, 61}).Draw(t, "ttl")
	context := &reset.Context{Past: reset.Past{Known: true, OpenedAgo: reset.Some[int64](5e9), HandshakeTTL: reset.Some(ttl)}}
	wire, told := base, base
	wire.Source, wire.Context = reset.Wire, context
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0: // an abort
		wire.Hook, wire.Origin, wire.Cookie, wire.Interface.Out = reset.HookWireOut, reset.OriginTCPSocket, uint64(i+1), "eth0"
		told.Source, told.Hook, told.Origin, told.Cookie = reset.TCPSendReset, reset.HookSent, reset.OriginTCPSocket, uint64(i+1)
		told.Kernel.Reason = rapid.SampledFrom([]string{"TCP_ABORT_ON_CLOSE", "TCP_STATE"}).Draw(t, "reason")
		told.Context = &reset.Context{Stack: []string{"__tcp_close"}}
		told.Connection = &reset.Connection{State: "CLOSE"}
		return []reset.Sighting{wire, told}
	case 1: // a reply
		wire.Hook, wire.Origin, wire.Interface.Out = reset.HookWireOut, reset.OriginTCPControl, "eth0"
		told.Source, told.Hook, told.Origin = reset.TCPSendReset, reset.HookSent, reset.OriginTCPControl
		told.Kernel.Reason = "NO_SOCKET"
		told.Trigger = &reset.Trigger{Flags: reset.ACK, Ack: reset.Some[uint32](7)}
		return []reset.Sighting{told, wire}
	case 2: // taken
		wire.Hook, wire.Interface.In = reset.HookWireIn, "eth0"
		told.Source, told.Hook, told.Cookie, told.Packet = reset.TCPReceiveReset, reset.HookAccepted, uint64(i+1), reset.Packet{}
		told.Connection = &reset.Connection{State: "ESTABLISHED"}
		return []reset.Sighting{wire, told}
	default: // refused
		wire.Hook, wire.Interface.In = reset.HookWireIn, "eth0"
		told.Source, told.Hook = reset.KfreeSkb, reset.HookRefused
		told.Kernel.DropReason = rapid.SampledFrom([]string{"NO_SOCKET", "TCP_OLD_SEQUENCE"}).Draw(t, "drop")
		return []reset.Sighting{wire, told}
	}
}
