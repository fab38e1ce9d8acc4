package main

import (
	"bytes"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

func scriptCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: mkcapture FILE [LINK]")
	}
	b := sampleCapture()
	if len(args) == 2 {
		link, err := strconv.ParseUint(args[1], 10, 8)
		ts.Check(err)
		b[20] = byte(link)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

func scriptCut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cutfile FILE N")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()-n))
}

// sampleCapture is always the same.
func sampleCapture() []byte {
	var b bytes.Buffer
	w := pcapgo.NewWriterNanos(&b)
	if err := w.WriteFileHeader(65535, layers.LinkTypeRaw); err != nil {
		panic(err) // into memory
	}
	client, server := netip.MustParseAddrPort("10.0.0.5:51334"), netip.MustParseAddrPort("10.0.0.7:443")
	closed := netip.MustParseAddrPort("10.0.0.7:81")
	at := time.Date(2026, 11, 21, 15, 27, 4, 118_000_000, time.UTC)
	for _, s := range []testkit.Segment{
		{Src: client, Dst: server, Flags: reset.SYN, Seq: 999, Window: 64240, TTL: 63, IPID: 700, DF: true},
		{Src: server, Dst: client, Flags: reset.SYN | reset.ACK, Seq: 4999, Ack: 1000, Window: 65160, TTL: 64, DF: true},
		{Src: client, Dst: server, Flags: reset.ACK, Seq: 1000, Ack: 5000, Window: 502, TTL: 63, IPID: 701, DF: true},
		{Src: client, Dst: server, Flags: reset.ACK | reset.PSH, Seq: 1000, Ack: 5000, Window: 502, TTL: 63, IPID: 702, DF: true, Payload: []byte("GET / HTTP/1.1\r\n\r\n")},
		{Src: server, Dst: client, Flags: reset.RST | reset.ACK, Seq: 5000, Ack: 1018, Window: 509, TTL: 64, IPID: 9000, DF: true},
		{Src: client, Dst: closed, Flags: reset.SYN, Seq: 7000, Window: 64240, TTL: 63, IPID: 800, DF: true},
		{Src: closed, Dst: client, Flags: reset.RST | reset.ACK, Seq: 0, Ack: 7001, TTL: 64, DF: true},
	} {
		packet := s.Bytes()
		info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(packet), Length: len(packet)}
		if err := w.WritePacket(info, packet); err != nil {
			panic(err)
		}
		at = at.Add(250 * time.Microsecond)
	}
	return b.Bytes()
}

func TestReadArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a.pcap", "b"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name  string
		args  []string
		files int // -1: an error
	}{
		{"one file", []string{"a.pcap"}, 1},
		{"files and a filter", []string{"a.pcap", "b", "port", "443"}, 2},
		{"standard input", []string{"-", "port 443"}, 1},
		{"no file", nil, -1},
		{"a filter alone", []string{"port 443"}, -1},
		{"a file that is not there", []string{"c.pcap"}, -1},
		{"the second is not there", []string{"a.pcap", "c.pcap.gz"}, -1},
		{"what a capture does not know", []string{"a.pcap", "comm nginx"}, -1},
		{"no filter", []string{"a.pcap", "prot 1"}, -1},
	}
	for _, test := range tests {
		files, _, err := readArguments(newReadCommand(&app{}), test.args)
		if (err != nil) != (test.files < 0) || err == nil && len(files) != test.files {
			t.Errorf("%s: %d files, error %v", test.name, len(files), err)
		}
	}
}
