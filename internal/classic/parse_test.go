package classic

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const whole = "IN= OUT=eth0 SRC=10.0.186.75 DST=10.0.175.109 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP " +
	"SPT=8182 DPT=9366 SEQ=0 ACK=1747027778 WINDOW=0 RES=0x00 ACK RST URGP=0 "

func endpoint(text string) reset.Endpoint {
	a := netip.MustParseAddrPort(text)
	return reset.EndpointFrom(a.Addr(), a.Port())
}

// compare tells endpoints apart by their text, as their fields are not ours.
var compare = cmp.Comparer(func(a, b reset.Endpoint) bool { return a == b })

func wholeSighting() reset.Sighting {
	return reset.Sighting{
		Source: reset.KLog, Hook: reset.HookLocalOut,
		Interface: reset.Interface{Out: "eth0"},
		Src:       endpoint("10.0.186.75:8182"), Dst: endpoint("10.0.175.109:9366"),
		Packet: reset.Packet{
			Family: reset.IPv4, Length: reset.Some(uint32(40)), TOS: reset.Some(uint8(0)),
			TTL: reset.Some(uint8(64)), IPID: reset.Some(uint16(0)), DF: reset.Some(true),
			Seq: reset.Some(uint32(0)), Ack: reset.Some(uint32(1747027778)),
			Window: reset.Some(uint16(0)), Reserved: reset.Some(uint8(0)),
			Flags: reset.RST | reset.ACK, Urgent: reset.Some(uint16(0)),
		},
	}
}

