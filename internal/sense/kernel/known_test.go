package kernel

import (
	"testing"
	"unsafe"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// known is a sample of a reply with the known part, as the ring holds it.
func known(head probeSighting, k probeKnownPart) (*probeSighting, []byte) {
	head.Kind, head.Has = kindReply, hasKnown
	return &head, unsafe.Slice((*byte)(unsafe.Pointer(&k)), knownSize)
}

// TestKnownPart reads what the tables know, as far as they know it.
func TestKnownPart(t *testing.T) {
	const now = 10_000
	line := probeConnection{
		OpenedNs: now - 5000, FinNs: now - 2000, ClosedNs: now - 1000, ResetNs: now - 500, Cgroup: 77,
		RcvNxt: 3, SndNxt: 4, SrttUs: 80, Err: 104, ClosedFrom: 5,
		Bits: connectionRole | connectionHandshake, Ttl: 55,
	}
	head, tail := known(probeSighting{MonoNs: now}, probeKnownPart{
		Bits: knownPast | knownPeer | knownBeside, Past: line,
		Peer:     probePeer{HeardNs: now - 100, Ttl: 60, HasMac: 1, Mac: [8]uint8{2, 0, 0, 0, 0, 9}},
		BesideNs: now - 50, BesideState: 7, BesidePort: 443, BesideAddr: [16]uint8{10: 0xff, 11: 0xff, 12: 10, 15: 1}, BesideSndNxt: 9,
	})
	d := newDecoder(&features{}, 250)
	var s reset.Sighting
	if err := d.decode(head, tail, &s, 0); err != nil {
		t.Fatal(err)
	}
	c := s.Context
	switch p := &c.Past; {
	case !p.Known || p.OpenedAgo != reset.Some[int64](5000) || p.FinAgo != reset.Some[int64](2000),
		p.ClosedAgo != reset.Some[int64](1000) || p.ResetAgo != reset.Some[int64](500),
		p.ClosedFrom != "FIN_WAIT2" || p.ClosedError != 104 || p.RTTUS != reset.Some[uint32](10),
		p.Originator != reset.Some(false) || p.Owner != nil,
		p.HandshakeTTL != reset.Some[uint8](55) || p.HandshakeIPID.OK || p.HandshakeMAC != nil:
		t.Errorf("past %+v", *p)
	}
	if c.Cgroup != 77 || s.Process != nil {
		t.Errorf("cgroup %d, process %v", c.Cgroup, s.Process)
	}
	if p := c.Peer; !p.Known || p.TTL != 60 || p.AgoNS != 100 || p.MAC.String() != "02:00:00:00:00:09" {
		t.Errorf("peer %+v", p)
	}
	if b := c.Beside; !b.Known || b.Remote.String() != "10.0.0.1:443" || b.State != "CLOSE" || b.SndNxt.OK {
		t.Errorf("beside %+v", b)
	}
}

// TestStormsAllocateNothing: a reply that no table knows of, and one whose
// connection is known with no owner, are read without an allocation.
func TestStormsAllocateNothing(t *testing.T) {
	d := newDecoder(&features{}, 250)
	var s reset.Sighting
	plain := probeSighting{Kind: kindReply}
	head, tail := known(probeSighting{MonoNs: 9}, probeKnownPart{
		Bits: knownPast | knownPeer | knownBeside, Peer: probePeer{HasMac: 1}, BesideState: 1,
	})
	for name, read := range map[string]func() error{
		"nothing known": func() error { return d.decode(&plain, nil, &s, 0) },
		"a past":        func() error { return d.decode(head, tail, &s, 1) },
	} {
		if err := read(); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { _ = read() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestShortSamples: a sample that is shorter than it says is an error, and no more.
func TestShortSamples(t *testing.T) {
	d := newDecoder(&features{}, 250)
	whole := make([]byte, tcpPartSize+knownSize+abortHead+8)
	for _, has := range []uint16{hasTCP, hasKnown, hasTCP | hasKnown, hasTCP | hasKnown | hasAbort} {
		head := probeSighting{Kind: kindSent, Has: has | hasSocket, Family: 4}
		for length := 0; length < len(whole); length += 8 {
			var s reset.Sighting
			_ = d.decode(&head, whole[:length], &s, 0) // must not read beyond
		}
		var s reset.Sighting
		if err := d.decode(&head, nil, &s, 0); err == nil {
			t.Errorf("has %#x: no error for an empty tail", has)
		}
	}
}
