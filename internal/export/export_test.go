package export

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func sample() *reset.Reset {
	return &reset.Reset{
		ID: reset.ID{15: 1}, Revision: 2, Final: true, Time: reset.TimeOf(time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)), Host: "db7",
		Direction: reset.Out, Src: reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 3306), Dst: reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), 51334),
		Packet: reset.Packet{
			Family: reset.IPv4, Flags: reset.RST | reset.ACK, Seq: reset.Some[uint32](1000), Ack: reset.Some[uint32](2000),
			TTL: reset.Some[uint8](64), Window: reset.Some[uint16](501), IPID: reset.Some[uint16](7), DF: reset.Some(true), TOS: reset.Some[uint8](16),
			TCPOptions: []byte{1, 1, 1, 0},
		},
		Role: reset.Responder, Sender: reset.LocalApp, Cause: reset.UnreadData, Confidence: reset.Confidence{Sender: reset.Certain, Cause: reset.Certain},
		Harm: reset.LostData, Process: &reset.Process{PID: reset.Some[uint32](7), Comm: "=cmd\t\"x\",1"}, Summary: "mysqld reset, and said \"why\"\nno more",
	}
}

// TestCSV: one heading, a line a revision, and text that is nobody's formula.
func TestCSV(t *testing.T) {
	write := CSV()
	text := write(nil, &reset.Entry{Reset: sample()})
	text = write(text, &reset.Entry{Reset: sample()})
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 3 || len(rows[0]) != len(columns) {
		t.Fatalf("%d rows, %v\n%s", len(rows), err, text)
	}
	got := map[string]string{}
	for i, name := range rows[0] {
		got[name] = rows[1][i]
	}
	for name, want := range map[string]string{
		"time": "2026-03-04T05:06:07.000008000Z", "src": "10.0.0.7", "src_port": "3306", "seq": "1000", "sender": "local-app",
		"cause_confidence": "certain", "pid": "7", "comm": `'=cmd?"x",1`, "summary": `mysqld reset, and said "why"?no more`, "netns": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// TestZeek: the heading fits the lines, the originator is who opened, and no text
// makes a field or a line of its own.
func TestZeek(t *testing.T) {
	write := Zeek(time.Unix(0, 0).UTC())
	provisional := sample()
	provisional.Final = false
	text := string(write(write(nil, &reset.Entry{Reset: provisional}), &reset.Entry{Reset: sample()}))
	var fields, kinds, values []string
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case cells[0] == "#fields":
			fields = cells[1:]
		case cells[0] == "#types":
			kinds = cells[1:]
		case line[0] != '#':
			if values != nil {
				t.Errorf("a line too many: %q", line)
			}
			values = cells
		}
	}
	if len(fields) != len(kinds) || len(fields) != len(values) {
		t.Fatalf("%d fields, %d types, %d values\n%s", len(fields), len(kinds), len(values), text)
	}
	got := map[string]string{}
	for i, name := range fields {
		got[name] = values[i]
	}
	for name, want := range map[string]string{
		"ts": "1772600767.000008", "id.orig_h": "10.0.0.5", "id.orig_p": "51334", "id.resp_p": "3306", "is_orig": "F",
		"process": `=cmd\x09"x",1`, "summary": `mysqld reset, and said "why"\x0ano more`,
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// TestPCAPNG: another reader finds the packet, its time and its interface, of a
// record with its bytes and of one without.
func TestPCAPNG(t *testing.T) {
	write := PCAPNG("test")
	without, with := sample(), sample()
	with.Interface.Out, with.Netns.Name = "eth0", "db"
	with.Packet.Raw = rebuilt(with)
	with.Packet.Length = reset.Some(uint32(len(with.Packet.Raw)))
	with.Packet.LinkHeader = append(make([]byte, 12), 8, 0)
	provisional := sample()
	provisional.Final = false
	var file []byte
	for _, r := range []*reset.Reset{provisional, without, with} {
		file = write(file, &reset.Entry{Reset: r})
	}
	reader, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range []int{0, 14} {
		data, info, err := reader.ReadPacketData()
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if !info.Timestamp.Equal(sample().Time.Std()) || info.Length != len(data) || info.InterfaceIndex != i {
			t.Errorf("packet %d: %+v", i, info)
		}
		var p reset.Packet
		src, dst, err := packet.Decode(data[at:], &p)
		if err != nil || src != without.Src || dst != without.Dst || p.Seq.V != 1000 || p.Flags != without.Packet.Flags || p.TTL.V != 64 || p.TOS.V != 16 {
			t.Errorf("packet %d: %v > %v, %+v, %v", i, src, dst, p, err)
		}
	}
	if device, err := reader.Interface(1); err != nil || device.Name != "eth0" || device.Description != "network namespace db" {
		t.Errorf("interface %+v, %v", device, err)
	}
	if _, _, err := reader.ReadPacketData(); err == nil {
		t.Error("a packet too many")
	}
	if bytes.Count(file, []byte(reset.CommentMark)) != 2 || !bytes.Contains(file, []byte("sender local-app (certain), cause unread-data (certain), harm lost-data")) {
		t.Errorf("comments are missing:\n%q", file)
	}
}

// TestTunnelled: the Ethernet header of a tunnel does not say what is inside.
func TestTunnelled(t *testing.T) {
	r := sample()
	r.Packet.Raw = rebuilt(r)
	r.Packet.LinkHeader = binary.BigEndian.AppendUint16(make([]byte, 12), 0x8847)
	if data, _, link := packetOf(r); link != linkRaw || len(data) != len(r.Packet.Raw) {
		t.Errorf("%d bytes of link %d", len(data), link)
	}
	if data, _, _ := packetOf(&reset.Reset{}); data != nil {
		t.Errorf("a packet of nothing: % x", data)
	}
}
