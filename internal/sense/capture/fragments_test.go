package capture

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// pieces divides an IPv4 packet, or an IPv6 packet with a fragment header, into
// pieces of so many bytes.
func pieces(ip []byte, size int) (list [][]byte) {
	head, body := ip[:20], ip[20:]
	if ip[0]>>4 == 6 {
		head, body = ip[:40], ip[40:]
	}
	for at := 0; at < len(body); at += size {
		part := body[at:min(at+size, len(body))]
		more := at+size < len(body)
		var b []byte
		if ip[0]>>4 == 4 {
			b = append(slices.Clone(head), part...)
			place := uint16(at / 8)
			if more {
				place |= 0x2000
			}
			binary.BigEndian.PutUint16(b[6:], place)
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		} else {
			place := uint16(at)
			if more {
				place |= 1
			}
			b = slices.Clone(head)
			b = append(b, head[6], 0, byte(place>>8), byte(place), 0, 0, 0, 99)
			b[6] = 44
			b = append(b, part...)
			binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
		}
		list = append(list, b)
	}
	return list
}

// TestFragments: a RST in pieces, of which none alone has the TCP header.
func TestFragments(t *testing.T) {
	rst4 := segment(server, client, reset.RST|reset.ACK, 1000, 2000, "why not")
	rst6 := segment(six[0], six[1], reset.RST|reset.ACK, 1000, 2000, "why not")
	vxlan := around(17, udp(4789, bytesOf(8, 0, 0, 0, 0, 0, 77, 0, ethernet(rst4))))
	tests := []struct {
		name  string
		ip    []byte
		order []int // of the pieces; nil: as they are
		drop  int   // a piece that never comes, from 1
		size  int
		want  int
	}{
		{"in order", rst4, nil, 0, 8, 1},
		{"IPv6", rst6, nil, 0, 8, 1},
		{"backwards", rst4, []int{3, 2, 1, 0}, 0, 8, 1},
		{"twice", rst4, []int{0, 0, 1, 1, 2, 2, 3, 3}, 0, 8, 1},
		{"a tunnel in pieces", vxlan, nil, 0, 40, 1},
		{"the first has the header, the last never comes", rst4, nil, 2, 24, 1},
		{"the header is never whole", rst4, nil, 2, 8, 0},
		{"the first never comes", rst4, nil, 1, 24, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parts := pieces(test.ip, test.size)
			if test.order == nil {
				for i := range parts {
					test.order = append(test.order, i)
				}
			}
			var samples []sample
			for i, at := range test.order {
				if at+1 != test.drop {
					samples = append(samples, sample{start + int64(i)*1000, ethernet(parts[at])})
				}
			}
			got, counts := readAll(t, Config{}, file{link: linkEthernet}.pcap(samples...))
			if len(got) != test.want || len(got) > 0 && (got[0].Seq != 1000 || got[0].Ack != 2000) {
				t.Errorf("got %+v", got)
			}
			if sum := counts.Resets + counts.Copies + counts.Others + counts.Foreign + counts.Short + counts.Damaged + counts.Fragments; sum != counts.Frames {
				t.Errorf("the account does not balance: %+v", counts)
			}
		})
	}
}

// TestPiecesThatContradict make nothing, and what the first bears is on record.
func TestPiecesThatContradict(t *testing.T) {
	parts := pieces(segment(server, client, reset.RST|reset.ACK, 1000, 2000, "why not"), 24)
	other := slices.Clone(parts[1])
	binary.BigEndian.PutUint16(other[6:], 1) // over the TCP header
	got, _ := readAll(t, Config{}, file{link: linkEthernet}.pcap(
		sample{start, ethernet(parts[0])}, sample{start + 1000, ethernet(other)}, sample{start + 2000, ethernet(parts[1])}))
	if len(got) != 1 || got[0].Seq != 1000 {
		t.Errorf("got %+v", got)
	}
}

// TestManyPartials: a flood of first pieces makes a record each, and no more is
// kept than the bound.
func TestManyPartials(t *testing.T) {
	const flood = 3 * maxPartial
	var samples []sample
	for i := range flood {
		ip := segment(server, client, reset.RST, uint32(1000+i), 0, "why not")
		binary.BigEndian.PutUint16(ip[4:], uint16(i))
		samples = append(samples, sample{start + int64(i)*1000, ethernet(pieces(ip, 24)[0])})
	}
	got, counts := readAll(t, Config{}, file{link: linkEthernet}.pcap(samples...))
	if len(got) != flood {
		t.Errorf("%d resets of %d: %+v", len(got), flood, counts)
	}
}
