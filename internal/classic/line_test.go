package classic

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// unhex decodes hexadecimal digits with any spaces between them.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	rawOut = `4500 0028 0000 4000 4006 0000 0a00ba4b 0a00af6d
	          1ff6 2496 00000000 6821c882 5014 0000 0000 0000`
	rawOptions = `4f48 005c 0001 2000 3f06 0000 0a000001 0a000002
	          94040000 0101010101010101 0101010101010101 0101010101010101 0101010101010101 01010101
	          0050 ffff 00000001 00000002 8f3c 0200 0000 0007 0101080a 00000001 00000002`
	rawLater = `4500 0028 0001 0003 4006 0000 0a000001 0a000002 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000`
	rawShort = `4500 001c 0001 0000 4006 0000 0a000001 0a000002 1ff6 2496 0000 0000`
	rawV6    = `6ab 12345 002c 00 40 fd77000100000000000000000000000a 00000000000000000000000000000001
	          3c00 010400000000 2c00 010400000000 0600 0001 00abcdef 01bb c001 0000000a 00000000 5004 0000 0000 0000`
	rawV6Cut = `60000000 0004 06 40 fd77000100000000000000000000000a 00000000000000000000000000000001 01bb c001`
)

func sample(raw []byte) *reset.Reset {
	return &reset.Reset{
		Direction: reset.Out,
		Interface: reset.Interface{Out: "eth0"},
		Packet:    reset.Packet{Raw: raw},
	}
}

func TestAppendLine(t *testing.T) {
	all := Options{TCPSequence: true, TCPOptions: true, IPOptions: true, UID: true, MACDecode: true}
	ether := unhex(t, "525400aa01fe 525400aa02fe 0800")
	for _, tc := range []struct {
		name string
		raw  string
		edit func(*reset.Reset)
		o    Options
		want string
	}{
		{
			name: "the line of the classic log", raw: rawOut,
			o: Options{Prefix: "[drds] ", Level: 7, TCPSequence: true, TCPOptions: true, IPOptions: true},
			want: "[drds] IN= OUT=eth0 SRC=10.0.186.75 DST=10.0.175.109 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF " +
				"PROTO=TCP SPT=8182 DPT=9366 SEQ=0 ACK=1747044482 WINDOW=0 RES=0x00 ACK RST URGP=0 ",
		},
		{
			name: "nothing asked for", raw: rawOut,
			want: "IN= OUT=eth0 SRC=10.0.186.75 DST=10.0.175.109 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF " +
				"PROTO=TCP SPT=8182 DPT=9366 WINDOW=0 RES=0x00 ACK RST URGP=0 ",
		},
		{
			name: "everything", raw: rawOptions, o: all,
			edit: func(r *reset.Reset) {
				r.Direction = reset.In
				r.Interface = reset.Interface{In: "br0", PhysIn: "p0", PhysOut: ""}
				r.Packet.LinkHeader = ether
				r.Packet.Mark = reset.Some(uint32(0xbeef))
				r.Process = &reset.Process{UID: reset.Some(uint32(1000)), GID: reset.Some(uint32(100))}
			},
			want: "IN=br0 OUT= PHYSIN=p0 MACSRC=52:54:00:aa:02:fe MACDST=52:54:00:aa:01:fe MACPROTO=0800 " +
				"SRC=10.0.0.1 DST=10.0.0.2 LEN=92 TOS=0x08 PREC=0x40 TTL=63 ID=1 MF OPT (94040000" +
				strings.Repeat("01", 36) + ") PROTO=TCP SPT=80 DPT=65535 SEQ=1 ACK=2 WINDOW=512 RES=0x38 AE " +
				"URG ACK PSH RST URGP=7 OPT (0101080A0000000100000002) UID=1000 GID=100 MARK=0xbeef ",
		},
		{
			name: "reserved bits of an older kernel", raw: rawOptions, o: Options{BeforeAE: true},
			edit: func(r *reset.Reset) {
				r.Interface = reset.Interface{In: "eth0", Out: "eth1"}
				r.Packet.LinkHeader = ether
			},
			want: "IN=eth0 OUT=eth1 MAC=52:54:00:aa:01:fe:52:54:00:aa:02:fe:08:00 " +
				"SRC=10.0.0.1 DST=10.0.0.2 LEN=92 TOS=0x08 PREC=0x40 TTL=63 ID=1 MF " +
				"PROTO=TCP SPT=80 DPT=65535 WINDOW=512 RES=0x3c URG ACK PSH RST URGP=7 ",
		},
		{
			name: "later fragment", raw: rawLater, o: all,
			edit: func(r *reset.Reset) { r.Packet.Mark = reset.Some(uint32(1)) },
			want: "IN= OUT=eth0 SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 FRAG:3 PROTO=TCP MARK=0x1 ",
		},
		{
			name: "incomplete", raw: rawShort, o: all,
			edit: func(r *reset.Reset) { r.Packet.Mark = reset.Some(uint32(1)) },
			want: "IN= OUT=eth0 SRC=10.0.0.1 DST=10.0.0.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP INCOMPLETE [8 bytes] ",
		},
		{
			name: "IPv6 with extension headers", raw: rawV6, o: all,
			want: "IN= OUT=eth0 SRC=fd77:0001:0000:0000:0000:0000:0000:000a DST=0000:0000:0000:0000:0000:0000:0000:0001 " +
				"LEN=84 TC=171 HOPLIMIT=64 FLOWLBL=74565 OPT ( ) OPT ( ) OPT ( FRAG:0 INCOMPLETE ID:00abcdef ) " +
				"PROTO=TCP SPT=443 DPT=49153 SEQ=10 ACK=0 WINDOW=0 RES=0x00 RST URGP=0 ",
		},
		{
			name: "IPv6 without their options", raw: rawV6,
			want: "IN= OUT=eth0 SRC=fd77:0001:0000:0000:0000:0000:0000:000a DST=0000:0000:0000:0000:0000:0000:0000:0001 " +
				"LEN=84 TC=171 HOPLIMIT=64 FLOWLBL=74565 FRAG:0 INCOMPLETE ID:00abcdef " +
				"PROTO=TCP SPT=443 DPT=49153 WINDOW=0 RES=0x00 RST URGP=0 ",
		},
		{
			name: "IPv6 incomplete", raw: rawV6Cut,
			want: "IN= OUT=eth0 SRC=fd77:0001:0000:0000:0000:0000:0000:000a DST=0000:0000:0000:0000:0000:0000:0000:0001 " +
				"LEN=44 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=TCP INCOMPLETE [4 bytes] ",
		},
		{
			name: "fields only", o: all,
			edit: func(r *reset.Reset) {
				r.Src = reset.EndpointFrom(netip.MustParseAddr("192.0.2.1"), 80)
				r.Dst = reset.EndpointFrom(netip.MustParseAddr("192.0.2.2"), 81)
				r.Packet.Flags = reset.RST
				r.Packet.TTL = reset.Some(uint8(9))
			},
			want: "IN= OUT=eth0 SRC=192.0.2.1 DST=192.0.2.2 TTL=9 PROTO=TCP SPT=80 DPT=81 RST ",
		},
		{
			name: "device without a link header", raw: rawOut, o: all,
			edit: func(r *reset.Reset) { r.Interface = reset.Interface{In: "tun0"} },
			want: "IN=tun0 OUT= MAC= SRC=10.0.186.75 DST=10.0.175.109 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF " +
				"PROTO=TCP SPT=8182 DPT=9366 SEQ=0 ACK=1747044482 WINDOW=0 RES=0x00 ACK RST URGP=0 ",
		},
		{
			name: "hostile names", o: Options{Prefix: "a\nb\x1b[31m\xffß "},
			edit: func(r *reset.Reset) { r.Interface.Out = "e\x07" },
			want: `a\x0ab\x1b[31m\xffß IN= OUT=e\x07 PROTO=TCP `,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := sample(unhex(t, tc.raw))
			if tc.edit != nil {
				tc.edit(r)
			}
			if diff := cmp.Diff(tc.want, string(AppendLine(nil, r, tc.o))); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendLineStopsWhereTheKernelsBufferEnds(t *testing.T) {
	raw := unhex(t, "60000000 0808 3c 40 fd77000100000000000000000000000a 00000000000000000000000000000001")
	for range 256 {
		raw = append(raw, destOptions, 0, 1, 4, 0, 0, 0, 0)
	}
	raw = append(raw, 0, 0, 0, 0, 0, 0, 0, 0)
	line := AppendLine([]byte("head: "), sample(raw), Options{IPOptions: true})
	if got := len(line) - len("head: "); got != bufferSize {
		t.Errorf("%d bytes, want %d", got, bufferSize)
	}
}

func TestAppendLineDoesNotAllocate(t *testing.T) {
	r := sample(unhex(t, rawV6))
	r.Interface.In = "eth0"
	r.Packet.MACSrc, r.Packet.MACDst = make(reset.MAC, 6), make(reset.MAC, 6)
	b := make([]byte, 0, 2048)
	o := Options{Prefix: "[drds] ", TCPSequence: true, IPOptions: true}
	if n := testing.AllocsPerRun(100, func() { b = AppendLine(b[:0], r, o) }); n > 1 {
		t.Errorf("%v allocations a line", n)
	}
}

func TestCleanPrefix(t *testing.T) {
	for _, tc := range []struct{ name, prefix, want string }{
		{"plain", "[drds] ", "[drds] "},
		{"newline", "x\ny", `x\x0ay`},
		{"too long", strings.Repeat("a", 40), strings.Repeat("a", MaxPrefixIPTables)},
		{"not within a character", strings.Repeat("a", 28) + "ß", strings.Repeat("a", 28)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := CleanPrefix(tc.prefix, MaxPrefixIPTables); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAppendSyslogHead(t *testing.T) {
	at := time.Date(2026, 4, 6, 15, 27, 6, 1e6, time.UTC)
	got := string(AppendSyslogHead(AppendPriority(nil, Options{Level: 7}), at, "vb"))
	if want := "<7>Apr  6 15:27:06 vb kernel: "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkAppendLine(b *testing.B) {
	r := sample(unhex(b, rawOut))
	o := Options{Prefix: "[drds] ", TCPSequence: true, TCPOptions: true, IPOptions: true}
	line := make([]byte, 0, 2048)
	for b.Loop() {
		line = AppendLine(line[:0], r, o)
	}
}
