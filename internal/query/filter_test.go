package query

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rstwatch/rstwatch/internal/reset"
	"pgregory.net/rapid"
)

func TestCanonicalFormIsEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := writer{t: t}.filter(3)
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(f.String())
		if err != nil {
			t.Fatalf("canonical form of %q: %v", text, err)
		}
		if again.String() != f.String() || again.Needs() != f.Needs() {
			t.Fatalf("%q is %q, which is %q", text, f, again)
		}
		r := drawReset(t)
		if f.Match(r) != again.Match(r) {
			t.Fatalf("%q and %q differ on %s", text, f, describe(r))
		}
	})
}

func TestNegationIsTwoValued(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := writer{t: t}.filter(2)
		r := drawReset(t)
		yes, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		no, err := Parse("not (" + text + ")")
		if err != nil {
			t.Fatal(err)
		}
		if yes.Match(r) == no.Match(r) {
			t.Fatalf("%q and its negation agree on %s", text, describe(r))
		}
	})
}

func TestPrefilterPassesWhatMatches(t *testing.T) {
	matched := 0
	rapid.Check(t, func(t *rapid.T) {
		text := writer{t: t}.filter(3)
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		condition := f.Prefilter()
		for range 10 {
			r := drawReset(t)
			if f.Match(r) {
				matched++
				if !condition.Pass(r) {
					t.Fatalf("%q matches and its prefilter stops %s", text, describe(r))
				}
			}
		}
	})
	if matched < 50 {
		t.Errorf("only %d resets matched", matched)
	}
}

// TestNeedsIsComplete changes what a filter does not read, and expects no
// other answer.
func TestNeedsIsComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := writer{t: t}.filter(2)
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		r, needs := drawReset(t), f.Needs()
		changed := *r
		other := drawReset(t)
		if needs&(FieldAddress|FieldPort|FieldIP|FieldTCP|FieldFlags|FieldLength|FieldMAC|FieldVLAN|FieldMark) == 0 {
			changed.Src, changed.Dst, changed.Packet = other.Src, other.Dst, other.Packet
		}
		for field, change := range map[Fields]func(){
			FieldFlags:      func() { changed.Packet.Flags = other.Packet.Flags },
			FieldLength:     func() { changed.Packet.Length = other.Packet.Length },
			FieldMAC:        func() { changed.Packet.MACSrc = other.Packet.MACSrc },
			FieldVLAN:       func() { changed.Packet.VLAN = other.Packet.VLAN },
			FieldDirection:  func() { changed.Direction = other.Direction },
			FieldInterface:  func() { changed.Interface = other.Interface },
			FieldNetns:      func() { changed.Netns = other.Netns },
			FieldSource:     func() { changed.Sources = other.Sources },
			FieldSender:     func() { changed.Sender = other.Sender },
			FieldCause:      func() { changed.Cause = other.Cause },
			FieldHarm:       func() { changed.Harm = other.Harm },
			FieldConfidence: func() { changed.Confidence = other.Confidence },
			FieldVerdict:    func() { changed.Kernel = other.Kernel },
			FieldProcess:    func() { changed.Process = other.Process },
			FieldContainer:  func() { changed.Container = other.Container },
		} {
			if needs&field == 0 {
				change()
			}
		}
		if f.Match(r) != f.Match(&changed) {
			t.Fatalf("%q needs %q, but reads more:\n%s\n%s", text, needs, describe(r), describe(&changed))
		}
	})
}

