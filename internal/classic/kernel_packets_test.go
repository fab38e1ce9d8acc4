package classic

import (
	"encoding/binary"
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// markedPort is the source port whose packets the lab's firewalls mark.
const markedPort = 7001

// odd is one packet of the comparison.
type odd struct {
	name  string
	not   string // a way that cannot carry it
	build func(src, dst netip.Addr) []byte
}

// packets are all kinds of headers that a line can show.
func packets() []odd {
	segment := func(edit func(*testkit.Segment)) func(src, dst netip.Addr) []byte {
		return func(src, dst netip.Addr) []byte { return base(src, dst, edit).Bytes() }
	}
	all := []odd{
		{"RST", "", segment(func(*testkit.Segment) {})},
		{"RST and ACK", "", segment(func(s *testkit.Segment) { s.Flags |= reset.ACK; s.Ack = 1<<32 - 1 })},
		{"every flag", "", segment(func(s *testkit.Segment) { s.Flags = 0xff; s.Urgent = 65535 })},
		{"no RST", "loopback", segment(func(s *testkit.Segment) { s.Flags = reset.FIN | reset.ACK })},
		{"TCP options", "", segment(func(s *testkit.Segment) { s.Options = []byte{1, 1, 8, 10, 0, 0, 0, 1, 0xff, 0xfe, 0xfd, 0xfc} })},
		{"40 bytes of TCP options", "", segment(func(s *testkit.Segment) { s.Options = make([]byte, 40) })},
		{"payload", "", segment(func(s *testkit.Segment) { s.Payload = []byte("go away") })},
		{"mark", "", segment(func(s *testkit.Segment) { s.Src = netip.AddrPortFrom(s.Src.Addr(), markedPort) })},
		{"window and urgent pointer", "", segment(func(s *testkit.Segment) { s.Window, s.Urgent = 65535, 7 })},
		{"header cut at 8 bytes", "", cut(8)},
		{"header cut at 19 bytes", "", cut(19)},
		{"header ends within its options", "", func(src, dst netip.Addr) []byte {
			raw := base(src, dst, func(s *testkit.Segment) { s.Options = make([]byte, 12) }).Bytes()
			return shorten(raw, 8)
		}},
		{"traffic class", "", segment(func(s *testkit.Segment) { s.TOS = 0xff })},
		{"precedence", "", segment(func(s *testkit.Segment) { s.TOS = 0xa8 })},
		{"TTL", "", segment(func(s *testkit.Segment) { s.TTL = 255 })},
	}
	for bits := range uint8(16) {
		all = append(all, odd{
			"reserved bits " + string("0123456789abcdef"[bits]), "",
			segment(func(s *testkit.Segment) { s.Reserved = bits }),
		})
	}
	for _, p := range packets4() {
		p.build = only(false, p.build, segment(func(*testkit.Segment) {}))
		all = append(all, p)
	}
	for _, p := range packets6() {
		p.build = only(true, p.build, segment(func(*testkit.Segment) {}))
		all = append(all, p)
	}
	return all
}

// only builds the plain packet on the ways of the other family.
func only(six bool, build, plain func(src, dst netip.Addr) []byte) func(src, dst netip.Addr) []byte {
	return func(src, dst netip.Addr) []byte {
		if src.Is6() == six {
			return build(src, dst)
		}
		return plain(src, dst)
	}
}

func base(src, dst netip.Addr, edit func(*testkit.Segment)) testkit.Segment {
	s := testkit.Segment{
		Src: netip.AddrPortFrom(src, 8182), Dst: netip.AddrPortFrom(dst, 9366),
		Seq: 1747027778, Flags: reset.RST, IPID: 4711,
	}
	edit(&s)
	return s
}

// shorten takes bytes from the end and corrects the lengths.
func shorten(raw []byte, by int) []byte {
	raw = raw[:len(raw)-by]
	if raw[0]>>4 == 6 {
		binary.BigEndian.PutUint16(raw[4:], uint16(len(raw)-ipv6Header))
		return raw
	}
	return fixIPv4(raw)
}

// fixIPv4 sets length and checksum anew.
func fixIPv4(raw []byte) []byte {
	binary.BigEndian.PutUint16(raw[2:], uint16(len(raw)))
	raw[10], raw[11] = 0, 0
	sum := uint32(0)
	for i := 0; i < int(raw[0]&15)*4; i += 2 {
		sum += uint32(be16(raw[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(raw[10:], ^uint16(sum))
	return raw
}

// cut leaves the given number of bytes of the TCP header.
func cut(bytes int) func(src, dst netip.Addr) []byte {
	return func(src, dst netip.Addr) []byte {
		return shorten(base(src, dst, func(*testkit.Segment) {}).Bytes(), tcpHeader-bytes)
	}
}

// field builds an IPv4 packet with its fragment field set.
func field(value uint16) func(src, dst netip.Addr) []byte {
	return func(src, dst netip.Addr) []byte {
		raw := base(src, dst, func(s *testkit.Segment) { s.Payload = make([]byte, 4) }).Bytes()
		binary.BigEndian.PutUint16(raw[6:], value)
		return fixIPv4(raw)
	}
}

func packets4() []odd {
	options := func(b ...byte) func(src, dst netip.Addr) []byte {
		return func(src, dst netip.Addr) []byte {
			return base(src, dst, func(s *testkit.Segment) { s.IPOptions = b }).Bytes()
		}
	}
	return []odd{
		{"DF", "", field(flagDF)},
		{"evil bit", "", field(flagCE)},
		{"evil bit and DF", "", field(flagCE | flagDF)},
		{"first fragment", "in4", notLocal(field(flagMF))},
		{"later fragment", "in4", notLocal(field(flagMF | 185))},
		{"last fragment", "in4", notLocal(field(185))},
		{"IP options", "", options(1, 1, 1, 1)},
		{"40 bytes of IP options", "", options(make([]byte, 40)...)},
		{"router alert", "", options(0x94, 4, 0, 1)},
		{"IP options and a cut header", "", func(src, dst netip.Addr) []byte {
			return shorten(base(src, dst, func(s *testkit.Segment) { s.IPOptions = []byte{1, 1, 1, 1} }).Bytes(), 3)
		}},
	}
}

// notLocal keeps fragments from where the stack would put them together before
// any rule of INPUT sees them, so that no second fragment is waited for.
func notLocal(build func(src, dst netip.Addr) []byte) func(src, dst netip.Addr) []byte {
	return func(src, dst netip.Addr) []byte {
		if src.IsLoopback() || dst.As4()[3] == 1 {
			return base(src, dst, func(*testkit.Segment) {}).Bytes()
		}
		return build(src, dst)
	}
}

func packets6() []odd {
	with := func(extensions ...testkit.Extension) func(src, dst netip.Addr) []byte {
		return func(src, dst netip.Addr) []byte {
			return base(src, dst, func(s *testkit.Segment) { s.Extensions = extensions }).Bytes()
		}
	}
	padding := []byte{1, 4, 0, 0, 0, 0}
	fragmentOf := func(place uint16) func(src, dst netip.Addr) []byte {
		return with(testkit.Extension{Protocol: fragmentHdr, Body: []byte{byte(place >> 8), byte(place), 0, 0xab, 0xcd, 0xef}})
	}
	var many []testkit.Extension
	for range 130 {
		many = append(many, testkit.Extension{Protocol: destOptions, Body: padding})
	}
	return []odd{
		{"flow label", "", func(src, dst netip.Addr) []byte {
			return base(src, dst, func(s *testkit.Segment) { s.FlowLabel, s.TOS = 0xfffff, 0x1d }).Bytes()
		}},
		{"hop-by-hop options", "", with(testkit.Extension{Protocol: hopByHop, Body: padding})},
		{"destination options", "", with(testkit.Extension{Protocol: destOptions, Body: append(padding, 1, 6, 0, 0, 0, 0, 0, 0)})},
		{"routing header", "", with(testkit.Extension{Protocol: routing, Body: []byte{4, 0, 0, 0, 0, 0}})},
		{"several", "", with(testkit.Extension{Protocol: hopByHop, Body: padding}, testkit.Extension{Protocol: destOptions, Body: padding})},
		{"atomic fragment", "", fragmentOf(0)},
		{"first fragment", "", fragmentOf(1)},
		{"later fragment", "loopback", fragmentOf(1480)},
		{"authentication header", "", func(src, dst netip.Addr) []byte {
			raw := base(src, dst, func(*testkit.Segment) {}).Bytes()
			header := []byte{protocolTCP, 4, 0, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
			raw = append(append(append([]byte(nil), raw[:ipv6Header]...), header...), raw[ipv6Header:]...)
			raw[6] = authHdr
			return shorten(raw, 0)
		}},
		{"more headers than the kernel's buffer holds", "", with(many...)},
	}
}
