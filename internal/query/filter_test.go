package query

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
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

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"eth0", "eth0", true},
		{"eth0", "eth01", false},
		{"eth*", "eth0", true},
		{"*", "", true},
		{"*", "x", true},
		{"?", "", false},
		{"?", "x", true},
		{"e*0", "eth0", true},
		{"e*0", "eth1", false},
		{"*a*b*c", "xaybzc", true},
		{"*a*b*c", "xaybz", false},
		{"a**b", "ab", true},
		{"", "", true},
		{"", "a", false},
		{"**", "a", true},
		{"a?c*", "abc", true},
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