func TestMatch(t *testing.T) {
	r := sample()
	tests := []struct {
		name, filter string
		want         bool
	}{
		{"everything", "", true},
		{"and and or are equal and group to the left", "port 443 or port 1 and port 2", false},
		{"which parentheses change", "port 443 or (port 1 and port 2)", true},
		{"not binds tightest", "not port 1 and port 443", true},
		{"qualifiers are taken over", "src port 1 or 443", true},
		{"with their ends", "dst port 1 or 443", false},
		{"through not", "not port 1 or 2", true},
		{"into a parenthesis", "src port (1 or 443)", true},
		{"of our own keywords", "sender peer or path", true},
		{"src and dst", "src and dst net 192.0.2", false},
		{"interface of any kind", "interface br-*", true},
		{"interface without a match", "interface eth1", false},
		{"netns by number", "netns 4026531840", true},
		{"netns by name", "netns blue", true},
		{"digits in quotes are a name", `netns "4026531840"`, false},
		{"container by name", "container web-*", true},
		{"container by the start of its id", "container 4f5e", true},
		{"container by another part of its id", "container 5e6d", false},
		{"confidence is that of the weaker half", "confidence likely", false},
		{"and at least the word's", "confidence possible", true},
		{"source", "source wire and not source pcap", true},
		{"verdict", "verdict accepted", true},
		{"comm", "comm ngin?", true},
		{"pid, uid, mark", "pid 7 and uid 33 and mark 0xff", true},
		{"vlan", "vlan and vlan 5 and not vlan 6", true},
		{"less is less or equal", "less 40 and greater 40 and len = 40", true},
		{"payload", "((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0", false},
		{"flags", "tcp[tcpflags] & (tcp-rst|tcp-ack) == tcp-rst|tcp-ack", true},
		{"division by a field that is 0", "10 / tcp[18:2] = 0 or not 10 / tcp[18:2] = 0", true},
		{"absent is false", "cause scan or harm none or ether host ff:ff:ff:ff:ff:ff", false},
		{"and not absent is true", "not harm none", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Match(r); got != tt.want {
				t.Errorf("%q (%s) is %v", tt.filter, f, got)
			}
		})
	}
}

// TestAbsent asks every primitive about a reset of which nothing is known.
func TestAbsent(t *testing.T) {
	empty := &reset.Reset{}
	for _, text := range []string{
		"host 0.0.0.0", "host ::", "net 0.0.0.0/0", "net ::/0", "net 10.0.0.0 mask 255.0.0.255", "port 0", "portrange 0-65535",
		"ip", "ip6", "ether host 00:00:00:00:00:00", "vlan", "vlan 0", "less 100", "greater 0", "len >= 0",
		"tcp[13] >= 0", "tcp[0:2] >= 0", "tcp[4:4] >= 0", "tcp[12] >= 0", "ip[8] >= 0", "ip[0] >= 0", "ip[9] >= 0", "ip6[7] >= 0", "ip6[8] >= 0",
		"direction in", "interface *", "netns *", "sender unknown", "cause unknown", "harm unknown", "harm none", "confidence possible",
		"source wire", "verdict dropped", "comm *", "pid 0", "uid 0", "mark 0", "container *",
	} {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if f.Match(empty) {
			t.Errorf("%q matches a reset of which nothing is known", text)
		}
		f, err = Parse("not (" + text + ")")
		if err != nil {
			t.Fatal(err)
		}
		if !f.Match(empty) {
			t.Errorf("%q does not match a reset of which nothing is known", f)
		}
	}
}

func sample() *reset.Reset {
	r := &reset.Reset{
		Direction: reset.In, Interface: reset.Interface{In: "br-lan", PhysIn: "eth0"}, Netns: reset.Netns{ID: 4026531840, Name: "blue"},
		Src: endpoint("192.0.2.1:443"), Dst: endpoint("198.51.100.2:51000"), Sender: reset.Path,
		Confidence: reset.Confidence{Sender: reset.Certain, Cause: reset.Possible},
		Kernel:     reset.Kernel{Verdict: reset.Accepted},
		Process:    &reset.Process{PID: reset.Some[uint32](7), UID: reset.Some[uint32](33), Comm: "nginx"},
		Container:  &reset.Container{ID: "4f5e6d7c8b9a", Name: "web-1"},
	}
	r.Sources = r.Sources.With(reset.Wire)
	r.Packet = reset.Packet{
		Family: reset.IPv4, Length: reset.Some[uint32](40), TTL: reset.Some[uint8](64), Flags: reset.RST | reset.ACK,
		Seq: reset.Some[uint32](1), Ack: reset.Some[uint32](2), Window: reset.Some[uint16](0), Urgent: reset.Some[uint16](0), Reserved: reset.Some[uint8](0),
		MACSrc: reset.MAC{2, 0, 0, 0, 0, 1}, VLAN: reset.Some[uint16](5), Mark: reset.Some[uint32](255),
	}
	return r
}

