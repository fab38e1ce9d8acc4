package query

import (
	"net/netip"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Filters and resets are drawn from the same few values, so that they meet.
var (
	addresses4 = []string{"192.0.2.1", "192.0.2.2", "198.51.100.7", "10.1.2.3", "10.1.0.0", "0.0.0.0", "255.255.255.255"}
	addresses6 = []string{"2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fe80::1", "::", "::ffff:192.0.2.1"}
	networks4  = []string{"192.0.2.0/24", "192.0.2.0/31", "10.0.0.0/8", "10", "10.1", "10.1.2", "0.0.0.0/0", "192.0.2.1/32", "192.0.2.2", "172.16/12", "10.1.0.0 mask 255.255.0.0", "10.0.0.3 mask 255.0.0.255"}
	networks6  = []string{"2001:db8::/32", "2001:db8::/64", "2001:db8::1", "::/0", "fe80::/10", "::ffff:0:0/96"}
	portTexts  = []string{"80", "443", "0", "65535", "51000", "0x50", "0120"}
	rangeTexts = []string{"80-443", "443-80", "0-65535", "80", "50000-60000", "1-79"}
	portValues = []uint16{80, 443, 0, 65535, 51000, 79, 81, 444}
	macs       = []string{"02:00:00:00:00:01", "2-0-0-0-0-2", "0200.0000.0001", "ff:ff:ff:ff:ff:ff"}
)

// writer draws the text of a filter.
type writer struct {
	t        *rapid.T
	pcap     bool // only what libpcap knows too
	loads    []string
	ethernet bool // what needs a link layer, instead of what hangs on its length
}

func (w writer) of(list ...string) string { return rapid.SampledFrom(list).Draw(w.t, "word") }

// filter draws an expression of primitives in libpcap's grammar.
func (w writer) filter(depth int) string {
	var b strings.Builder
	abbreviation := "" // kind of value that may follow without qualifiers
	for i := range rapid.IntRange(1, 3).Draw(w.t, "terms") {
		if i > 0 {
			b.WriteString(w.of(" and ", " or ", " && ", " || "))
		}
		b.WriteString(w.of("", "", "", "not ", "! ", "not not "))
		if abbreviation != "" && rapid.IntRange(0, 2).Draw(w.t, "short") == 0 {
			b.WriteString(w.of(valuesOf(abbreviation)...))
			continue
		}
		if depth > 0 && rapid.IntRange(0, 3).Draw(w.t, "deeper") == 0 {
			b.WriteString("(" + w.filter(depth-1) + ")")
			abbreviation = ""
			continue
		}
		var primitive string
		primitive, abbreviation = w.primitive()
		b.WriteString(primitive)
	}
	return b.String()
}

func valuesOf(kind string) []string {
	switch kind {
	case "host4":
		return addresses4
	case "host6":
		return addresses6
	case "net4":
		return networks4
	case "net6":
		return networks6
	case "port":
		return portTexts
	case "portrange":
		return rangeTexts
	}
	return macs
}

func (w writer) primitive() (text, abbreviation string) {
	ends := w.of("", "src ", "dst ", "src or dst ", "dst or src ", "src and dst ", "dst and src ")
	n := 9
	if !w.pcap {
		n = 16
	}
	switch rapid.IntRange(0, n).Draw(w.t, "kind") {
	case 0, 1:
		return w.address(ends, "host", "host4", "host6")
	case 2, 3:
		return w.address(ends, "net", "net4", "net6")
	case 4, 5:
		return w.of("", "tcp ") + ends + "port " + w.of(portTexts...), "port"
	case 6:
		return w.of("", "tcp ") + ends + "portrange " + w.of(rangeTexts...), "portrange"
	case 7:
		return w.of("ip", "ip6", "tcp"), ""
	case 8:
		if w.ethernet {
			return "ether " + w.of("src ", "dst ", "host ", "src host ", "src or dst ") + w.of(macs...), "mac"
		}
		return w.of("less ", "greater ") + w.of("40", "44", "60", "0x28"), ""
	case 9:
		return w.relation(), ""
	}
	return w.own(), ""
}

func (w writer) address(ends, kind, four, six string) (string, string) {
	if rapid.Bool().Draw(w.t, "six") {
		return w.of("", "ip6 ") + ends + kind + " " + w.of(valuesOf(six)...), six
	}
	if ends != "" && kind == "host" && rapid.Bool().Draw(w.t, "bare") {
		kind = ""
	}
	return w.of("", "ip ") + ends + kind + " " + w.of(valuesOf(four)...), four
}

var (
	headers4 = []string{
		"tcp[tcpflags]", "tcp[13]", "tcp[4:4]", "tcp[8:4]", "tcp[14:2]", "tcp[0:2]", "tcp[2:2]", "tcp[12]", "tcp[18:2]",
		"ip[8]", "ip[1]", "ip[2:2]", "ip[4:2]", "ip[0]", "ip[9]", "ip[12:4]", "ip[16:4]", "ip[19]",
	}
	headers6 = []string{"ip6[7]", "ip6[0:4]", "ip6[4:2]", "ip6[8:4]", "ip6[39]"}
	numbers  = []string{"tcp-ack", "tcp-rst", "tcp-push", "0x14", "64", "4", "0", "443", "16", "3221225985", "0xffffffff"}
)

// relation draws a comparison whose meaning does not hang on the precedences
// of % and ^, which libpcap does not fix. Of a relation about the headers of
// both IP versions libpcap forgets to check one: it is drawn for us only.
func (w writer) relation() string {
	w.loads = headers4
	if rapid.IntRange(0, 3).Draw(w.t, "six") == 0 {
		w.loads = headers6
	}
	if !w.pcap {
		w.loads = slices.Concat(headers4, headers6)
	}
	return w.arithmetic(2, false) + w.of(" = ", "==", "!=", " < ", "<=", ">", " >= ") + w.arithmetic(1, false)
}

// arithmetic draws an expression; load says that it must begin with a load. Of
// what an operator combines, libpcap checks the IP version of the left side
// only.
func (w writer) arithmetic(depth int, load bool) string {
	if depth == 0 || rapid.Bool().Draw(w.t, "leaf") {
		if load {
			return w.of(w.loads...)
		}
		if !w.ethernet && rapid.IntRange(0, 9).Draw(w.t, "len") == 0 {
			return "len"
		}
		if rapid.Bool().Draw(w.t, "number") {
			return w.of(numbers...)
		}
		return w.of(w.loads...)
	}
	operand := w.arithmetic(depth-1, w.pcap)
	switch operator := w.of("+", "-", "*", "&", "|", "<<", ">>", "/", "%", "^"); operator {
	case "<<", ">>", "/", "%": // by a constant: libpcap gives up the whole packet on a division by 0
		return "((" + operand + ")" + operator + w.of("1", "2", "8", "3") + ")"
	case "^":
		return "((" + operand + ")^(" + w.arithmetic(depth-1, false) + "))"
	default:
		space := " " // libpcap takes 64-4 for a name
		if !w.pcap {
			space = w.of("", " ")
		}
		operand += space + operator + space + w.arithmetic(depth-1, false)
		if rapid.Bool().Draw(w.t, "bare") {
			return operand
		}
		return "(" + operand + ")"
	}
}

// own draws a primitive that only we have.
func (w writer) own() string {
	switch rapid.IntRange(0, 9).Draw(w.t, "own") {
	case 0, 1:
		return "direction " + w.of(reset.DirectionWords()...)
	case 2:
		return "sender " + w.of(reset.SenderWords()...) + w.of("", " or path", " and (peer or path)")
	case 3:
		return "cause " + w.of(reset.CauseWords()...)
	case 4:
		return w.of("harm none", "harm unknown", "verdict dropped", "confidence likely", "confidence certain", "source wire", "source pcap or klog")
	case 5:
		return w.of("interface eth0", "interface eth*", "interface lo or *", "interface \"a b\"")
	case 6, 7:
		return w.of("netns 1", "netns 4026531840", "netns blue", "netns \"1\"", "netns b*", "netns 1 or 2 or 3")
	case 8:
		return w.of("comm nginx", "comm *", "comm ?gin*", "comm \"\\\"x\\\\\"", "pid 1", "pid 4294967295", "uid 0", "mark 0x1", "container web*", "container 0123")
	}
	return w.of("vlan", "vlan 5", "less 44", "greater 44", "ether host 02:00:00:00:00:01")
}

// drawReset draws a reset in which anything may be absent.
func drawReset(t *rapid.T) *reset.Reset {
	present := func(label string) bool { return rapid.IntRange(0, 3).Draw(t, label) > 0 }
	r := &reset.Reset{
		Direction: reset.Direction(rapid.IntRange(0, int(reset.Transit)).Draw(t, "direction")),
		Sender:    reset.Sender(rapid.IntRange(0, int(reset.Path)).Draw(t, "sender")),
		Cause:     reset.Cause(rapid.IntRange(0, int(reset.Relayed)).Draw(t, "cause")),
		Harm:      reset.Harm(rapid.IntRange(0, int(reset.HarmUnknown)).Draw(t, "harm")),
		Sources:   reset.SourceSet(rapid.Uint16().Draw(t, "sources")),
		Netns:     reset.Netns{ID: rapid.SampledFrom([]uint64{0, 1, 2, 4026531840}).Draw(t, "netns"), Name: rapid.SampledFrom([]string{"", "blue", "1"}).Draw(t, "name")},
		Interface: reset.Interface{In: rapid.SampledFrom([]string{"", "eth0", "lo"}).Draw(t, "in"), PhysOut: rapid.SampledFrom([]string{"", "eth1", "a b"}).Draw(t, "out")},
	}
	r.Confidence.Sender = reset.Level(rapid.IntRange(0, 3).Draw(t, "level"))
	r.Confidence.Cause = reset.Level(rapid.IntRange(0, 3).Draw(t, "level"))
	list := addresses4
	if rapid.Bool().Draw(t, "six") {
		list = addresses6
	}
	if present("packet") {
		drawPacket(t, r, list[0] == addresses6[0])
	}
	for _, e := range []*reset.Endpoint{&r.Src, &r.Dst} {
		if present("endpoint") {
			addr := netip.MustParseAddr(rapid.SampledFrom(list).Draw(t, "address"))
			*e = reset.Endpoint{AddrPort: netip.AddrPortFrom(addr, rapid.SampledFrom(portValues).Draw(t, "port"))}
		}
	}
	if present("process") {
		r.Process = &reset.Process{PID: reset.Some[uint32](1), UID: reset.Some[uint32](0), Comm: rapid.SampledFrom([]string{"", "nginx", `"x\`}).Draw(t, "comm")}
	}
	if present("container") {
		r.Container = &reset.Container{ID: "0123456789ab", Name: "web-1"}
	}
	return r
}

func drawPacket(t *rapid.T, r *reset.Reset, six bool) {
	p := &r.Packet
	p.Family, p.DF, p.IPID = reset.IPv4, reset.Some(true), reset.Some(rapid.Uint16().Draw(t, "ip id"))
	if six {
		p.Family, p.FlowLabel = reset.IPv6, reset.Some(rapid.Uint32Range(0, 0xfffff).Draw(t, "label"))
	}
	p.Length = reset.Some(rapid.SampledFrom([]uint32{40, 44, 60, 1500}).Draw(t, "length"))
	p.TTL, p.TOS = reset.Some(rapid.Uint8().Draw(t, "ttl")), reset.Some(rapid.Uint8().Draw(t, "tos"))
	p.Seq, p.Ack = reset.Some(rapid.Uint32().Draw(t, "seq")), reset.Some(rapid.Uint32().Draw(t, "ack"))
	p.Window, p.Urgent, p.Reserved = reset.Some(rapid.Uint16().Draw(t, "window")), reset.Some[uint16](0), reset.Some[uint8](0)
	p.Flags = reset.RST | reset.Flags(rapid.Uint8().Draw(t, "flags"))
	p.MACSrc, p.MACDst = reset.MAC{2, 0, 0, 0, 0, 1}, reset.MAC{2, 0, 0, 0, 0, 2}
	if rapid.Bool().Draw(t, "vlan") {
		p.VLAN = reset.Some(rapid.SampledFrom([]uint16{0, 5, 6}).Draw(t, "vlan"))
	}
}

func describe(r *reset.Reset) string {
	return string(reset.AppendJSON(nil, &reset.Entry{Reset: r}))
}