func TestParseLineHeads(t *testing.T) {
	for _, tc := range []struct{ name, head, prefix string }{
		{"bare", "", ""},
		{"prefix", "[drds] ", "[drds] "},
		{"syslog", "Apr 26 15:27:36 vb kernel: [drds] ", "[drds] "},
		{"syslog with printk's stamp", "Apr  6 15:27:36 vb kernel: [  679.718123] [drds] ", "[drds] "},
		{"ISO time", "2026-04-26T15:27:36.123456+02:00 vb kernel: x: ", "x: "},
		{"stamp only", "[12345.000001] [drds] ", "[drds] "},
		{"kmsg", "4,1234,5678901234,-;[drds] ", "[drds] "},
		{"kmsg with caller", "4,1234,5678901234,-,caller=T1;[drds] ", "[drds] "},
		{"priority", "<4>[    1.000001] [drds] ", "[drds] "},
		{"prefix of many brackets", "[a] [b] ", "[a] [b] "},
		{"prefix with a start in it", "IN= OUT=x ", "IN= OUT=x "},
		{"prefix with a plausible start", "IN= OUT=x SRC=1.2.3.4 ", "IN= OUT=x SRC=1.2.3.4 "},
		{"glued lines", "IN=lo OUT= MAC= SRC=1.2.3.4 DST=1", "IN=lo OUT= MAC= SRC=1.2.3.4 DST=1"},
		{"control characters", "a\x1b[2J", `a\x1b[2J`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got reset.Sighting
			prefix, err := ParseLine([]byte(tc.head+whole), &got)
			if err != nil {
				t.Fatal(err)
			}
			if prefix != tc.prefix {
				t.Errorf("prefix %q, want %q", prefix, tc.prefix)
			}
			if diff := cmp.Diff(wholeSighting(), got, compare); diff != "" {
				t.Errorf("sighting (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseLineEnds(t *testing.T) {
	for _, tc := range []struct{ name, line string }{
		{"space", whole},
		{"no space", strings.TrimSpace(whole)},
		{"newline", whole + "\n"},
		{"text behind it", whole + "Apr 26 15:27:38 vb kernel: usb 1-1: IN="},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got reset.Sighting
			if _, err := ParseLine([]byte(tc.line), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wholeSighting(), got, compare); diff != "" {
				t.Errorf("sighting (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseLineErrors(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       error
	}{
		{"empty", "", ErrNotLog},
		{"other message", "Apr 26 15:27:36 vb kernel: usb 1-1: new device", ErrNotLog},
		{"PHYSIN is no start", "PHYSIN=a OUT=b MAC= SRC=1.1.1.1", ErrTorn},
		{"no RST", strings.Replace(whole, "RST ", "", 1), ErrNotReset},
		{"UDP", "IN= OUT=lo SRC=1.1.1.1 DST=1.1.1.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=1 DPT=2 LEN=8 ", ErrNotReset},
		{"later fragment", "IN= OUT=lo SRC=1.1.1.1 DST=1.1.1.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 FRAG:3 PROTO=TCP MARK=0x1 ", ErrNotReset},
		{"header cut", "IN= OUT=lo SRC=1.1.1.1 DST=1.1.1.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP INCOMPLETE [8 bytes] ", ErrNotReset},
		{"families mixed", strings.Replace(whole, "10.0.175.109", "fd77::1", 1), ErrTorn},
		{"tag twice", strings.Replace(whole, "TTL=64 ", "TTL=64 TTL=64 ", 1), ErrTorn},
		{"number too large", strings.Replace(whole, "TTL=64 ", "TTL=256 ", 1), ErrTorn},
		{"odd options", strings.Replace(whole, "URGP=0 ", "URGP=0 OPT (010) ", 1), ErrTorn},
		{"options cut", strings.Replace(whole, "URGP=0 ", "URGP=0 OPT (0101", 1), ErrTorn},
		{"address with a zone", strings.Replace(whole, "10.0.186.75", "fe80::1%eth0", 1), ErrTorn},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got reset.Sighting
			_, err := ParseLine([]byte(tc.line), &got)
			if !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if diff := cmp.Diff(reset.Sighting{}, got, compare); diff != "" {
				t.Errorf("an error must leave the sighting alone (-want +got):\n%s", diff)
			}
		})
	}
}

// Every cut of a line before the end of its URGP= is torn or no line, never a
// reset with half a number in it.
func TestParseLineCutAnywhere(t *testing.T) {
	line := "[drds] " + whole
	end := strings.Index(line, "URGP=") + len("URGP=0")
	for n := range end {
		var s reset.Sighting
		_, err := ParseLine([]byte(line[:n]), &s)
		if err == nil {
			t.Errorf("cut at %d: %q was taken for a whole line", n, line[:n])
		}
	}
}

// A line written from a record and read again has the same fields.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawReset(t)
		o := Options{
			Prefix:      rapid.SampledFrom([]string{"", "[drds] ", "IN=", "x IN= OUT= SRC=1.1.1.1 ", "OUT"}).Draw(t, "prefix"),
			TCPSequence: true, TCPOptions: true, IPOptions: true, UID: true,
			MACDecode: rapid.Bool().Draw(t, "macdecode"),
			BeforeAE:  rapid.Bool().Draw(t, "before-ae"),
		}
		line := AppendLine(nil, r, o)
		var got reset.Sighting
		prefix, err := ParseLine(line, &got)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if prefix != o.Prefix && o.Prefix != "IN=" {
			t.Errorf("prefix %q, want %q", prefix, o.Prefix)
		}
		want := reset.Sighting{
			Source: reset.KLog, Hook: got.Hook, Interface: r.Interface,
			Src: r.Src, Dst: r.Dst, Packet: r.Packet, Process: r.Process,
		}
		if o.Prefix == "IN=" {
			want.Interface.In, got.Interface.In = "", ""
		}
		if diff := cmp.Diff(want, got, compare); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	})
}

// drawReset draws a record that knows every field that a line can say.
func drawReset(t *rapid.T) *reset.Reset {
	u8, u16, u32 := rapid.Uint8(), rapid.Uint16(), rapid.Uint32()
	v6 := rapid.Bool().Draw(t, "v6")
	ip := func(name string) netip.Addr {
		if v6 {
			a := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
			a[0] = 0xfd
			return netip.AddrFrom16(a)
		}
		return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, name)))
	}
	name := rapid.StringMatching(`[a-z][a-z0-9.@]{0,14}`)
	r := &reset.Reset{
		Src: reset.EndpointFrom(ip("src"), u16.Draw(t, "spt")),
		Dst: reset.EndpointFrom(ip("dst"), u16.Draw(t, "dpt")),
	}
	p := &r.Packet
	p.Family, p.Length, p.TTL = reset.IPv4, reset.Some(u32.Draw(t, "len")), reset.Some(u8.Draw(t, "ttl"))
	if v6 {
		p.Family = reset.IPv6
		p.TOS, p.FlowLabel = reset.Some(u8.Draw(t, "tc")), reset.Some(u32.Draw(t, "flow")&0xfffff)
	} else {
		p.TOS, p.IPID = reset.Some(u8.Draw(t, "tos")&0xfe), reset.Some(u16.Draw(t, "id"))
		p.DF = reset.Some(rapid.Bool().Draw(t, "df"))
		p.IPOptions = drawOptions(t, "ip options")
	}
	p.Seq, p.Ack = reset.Some(u32.Draw(t, "seq")), reset.Some(u32.Draw(t, "ack"))
	p.Window, p.Urgent = reset.Some(u16.Draw(t, "window")), reset.Some(u16.Draw(t, "urgent"))
	p.Reserved = reset.Some(u8.Draw(t, "reserved") & 15)
	p.Flags = reset.Flags(u8.Draw(t, "flags")) | reset.RST
	p.TCPOptions = drawOptions(t, "tcp options")
	if mark := u32.Draw(t, "mark"); mark != 0 {
		p.Mark = reset.Some(mark)
	}
	if rapid.Bool().Draw(t, "received") {
		r.Interface.In = name.Draw(t, "in")
		p.LinkHeader = rapid.SliceOfN(rapid.Byte(), 14, 14).Draw(t, "link")
		p.LinkHeader[12], p.LinkHeader[13] = byte(etherType(r)>>8), byte(etherType(r)&0xff)
		p.LinkHeader[0] |= 2
		p.MACDst, p.MACSrc = reset.MAC(p.LinkHeader[:6]), reset.MAC(p.LinkHeader[6:12])
	}
	if rapid.Bool().Draw(t, "sent") {
		r.Interface.Out = name.Draw(t, "out")
	}
	if rapid.Bool().Draw(t, "owner") {
		r.Process = &reset.Process{UID: reset.Some(u32.Draw(t, "uid")), GID: reset.Some(u32.Draw(t, "gid"))}
	}
	return r
}