func TestCheck(t *testing.T) {
	f, err := Parse("host 192.0.2.1 and (not sender peer or cause scan)")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Check(AllFields, "anything"); err != nil {
		t.Error(err)
	}
	err = f.Check(PacketFields, "the wire sensor")
	want := &UnsupportedError{Primitive: "sender peer", Missing: FieldSender, Where: "the wire sensor"}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	const text = `filter: "sender peer" cannot be evaluated by the wire sensor, which does not know: sender`
	if err.Error() != text {
		t.Errorf("error %q, want %q", err, text)
	}
}

func TestSyntaxErrors(t *testing.T) {
	deep := strings.Repeat("(", 200) + "ip" + strings.Repeat(")", 200)
	tests := []struct {
		name, filter  string
		offset        int
		message, hint string
	}{
		{"name of a host", "host example.org", 5, "names are not resolved", "use an address"},
		{"address alone", "192.0.2.1", 0, "no keyword before it", "host 192.0.2.1"},
		{"network alone", "ip and 10.0.0.0/8", 7, "no keyword before it", "net 10.0.0.0/8"},
		{"word alone", "refused", 0, "no keyword before it", "cause refused"},
		{"typing error", "prot 80", 0, "no keyword", "did you mean port?"},
		{"typing error in a word", "cause no-listner", 6, "is no cause", "did you mean no-listener?"},
		{"wrong word", "harm terrible", 5, "is no harm", "harm is one of: none, failed-connect, lost-data, unknown"},
		{"two primitives without and", "ip port80", 3, "after a complete filter", "and or or"},
		{"in parentheses", "(ip ip6)", 4, "where ) or an operator is expected", "and or or"},
		{"not closed", "not (ip", 4, "not closed", ""},
		{"not opened", "ip)", 2, "not opened", ""},
		{"ends early", "ip and", 6, "ends where", ""},
		{"operator first", "and ip", 0, `"and" stands where`, ""},
		{"value missing", "port", 4, "value for port", ""},
		{"network for host", "host 10.0.0.0/8", 5, "is a network", "net 10.0.0.0/8"},
		{"MAC for host", "host 02:00:00:00:00:01", 5, "hardware address", "ether host"},
		{"zone", "host fe80::1%eth0", 5, "no zone", "host fe80::1 and interface eth0"},
		{"ip and IPv6", "ip host ::1", 8, "ip cannot stand before ::1", ""},
		{"ip6 and IPv4", "ip6 net 10", 8, "ip6 cannot stand before 10", ""},
		{"tcp host", "tcp host 192.0.2.1", 0, "tcp cannot stand before host", "leave tcp out"},
		{"ip port", "ip port 80", 0, "ip cannot stand before port", "ip and port"},
		{"ether net", "ether net 10", 0, "ether cannot stand before net", ""},
		{"ether alone", "ether or ip", 6, "after ether", ""},
		{"bits beyond the length", "net 192.0.2.1/24", 4, "beyond its length", "net 192.0.2.0/24"},
		{"bits beyond the mask", "net 192.0.2.1 mask 255.255.255.0", 4, "beyond its mask", ""},
		{"IPv6 mask", "net 2001:db8:: mask ffff::", 20, "mask goes with", ""},
		{"length too long", "net 10.0.0.0/33", 4, `"33" is no length`, ""},
		{"a single 0", "net 0", 4, "is no network", ""},
		{"port too large", "port 65536", 5, "more than 65535", ""},
		{"service", "port htps", 5, "neither a port nor a known service", "ftps"},
		{"range for port", "port 80-90", 5, "takes one port", "portrange 80-90"},
		{"another protocol", "udp port 53", 0, "not available here", "only TCP resets"},
		{"ip proto", "ip proto 6", 3, "ip proto of pcap-filter", "ip, ip6 or tcp"},
		{"inbound", "inbound", 0, "not available here", "direction in"},
		{"tunnel", "geneve", 0, "not available here", "tunnels"},
		{"vlan number", "vlan 4096", 5, "more than 4095", ""},
		{"length", "less ip", 5, "takes a number", ""},
		{"negative pid", "pid -1", 4, "takes a number", ""},
		{"netns 0", "netns 0", 6, "no namespace", ""},
		{"empty name", `comm ""`, 5, "takes a name", "comm *"},
		{"quote", `comm "nginx`, 5, "not closed", ""},
		{"character", "ip ; ip6", 3, `";" is not expected`, ""},
		{"no comparison", "tcp[13] & 4", 11, "comparison is missing", "tcp[tcpflags]"},
		{"no number", "tcp[13] = bogus", 10, `"bogus" is no number`, "tcp-ack"},
		{"number too large", "tcp[13] = 4294967296", 10, "32 bits", ""},
		{"division by zero", "len / 0 = 1", 4, "division by zero", ""},
		{"byte that is not kept", "ip[6] & 0x40 != 0", 0, "byte 6 of the ip header", "a record has"},
		{"bytes beyond", "tcp[18:4] = 0", 0, "byte 20 of the tcp header", "a record has"},
		{"huge offset", "tcp[4294967295] = 0", 0, "of the tcp header", ""},
		{"size", "ip[2:3] = 0", 5, "1, 2 or 4", ""},
		{"offset that is no number", "ip[ip[0]] = 0", 0, "must be a number", ""},
		{"other header", "udp[0] = 0", 0, "udp[…]", "only TCP resets"},
		{"bytes of the link layer", "ether[0] & 1 = 0", 0, "link layer", "ether host"},
		{"too deep", deep, 100, "levels deep", ""},
		{"too many", "ip" + strings.Repeat(" or ip", 5000), 4096 * 6, "more than 4096", ""},
		{"too long", strings.Repeat(" ", 70000), 0, "longer than 64 kB", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(tt.filter)
			e, ok := err.(*SyntaxError)
			if !ok {
				t.Fatalf("%q is taken for %q, error %v", tt.filter, f, err)
			}
			if e.Offset != tt.offset {
				t.Errorf("offset %d, want %d", e.Offset, tt.offset)
			}
			if !strings.Contains(e.Message, tt.message) || !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("message %q, hint %q, want %q, %q", e.Message, e.Hint, tt.message, tt.hint)
			}
		})
	}
}

