package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/rstwatch/rstwatch/internal/flow"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

func background() context.Context { return context.Background() }

// TestFormats reads the same two packets from every kind of file.
func TestFormats(t *testing.T) {
	rst := segment(server, client, reset.RST|reset.ACK, 1000, 2000, "")
	data := segment(client, server, reset.ACK|reset.PSH, 1990, 1000, "0123456789")
	samples := []sample{{start, ethernet(data)}, {start + 5000, ethernet(rst)}}
	want := []result{{
		At: start + 5000, Frame: 2, Hook: reset.HookTransit, Src: "10.0.0.7:443", Dst: "10.0.0.5:51334",
		Seq: 1000, Ack: 2000, MAC: "02:77:00:00:00:01",
	}}
	named := []result{want[0]}
	named[0].In = "eth0"
	little, big := file{order: binary.LittleEndian, link: linkEthernet}, file{order: binary.BigEndian, link: linkEthernet}
	nano := file{order: binary.BigEndian, link: linkEthernet, nano: true}
	plain := little.pcap(samples...)
	tests := []struct {
		name string
		data []byte
		want []result
	}{
		{"pcap", plain, want},
		{"pcap of a big-endian machine", big.pcap(samples...), want},
		{"pcap with nanoseconds", nano.pcap(samples...), want},
		{"pcapng", little.pcapng(samples...), named},
		{"pcapng of a big-endian machine", big.pcapng(samples...), named},
		{"gzip", compressed(t, plain, true), want},
		{"zstd", compressed(t, plain, false), want},
		{"pcapng in zstd", compressed(t, big.pcapng(samples...), false), named},
		{"two gzip members", append(compressed(t, plain[:90], true), compressed(t, plain[90:], true)...), want},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, counts := readAll(t, Config{}, test.data)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("resets (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(Counts{Frames: 2, Resets: 1, Others: 1, Links: map[uint32]uint64{}}, counts); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

func compressed(t testing.TB, b []byte, asGzip bool) []byte {
	t.Helper()
	var out bytes.Buffer
	if asGzip {
		w := gzip.NewWriter(&out)
		w.Write(b)
		w.Close()
		return out.Bytes()
	}
	w, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// TestLinkTypes puts one RST behind every kind of link header.
func TestLinkTypes(t *testing.T) {
	rst := segment(server, client, reset.RST, 1000, 0, "")
	rst6 := segment(netip.MustParseAddrPort("[fd77::7]:443"), netip.MustParseAddrPort("[fd77::5]:51334"), reset.RST, 1000, 0, "")
	cooked := func(kind, protocol uint16) []byte {
		b := binary.BigEndian.AppendUint16(nil, kind)
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, 1), 6)
		return binary.BigEndian.AppendUint16(append(b, 2, 0x77, 0, 0, 0, 1, 0, 0), protocol)
	}
	cooked2 := func(kind byte, protocol uint16) []byte {
		b := append(binary.BigEndian.AppendUint16(nil, protocol), 0, 0, 0, 0, 0, 3, 0, 1, kind, 6)
		return append(b, 2, 0x77, 0, 0, 0, 1, 0, 0)
	}
	tests := []struct {
		name string
		link uint32
		data []byte
		vlan uint16
		mac  string
	}{
		{"Ethernet", linkEthernet, ethernet(rst), 0, "02:77:00:00:00:01"},
		{"Ethernet, IPv6", linkEthernet, ethernet(rst6), 0, "02:77:00:00:00:01"},
		{"one tag", linkEthernet, ethernet(rst, 42), 42, "02:77:00:00:00:01"},
		{"two tags", linkEthernet, ethernet(rst, 7, 42), 7, "02:77:00:00:00:01"},
		{"raw", linkRaw, rst, 0, ""},
		{"raw 12", linkRaw12, rst6, 0, ""},
		{"raw 14", linkRaw14, rst, 0, ""},
		{"IPv4", linkIPv4, rst, 0, ""},
		{"IPv6", linkIPv6, rst6, 0, ""},
		{"null", linkNull, append([]byte{2, 0, 0, 0}, rst...), 0, ""},
		{"null, IPv6 of another system", linkNull, append([]byte{0, 0, 0, 30}, rst6...), 0, ""},
		{"loop", linkLoop, append([]byte{0, 0, 0, 2}, rst...), 0, ""},
		{"cooked", linkCooked, append(cooked(0, etherIPv4), rst...), 0, "02:77:00:00:00:01"},
		{"cooked, tagged", linkCooked, append(cooked(4, 0x8100), append([]byte{0, 42, 8, 0}, rst...)...), 42, "02:77:00:00:00:01"},
		{"cooked v2", linkCooked2, append(cooked2(0, etherIPv6), rst6...), 0, "02:77:00:00:00:01"},
		{"cooked v2, tagged", linkCooked2, append(cooked2(4, 0x88a8), append([]byte{0, 42, 8, 0}, rst...)...), 42, "02:77:00:00:00:01"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := file{order: binary.LittleEndian, link: test.link}
			got, _ := readAll(t, Config{}, f.pcap(sample{start, test.data}))
			if len(got) != 1 || got[0].Seq != 1000 || got[0].VLAN != test.vlan || got[0].MAC != test.mac {
				t.Errorf("got %+v", got)
			}
			// No cut of the frame may be more than a missing reset.
			for n := range test.data {
				readAll(t, Config{}, f.pcap(sample{start, test.data[:n]}))
			}
		})
	}
}

func TestUnknownLinkType(t *testing.T) {
	f := file{order: binary.LittleEndian, link: 189}
	_, _, _, err := tryRead(Config{}, f.pcap(sample{start, []byte{1, 2, 3}}))
	if !errors.Is(err, ErrLink) || !strings.Contains(err.Error(), "189 (USB)") {
		t.Errorf("error %v does not name the link type", err)
	}
	// Beside a known one it is counted.
	rst := ethernet(segment(server, client, reset.RST, 1000, 0, ""))
	both := f.pcapng(sample{start, []byte{1, 2, 3}})
	both = append(both, file{order: binary.BigEndian, link: linkEthernet}.pcapng(sample{start, rst})...)
	got, counts := readAll(t, Config{}, both)
	if len(got) != 1 || counts.Links[189] != 1 {
		t.Errorf("got %+v, counts %+v", got, counts)
	}
}

// TestSeveralInterfaces has sections and interfaces with resolutions of their own.
func TestSeveralInterfaces(t *testing.T) {
	rst := func(seq uint32) []byte { return segment(server, client, reset.RST, seq, 0, "") }
	f := file{order: binary.LittleEndian, link: linkEthernet}
	raw := file{order: binary.LittleEndian, link: linkRaw}
	b := f.section()
	b = append(b, f.interfaceBlock("eth0", 6)...)
	b = append(b, raw.interfaceBlock("wg0", 0x80|30)...) // in units of 2^-30 s
	b = append(b, f.block(0xbad, []byte{1, 2, 3, 4})...)
	b = append(b, f.enhanced(0, start/1000, ethernet(rst(1)), 2)...)
	b = append(b, raw.enhanced(1, start/1e9<<30|1<<29, rst(2), 1)...)
	b = append(b, file{order: binary.BigEndian, link: linkRaw}.pcapng(sample{start + 1e9, rst(3)})...)
	got, _ := readAll(t, Config{}, b)
	want := []result{
		{At: start, Frame: 1, Seq: 1, Out: "eth0", MAC: "02:77:00:00:00:01"},
		{At: start/1e9*1e9 + 5e8, Frame: 2, Seq: 2, In: "wg0"},
		{At: start + 1e9, Frame: 3, Seq: 3, In: "eth0"},
	}
	for i := range want {
		want[i].Hook, want[i].Src, want[i].Dst = reset.HookTransit, "10.0.0.7:443", "10.0.0.5:51334"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resets (-want +got):\n%s", diff)
	}
}

// TestOldBlocks reads the packet blocks that say less.
func TestOldBlocks(t *testing.T) {
	rst := segment(server, client, reset.RST, 1000, 0, "")
	f := file{order: binary.LittleEndian, link: linkRaw}
	b := append(f.section(), f.interfaceBlock("eth0", 9)...)
	simple := f.block(blockSimple, append(f.order.AppendUint32(nil, uint32(len(rst))), rst...))
	stamp := uint64(start)
	old := f.order.AppendUint32(f.order.AppendUint32([]byte{0, 0, 0, 0}, uint32(stamp>>32)), uint32(stamp))
	old = f.order.AppendUint32(f.order.AppendUint32(old, uint32(len(rst))), uint32(len(rst)))
	got, _ := readAll(t, Config{}, append(append(b, simple...), f.block(blockObsolete, append(old, rst...))...))
	if len(got) != 2 || got[0].At != 0 || got[1].At != start {
		t.Errorf("got %+v", got)
	}
}

// TestTornAndDamaged holds what is read of files that are not whole.
func TestTornAndDamaged(t *testing.T) {
	rst := ethernet(segment(server, client, reset.RST, 1000, 0, ""))
	f := file{order: binary.LittleEndian, link: linkEthernet}
	pcap, pcapng := f.pcap(sample{start, rst}, sample{start + 2e6, rst}), f.pcapng(sample{start, rst}, sample{start + 2e6, rst})
	spoilt := bytes.Clone(pcap)
	binary.LittleEndian.PutUint32(spoilt[24+16+len(rst)+8:], 1<<30)
	zipped := compressed(t, pcap, true)
	tests := []struct {
		name   string
		data   []byte
		resets int
		why    string
	}{
		{"torn in a packet", pcap[:len(pcap)-5], 1, "ends in the middle of a packet"},
		{"torn in a header", pcap[:24+16+len(rst)+7], 1, "7 bytes at 94 are left over"},
		{"torn block", pcapng[:len(pcapng)-1], 1, "ends in the middle of a packet"},
		{"damaged length", spoilt, 1, "is damaged at byte 94"},
		{"torn gzip", zipped[:len(zipped)-12], 1, "cannot be read beyond"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, counts := readAll(t, Config{}, test.data)
			if len(got) < test.resets {
				t.Errorf("%d resets, want %d", len(got), test.resets)
			}
			if len(counts.Broken) != 1 || !strings.Contains(counts.Broken[0].Err.Error(), test.why) {
				t.Errorf("broken: %+v, want %q", counts.Broken, test.why)
			}
		})
	}
	for _, text := range []string{"", "abc", "%PDF-1.4", "\xd4\xc3\xb2\xa1 cut"} {
		var format *FormatError
		if _, _, _, err := tryRead(Config{}, []byte(text)); !errors.As(err, &format) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

// TestFilesInOrderOfTime reads files that overlap and files that follow.
func TestFilesInOrderOfTime(t *testing.T) {
	f := file{order: binary.LittleEndian, link: linkRaw}
	rst := func(i int64) sample {
		return sample{start + i*1e9, segment(server, client, reset.RST, uint32(i), 0, "")}
	}
	dir := t.TempDir()
	var names []string
	for i, data := range [][]byte{f.pcap(rst(7), rst(8)), f.pcap(rst(1), rst(3), rst(5)), f.pcap(rst(2), rst(4), rst(6)), f.pcap()} {
		name := filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	r, err := New(Config{}, names, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []uint32
	err = r.Run(background(), func(f *Found) error { got = append(got, f.Sighting.Packet.Seq.V); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint32{1, 2, 3, 4, 5, 6, 7, 8}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// TestIDsDiffer has resets that are alike down to their time, as a clock of
// microseconds gives them.
func TestIDsDiffer(t *testing.T) {
	f := file{order: binary.LittleEndian, link: linkRaw}
	reply := testkit.Segment{Src: server, Dst: client, Flags: reset.RST, Seq: 1000, DF: true}.Bytes()
	reply[4], reply[5] = 0, 0 // IP ID, as the kernel's replies have it
	one := sample{start, reply}
	_, ids, _, err := tryRead(Config{}, f.pcap(one, one, one))
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != 3 || ids[0] == ids[1] || ids[1] == ids[2] || ids[0] == ids[2] {
		t.Errorf("ids %v", ids)
	}
}

// TestClockSetBack has one packet from the future: those after it must still be
// judged by what follows.
func TestClockSetBack(t *testing.T) {
	f := file{order: binary.LittleEndian, link: linkRaw}
	data := func(seq uint32) []byte { return segment(server, client, reset.ACK, seq, 50, "0123456789") }
	b := f.pcap(
		sample{start + 1e17, data(900)},
		sample{start, segment(client, server, reset.SYN, 49, 0, "")}, sample{start + 1e6, segment(server, client, reset.SYN|reset.ACK, 999, 50, "")},
		sample{start + 2e6, data(1000)}, sample{start + 3e6, segment(server, client, reset.RST|reset.ACK, 1010, 50, "")}, sample{start + 9e6, data(1010)},
	)
	results, _, _, err := tryRead(Config{}, b)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 || !strings.Contains(results[0].Flow, "Spoke:true") {
		t.Errorf("got %+v", results)
	}
}

func TestVantage(t *testing.T) {
	f := file{order: binary.LittleEndian, link: linkRaw}
	b := f.pcap(sample{start, segment(server, client, reset.RST, 1, 0, "")}, sample{start, segment(client, server, reset.RST, 2, 0, "")})
	other := netip.MustParseAddr("10.9.9.9")
	for _, test := range []struct {
		vantage []netip.Addr
		want    []reset.Hook
	}{
		{nil, []reset.Hook{reset.HookTransit, reset.HookTransit}},
		{[]netip.Addr{server.Addr(), other}, []reset.Hook{reset.HookWireOut, reset.HookWireIn}},
		{[]netip.Addr{client.Addr()}, []reset.Hook{reset.HookWireIn, reset.HookWireOut}},
		{[]netip.Addr{other}, []reset.Hook{reset.HookTransit, reset.HookTransit}},
	} {
		got, _ := readAll(t, Config{Vantage: test.vantage}, b)
		if len(got) != 2 || got[0].Hook != test.want[0] || got[1].Hook != test.want[1] {
			t.Errorf("vantage %v: got %+v", test.vantage, got)
		}
	}
}

// TestStream reads a pipe that stays open: what it holds is handed on when
// nothing more comes.
func TestStream(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	f := file{order: binary.LittleEndian, link: linkRaw}
	b := f.pcap(sample{start, segment(server, client, reset.RST, 1, 0, "")}, sample{start + 1e6, segment(server, client, reset.RST, 2, 0, "")})
	idle := make(chan int, 1)
	var got []uint32
	cfg := Config{Flow: flow.Config{MaxFlows: 10, Ahead: 100 * time.Millisecond}, Idle: func() error { idle <- len(got); return nil }}
	r, err := New(cfg, []string{StandardInput}, from)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- r.Run(background(), func(f *Found) error { got = append(got, f.Sighting.Packet.Seq.V); return nil })
	}()
	if _, err := to.Write(b[:len(b)-20]); err != nil {
		t.Fatal(err)
	}
	if n := <-idle; n != 1 {
		t.Errorf("%d resets were handed on while the stream was silent, want 1", n)
	}
	to.Write(b[len(b)-20:])
	to.Close()
	if err := <-done; err != nil || len(got) != 2 {
		t.Errorf("%d resets, error %v", len(got), err)
	}
	// One that stays silent ends with the context.
	from, to, err = os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	ctx, cancel := context.WithCancel(background())
	cancel()
	if r, err = New(cfg, []string{StandardInput}, from); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(ctx, func(*Found) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}