func drawOptions(t *rapid.T, name string) reset.Hex {
	words := rapid.IntRange(0, 10).Draw(t, name+" words")
	if words == 0 {
		return nil
	}
	return rapid.SliceOfN(rapid.Byte(), words*4, words*4).Draw(t, name)
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte("Apr 26 15:27:36 vb kernel: [drds] " + whole))
	f.Add([]byte("IN=br0 OUT= PHYSIN=p0 MACSRC=52:54:00:aa:02:fe MACDST=52:54:00:aa:01:fe VPROTO=8100 VID=7 MACPROTO=0800 " + whole[13:]))
	f.Add([]byte("IN=a OUT=b MAC=00:11 SRC=fd77:0001:: DST=::1 LEN=84 TC=1 HOPLIMIT=64 FLOWLBL=7 OPT ( AH SPI=0x1 ) " +
		"OPT ( FRAG:0 INCOMPLETE ID:00abcdef ) PROTO=TCP SPT=1 DPT=2 WINDOW=0 RES=0x00 AE RST URGP=0 OPT (01) UID=1 GID=2 MARK=0xff"))
	f.Add([]byte("IN=IN=IN= OUT=OUT= MAC="))
	f.Fuzz(func(t *testing.T, line []byte) {
		var s reset.Sighting
		_, err := ParseLine(line, &s)
		if err != nil {
			if diff := cmp.Diff(reset.Sighting{}, s, compare); diff != "" {
				t.Fatalf("an error left a trace:\n%s", diff)
			}
			return
		}
		if s.Packet.Flags&reset.RST == 0 || !s.Src.IsValid() || s.Packet.Family == reset.FamilyNone {
			t.Fatalf("no reset: %+v", s)
		}
	})
}

// TestParseEmulated reads the lines of ulogd's LOGEMU, which lack a few things.
func TestParseEmulated(t *testing.T) {
	line := strings.Replace(strings.Replace(whole, "TOS=0x00", "TOS=00", 1), "RES=0x00 ", "", 1) + "MARK=0x0 "
	want := wholeSighting()
	want.Packet.Reserved, want.Packet.Mark = reset.Opt[uint8]{}, reset.Some(uint32(0))
	var got reset.Sighting
	if _, err := ParseLine([]byte("Nov 25 09:39:42 vm [drds]  "+line), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("sighting (-want +got):\n%s", diff)
	}
}