func TestSyntaxErrorText(t *testing.T) {
	tests := []struct{ name, filter, want string }{
		{"hint", "ip and prot 80", "filter: \"prot\" is no keyword of a filter\n    ip and prot 80\n           ^\nhint: did you mean port?"},
		{"no hint", "(ip", "filter: this parenthesis is not closed\n    (ip\n    ^"},
		{"wide characters and escapes", "comm nö\x1b[2J\tor (", "filter: \"\\x1b\" is not expected here\n    comm nö?[2J or (\n           ^"},
		{"long", strings.Repeat("ip or ", 40) + "x" + strings.Repeat(" or ip", 40),
			"filter: \"x\" is no keyword of a filter\n    ..." + strings.Repeat("ip or ", 10) + "x" + strings.Repeat(" or ip", 9) + " or i...\n" + strings.Repeat(" ", 67) + "^\nhint: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.filter)
			if err == nil {
				t.Fatal("no error")
			}
			got := err.Error()
			if strings.HasSuffix(tt.want, "hint: ") {
				got = got[:min(len(got), len(tt.want))]
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"eth0", "eth0", true}, {"eth0", "eth01", false}, {"eth*", "eth0", true}, {"*", "", true}, {"*", "x", true},
		{"?", "", false}, {"?", "x", true}, {"e*0", "eth0", true}, {"e*0", "eth1", false}, {"*a*b*c", "xaybzc", true},
		{"*a*b*c", "xaybz", false}, {"a**b", "ab", true}, {"", "", true}, {"", "a", false}, {"**", "a", true}, {"a?c*", "abc", true},
	}
	for _, tt := range tests {
		if got := glob(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q on %q is %v", tt.pattern, tt.name, got)
		}
	}
	if glob(strings.Repeat("*a", 2000), strings.Repeat("a", 1999)) {
		t.Error("2000 letters are found in 1999")
	}
}

func TestPrefilterIsOfUse(t *testing.T) {
	tests := []struct {
		name, filter string
		want         Prefilter
		ports        []uint16
	}{
		{"everything", "", Prefilter{Directions: 31, Families: 7}, nil},
		{"direction", "direction in or out", Prefilter{Directions: 6, Families: 7}, nil},
		{"no direction", "not direction in", Prefilter{Directions: 29, Families: 7}, nil},
		{"none", "direction in and direction out", Prefilter{Families: 7}, nil},
		{"family", "ip", Prefilter{Directions: 31, Families: 2}, nil},
		{"family of an address", "host ::1 or net 2001:db8::/32", Prefilter{Directions: 31, Families: 4}, nil},
		{"family of a relation", "ip[8] > 64", Prefilter{Directions: 31, Families: 2}, nil},
		{"ports", "tcp port 80 or 443", Prefilter{Directions: 31, Families: 7}, []uint16{80, 443}},
		{"the smaller set of ports", "port 80 and portrange 1-1000", Prefilter{Directions: 31, Families: 7}, []uint16{80}},
		{"ports or else", "port 80 or cause scan", Prefilter{Directions: 31, Families: 7}, nil},
		{"not ports", "not port 80", Prefilter{Directions: 31, Families: 7}, nil},
		{"netns", "netns 5 or 6", Prefilter{Directions: 31, Families: 7, NetnsIDs: []uint64{5, 6}}, nil},
		{"two at once", "netns 5 and netns 6", Prefilter{Directions: 31, Families: 7, NetnsIDs: []uint64{}}, nil},
		{"De Morgan", "not (not direction in or not port 80)", Prefilter{Directions: 2, Families: 7}, []uint16{80}},
		{"tcp never false", "not tcp", Prefilter{Directions: 31}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			got := f.Prefilter()
			var ports []uint16
			if got.Ports != nil {
				for port := range 1 << 16 {
					if got.Ports.Has(uint16(port)) {
						ports = append(ports, uint16(port))
					}
				}
			}
			got.Ports = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("prefilter (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.ports, ports); diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPortSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.SampledFrom([]uint16{0, 1, 63, 64, 65, 127, 128, 65471, 65472, 65534, 65535})
		draw := rapid.OneOf(edge, rapid.Uint16())
		from, to := draw.Draw(t, "from"), draw.Draw(t, "to")
		from, to = min(from, to), max(from, to)
		var s PortSet
		s.add(from, to)
		for port := range 1 << 16 {
			if want := int(from) <= port && port <= int(to); s.Has(uint16(port)) != want {
				t.Fatalf("%d in %d-%d is %v", port, from, to, !want)
			}
		}
		if s.Len() != int(to)-int(from)+1 {
			t.Fatalf("%d ports in %d-%d", s.Len(), from, to)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"host 192.0.2.1 and not (port 80 or 443)", "src and dst net 10/8 or ip6 host ::1", "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0",
		"ether src 2:0:0:0:0:1 && vlan 5 || less 40", `comm "a \" b" or interface eth* or netns 5 or "5"`, "sender peer or path and cause (scan or refused)",
		"net 10.0.0.3 mask 255.0.0.255", "-(len - 5) * 2 << 1 >= ip6[4:2] % 3", "((((len > 5))))", "portrange ssh-https",
	} {
		f.Add(seed)
	}
	r := sample()
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := Parse(text)
		if err != nil {
			if e, ok := err.(*SyntaxError); !ok || e.Offset < 0 || e.Offset > len(e.Text) || strings.ContainsAny(e.Error(), "\x1b\r\x00") {
				t.Fatalf("error %#v", err)
			}
			return
		}
		canonical := filter.String()
		again, err := Parse(canonical)
		if err != nil {
			if strings.Contains(err.Error(), "more than") || strings.Contains(err.Error(), "longer than") {
				return // parentheses that the canonical form adds count too
			}
			t.Fatalf("%q has the canonical form %q: %v", text, canonical, err)
		}
		if again.String() != canonical || again.Match(r) != filter.Match(r) {
			t.Fatalf("%q is %q, which is %q", text, canonical, again)
		}
		condition := filter.Prefilter()
		if filter.Match(r) && !condition.Pass(r) {
			t.Fatalf("%q matches and its prefilter stops it", text)
		}
	})
}
