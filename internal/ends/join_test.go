package ends

import (
	"errors"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

var (
	client = netip.MustParseAddrPort("10.0.0.5:51334")
	server = netip.MustParseAddrPort("10.0.0.7:443")
)

func segment(src, dst netip.AddrPort, seq uint32, payload uint32, flags reset.Flags) *packet.Segment {
	return &packet.Segment{
		Src: packet.AddressOf(src.Addr()), Dst: packet.AddressOf(dst.Addr()), SrcPort: src.Port(), DstPort: dst.Port(),
		Seq: seq, Payload: payload, Flags: flags,
	}
}

// wire plays packets of both ends past two captures whose clocks differ.
type wire struct {
	client, server *Capture // at whose end
	offset         int64    // of the server's clock
	seq            uint32
}

const begin = int64(1_764_000_000_000_000_000)

// send is a packet of one end that takes so long; lost: it does not arrive.
func (w *wire) send(fromClient bool, at, takes int64) {
	w.seq++
	src, dst := server, client
	if fromClient {
		src, dst = client, server
	}
	s := segment(src, dst, w.seq, 10, reset.ACK)
	if fromClient {
		w.client.Add(s, at)
		w.server.Add(s, at+takes+w.offset)
	} else {
		w.server.Add(s, at+w.offset)
		w.client.Add(s, at+takes)
	}
}

func rst(seq uint32) *reset.Packet {
	return &reset.Packet{Flags: reset.RST, Seq: reset.Some(seq)}
}

func endpoint(a netip.AddrPort) reset.Endpoint { return reset.EndpointFrom(a.Addr(), a.Port()) }

// TestClocks: whatever the clocks say and however long packets take, each host is
// found at its end, and the offset lies within half of the shortest round.
func TestClocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := wire{client: NewCapture(), server: NewCapture(), offset: rapid.Int64Range(-1e12, 1e12).Draw(t, "offset")}
		at := begin
		for range rapid.IntRange(1, 20).Draw(t, "packets") {
			for _, fromClient := range []bool{true, false} {
				at += rapid.Int64Range(1000, 1e8).Draw(t, "pause")
				w.send(fromClient, at, rapid.Int64Range(1000, 3e8).Draw(t, "takes"))
			}
		}
		turned := rapid.Bool().Draw(t, "the server's is the left one")
		left, right, want, offset := w.client, w.server, Left, w.offset
		if turned {
			left, right, want, offset = w.server, w.client, Right, -w.offset
		}
		j, err := Join(left, right)
		if err != nil {
			t.Fatal(err)
		}
		if got := j.SideOf(endpoint(client)); got != want || j.SideOf(endpoint(server)) != want.Other() {
			t.Errorf("the client is at the %s, want %s", got, want)
		}
		if abs(j.OffsetNS-offset) > j.RoundNS/2+1 {
			t.Errorf("offset %d, want %d give or take %d", j.OffsetNS, offset, j.RoundNS/2)
		}
	})
}

// joined is a short connection, from which a RST is told.
func joined(t *testing.T, more func(*wire)) (*Joined, *wire) {
	t.Helper()
	w := &wire{client: NewCapture(), server: NewCapture(), offset: 5e9}
	for i := range int64(4) {
		w.send(i%2 == 0, begin+i*1e7, 2e6)
	}
	more(w)
	w.send(true, begin+1e9, 2e6)
	w.send(false, begin+2e9, 2e6)
	j, err := Join(w.client, w.server)
	if err != nil {
		t.Fatal(err)
	}
	return j, w
}

func TestFates(t *testing.T) {
	const at = begin + 5e8
	from, to := endpoint(server), endpoint(client)
	stranger := endpoint(netip.MustParseAddrPort("10.9.9.9:80"))
	tests := []struct {
		name string
		make func(*wire)
		in   Side
		src  reset.Endpoint
		at   int64
		want Fate
	}{
		{"arrived, where it was sent", func(w *wire) {
			w.server.AddReset(from, to, rst(7), at+5e9)
			w.client.AddReset(from, to, rst(7), at+2e6)
		}, Right, from, at + 5e9, Arrived},
		{"arrived, where it came", func(w *wire) {
			w.server.AddReset(from, to, rst(7), at+5e9)
			w.client.AddReset(from, to, rst(7), at+2e6)
		}, Left, from, at + 2e6, Arrived},
		{"never arrived", func(w *wire) { w.server.AddReset(from, to, rst(7), at+5e9) }, Right, from, at + 5e9, NeverArrived},
		{"never sent", func(w *wire) { w.client.AddReset(from, to, rst(7), at) }, Left, from, at, NeverSent},
		{"sent with another SEQ", func(w *wire) {
			w.server.AddReset(from, to, rst(8), at+5e9)
			w.client.AddReset(from, to, rst(7), at)
		}, Left, from, at, NeverSent},
		{"an equal one, much later", func(w *wire) {
			w.server.AddReset(from, to, rst(7), at+5e9+9e9)
			w.client.AddReset(from, to, rst(7), at)
		}, Left, from, at, NeverSent},
		{"of a host that only one has", func(w *wire) { w.client.AddReset(stranger, to, rst(7), at) }, Left, stranger, at, Untold},
		{"before the other began", func(w *wire) { w.client.AddReset(from, to, rst(7), begin-9e9) }, Left, from, begin - 9e9, Untold},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			j, _ := joined(t, test.make)
			told := j.Of(test.in, test.src, to, rst(7), test.at)
			if told.Fate != test.want || (told.Fate == Untold) != (told.Why != "") {
				t.Errorf("told %+v, want fate %d", told, test.want)
			}
			if told.Fate == Arrived && told.TookNS != 2e6 {
				t.Errorf("it took %d ns, want 2 ms", told.TookNS)
			}
			if told.Fate != Untold && told.From != Right {
				t.Errorf("from the %s, want the right", told.From)
			}
		})
	}
}

// TestNotOneConnection: captures that do not belong together are refused.
func TestNotOneConnection(t *testing.T) {
	a, b := NewCapture(), NewCapture()
	a.Add(segment(client, server, 1, 10, reset.ACK), begin)
	if _, err := Join(a, b); !errors.Is(err, ErrNothingCommon) {
		t.Errorf("error %v", err)
	}
	b.Add(segment(client, server, 1, 10, reset.ACK), begin)
	if _, err := Join(a, b); !errors.Is(err, ErrSamePlace) {
		t.Errorf("one direction alone: error %v", err)
	}
	a.Add(segment(server, client, 1, 10, reset.ACK), begin+5)
	b.Add(segment(server, client, 1, 10, reset.ACK), begin+5)
	if _, err := Join(a, b); !errors.Is(err, ErrSamePlace) {
		t.Errorf("the same capture twice: error %v", err)
	}
	// What is sent twice is no sample.
	a.Add(segment(server, client, 1, 10, reset.ACK), begin+9)
	if _, err := Join(a, b); err == nil {
		t.Error("a repetition was a sample")
	}
}
