package packet_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// FuzzSegment holds DecodeSegment against Decode: they read one packet alike.
func FuzzSegment(f *testing.F) {
	for _, seed := range [][]byte{
		ipv4(tcp(rst)), ipv4(tcp(rstAck, timestamps...), 1, 1, 1, 0), ipv4(join(tcp(rst), []byte("payload"))),
		with(ipv4(tcp(rst)), 6, 0x20), with(ipv4(tcp(rst)), 2, 0, 0), ipv4(tcp(rst))[:31],
		ipv6(6, tcp(rst)), ipv6(0, join(with(extension, 0, 60), extension, tcp(rst))),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p reset.Packet
		src, dst, err := packet.Decode(raw, &p)
		var s packet.Segment
		if segmentErr := packet.DecodeSegment(raw, len(raw), &s); !errors.Is(segmentErr, err) {
			t.Fatalf("error %v, Decode has %v", segmentErr, err)
		}
		if err != nil {
			return
		}
		version := uint8(4)
		if p.Family == reset.IPv6 {
			version = 6
		}
		want := packet.Segment{
			Src: address(src.Addr()), Dst: address(dst.Addr()), SrcPort: src.Port(), DstPort: dst.Port(), Seq: p.Seq.V, Ack: p.Ack.V,
			Length: p.Length.V, IPID: p.IPID.V, Window: p.Window.V, Flags: p.Flags, TTL: p.TTL.V, TOS: p.TOS.V, Version: version, DF: p.DF.V,
			Payload: s.Payload, Timestamp: s.Timestamp,
		}
		if diff := cmp.Diff(want, s); diff != "" {
			t.Errorf("segment (-Decode +DecodeSegment):\n%s", diff)
		}
		if captured := len(packet.PayloadOf(raw)); int(s.Payload) < captured {
			t.Errorf("%d bytes of payload, and %d were captured", s.Payload, captured)
		}
	})
}

func address(a netip.Addr) packet.Address {
	if a.Is4() {
		b := a.As4()
		return packet.Address{Lo: 0xffff<<32 | uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return packet.Address{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}
}

func TestSegment(t *testing.T) {
	tests := []struct {
		name      string
		raw       []byte
		whole     int
		payload   uint32
		end       uint32 // after SEQ
		timestamp bool
	}{
		{"a RST", ipv4(tcp(rst)), 40, 0, 0, false},
		{"padded by the link layer", join(ipv4(tcp(rst)), make([]byte, 6)), 46, 0, 0, false},
		{"data, of which little was captured", ipv4(join(tcp(0x10), make([]byte, 1000)))[:60], 1040, 1000, 1000, false},
		{"SYN", ipv4(tcp(2)), 40, 0, 1, false},
		{"FIN with data", ipv6(6, join(tcp(0x11), []byte("bye"))), 63, 3, 4, false},
		{"too long for the header's field", with(ipv4(join(tcp(0x10), make([]byte, 100))), 2, 0, 0), 70_000, 69_960, 69_960, false},
		{"timestamps, as most systems lay them", ipv4(tcp(0x10, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2)), 52, 0, 0, true},
		{"timestamps behind others", ipv4(tcp(2, 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 3, 3, 7, 1)), 60, 0, 1, true},
		{"options of no length", ipv4(tcp(0x10, 5, 0, 8, 10)), 44, 0, 0, false},
	}
	for _, test := range tests {
		var s packet.Segment
		if err := packet.DecodeSegment(test.raw, test.whole, &s); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if s.Payload != test.payload || s.End()-s.Seq != test.end || s.Timestamp != test.timestamp {
			t.Errorf("%s: payload %d, end %d, timestamps %v; want %d, %d, %v", test.name, s.Payload, s.End()-s.Seq, s.Timestamp, test.payload, test.end, test.timestamp)
		}
	}
}
