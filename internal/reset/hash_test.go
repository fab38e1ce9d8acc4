package reset_test

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// mapped returns the endpoint with an IPv4 address in its IPv6 form.
func mapped(e reset.Endpoint) reset.Endpoint {
	return reset.Endpoint{AddrPort: netip.AddrPortFrom(netip.AddrFrom16(e.Addr().As16()), e.Port())}
}

func TestHashesAtBothEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := filler{t: t, valid: true}
		a, b := f.endpoint(), f.endpoint()
		seq := reset.Some(rapid.Uint32().Draw(t, "seq"))
		flow := reset.FlowHash(a, b)
		if other := reset.FlowHash(b, a); other != flow {
			t.Fatalf("flow %x, the other way %x", flow, other)
		}
		if other := reset.FlowHash(mapped(a), b); other != flow {
			t.Fatalf("flow %x, mapped %x", flow, other)
		}
		pkt := reset.PktHash(a, b, seq)
		if other := reset.PktHash(mapped(a), mapped(b), seq); other != pkt {
			t.Fatalf("pkt %x, mapped %x", pkt, other)
		}
		if mapped(a) != mapped(b) && reset.PktHash(b, a, seq) == pkt {
			t.Fatalf("pkt %x both ways", pkt)
		}
		p := reset.Packet{Seq: seq, TTL: reset.Some[uint8](64), Flags: reset.RST}
		behind := p
		behind.TTL, behind.MACSrc = reset.Some[uint8](63), reset.MAC{1}
		if reset.PacketHash(a, b, &p) != reset.PacketHash(a, b, &behind) {
			t.Fatal("a router changes the packet's hash")
		}
	})
}

func TestHashesTellApart(t *testing.T) {
	a, b := endpoint("192.0.2.1:80"), endpoint("192.0.2.2:5000")
	seen := map[reset.Hash]string{}
	add := func(name string, h reset.Hash) {
		t.Helper()
		if before, twice := seen[h]; twice || h == 0 {
			t.Errorf("%s has the hash %x of %q", name, uint64(h), before)
		}
		seen[h] = name
	}
	add("flow", reset.FlowHash(a, b))
	add("ports exchanged", reset.FlowHash(endpoint("192.0.2.1:5000"), endpoint("192.0.2.2:80")))
	add("another port", reset.FlowHash(a, endpoint("192.0.2.2:5001")))
	add("one address", reset.FlowHash(a, endpoint("192.0.2.1:5000")))
	seq := reset.Some[uint32](7)
	add("pkt", reset.PktHash(a, b, seq))
	add("another seq", reset.PktHash(a, b, reset.Some[uint32](8)))
	p := reset.Packet{Seq: seq}
	for _, edit := range []struct {
		name string
		edit func(*reset.Packet)
	}{
		{"packet", func(*reset.Packet) {}},
		{"ack", func(p *reset.Packet) { p.Ack = reset.Some[uint32](1) }},
		{"ip id", func(p *reset.Packet) { p.IPID = reset.Some[uint16](1) }},
		{"window", func(p *reset.Packet) { p.Window = reset.Some[uint16](1) }},
		{"flags", func(p *reset.Packet) { p.Flags = reset.RST }},
	} {
		changed := p
		edit.edit(&changed)
		add(edit.name, reset.PacketHash(a, b, &changed))
	}
}

func TestHashesOfTheUnknown(t *testing.T) {
	a, none := endpoint("192.0.2.1:80"), reset.Endpoint{}
	seq := reset.Some[uint32](7)
	for name, h := range map[string]reset.Hash{
		"flow": reset.FlowHash(a, none), "flow, the other": reset.FlowHash(none, a),
		"pkt": reset.PktHash(a, none, seq), "pkt without seq": reset.PktHash(a, a, reset.Opt[uint32]{}),
		"packet": reset.PacketHash(none, a, &reset.Packet{Seq: seq}),
	} {
		if h != 0 {
			t.Errorf("%s: hash %x, want 0", name, uint64(h))
		}
	}
}

// TestHashesKnown pins the values: other hosts and old journals have them.
func TestHashesKnown(t *testing.T) {
	a, b := endpoint("192.0.2.1:443"), endpoint("[2001:db8::2]:51000")
	p := reset.Packet{Seq: reset.Some[uint32](1), Ack: reset.Some[uint32](2), IPID: reset.Some[uint16](3), Window: reset.Some[uint16](4), Flags: reset.RST}
	got := [3]reset.Hash{reset.FlowHash(a, b), reset.PktHash(a, b, p.Seq), reset.PacketHash(a, b, &p)}
	want := [3]reset.Hash{0xc090a51c0e0704bd, 0xc5631beaa3512f33, 0x9ea97042fbaa74f7}
	if got != want {
		t.Errorf("hashes %x, want %x", got, want)
	}
}
