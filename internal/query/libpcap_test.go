package query

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// The tests of this file hold Match against libpcap itself: the same filter on
// the same packets, through tcpdump. What libpcap reads otherwise, and the
// reference names, is left out: the bytes of TCP headers in IPv6, the link
// layer's share of the length, and what follows vlan.

const (
	linkEthernet = 1 // LINKTYPE_ of the capture file
	linkRaw      = 101
)

// wirePacket is a packet and what the program makes of it.
type wirePacket struct {
	bytes []byte
	reset reset.Reset
}

func TestLibpcapAgrees(t *testing.T) {
	tcpdump := lookTcpdump(t)
	for _, link := range []struct {
		name string
		kind uint32
	}{{"without link layer", linkRaw}, {"Ethernet", linkEthernet}} {
		matches, filters := 0, 0
		t.Run(link.name, rapid.MakeCheck(func(t *rapid.T) {
			packets := make([]wirePacket, 20)
			for i := range packets {
				packets[i] = drawWirePacket(t, link.kind, 0)
			}
			for range 3 {
				text := writer{t: t, pcap: true, ethernet: link.kind == linkEthernet}.filter(2)
				filters++
				matches += compare(t, tcpdump, link.kind, text, packets)
			}
		}))
		t.Logf("%s: %d of %d packets matched %d filters", link.name, matches, filters*20, filters)
		if !t.Failed() && (matches < filters || matches > filters*19) {
			t.Errorf("%d matches by %d filters of 20 packets each prove little", matches, filters)
		}
	}
}

// TestLibpcapAgreesOnVLAN asks for the tag alone: what libpcap reads after vlan
// is further inside.
func TestLibpcapAgreesOnVLAN(t *testing.T) {
	tcpdump := lookTcpdump(t)
	rapid.Check(t, func(t *rapid.T) {
		packets := make([]wirePacket, 20)
		for i := range packets {
			packets[i] = drawWirePacket(t, linkEthernet, rapid.IntRange(0, 2).Draw(t, "tags"))
		}
		compare(t, tcpdump, linkEthernet, rapid.SampledFrom([]string{"vlan", "vlan 5", "vlan 0", "not vlan", "not vlan 6", "vlan 0x5", "(vlan 5)"}).Draw(t, "filter"), packets)
	})
}

// TestLibpcapAgreesOnErrors makes sure that we take nothing for a filter that
// libpcap reads otherwise: what both refuse.
func TestLibpcapAgreesOnErrors(t *testing.T) {
	tcpdump := lookTcpdump(t)
	for _, text := range []string{
		"192.0.2.1", "tcp host 192.0.2.1", "ip port 80", "ip host ::1", "ip6 host 192.0.2.1", "net 10.0.0.1/8", "host 10.0.0.0/8", "src 10.0.0.0/8",
		"port 80-90", "port 65536", "tcp or 80", "(port 80) or 443", "vlan 5 or 6", "less 50 or 90", "port 80 443", "host 192.0.2.1 and", "(ip", "ip)",
		"tcp[13] & 4", "tcp[13:3] = 1", "len / 0 = 1", "net 192.0.2.1 mask 255.255.255.0", "vlan 4096", "",
	} {
		_, err := Parse(text)
		_, pcapErr := runTcpdump(tcpdump, linkEthernet, text, nil)
		if (err == nil) != (pcapErr == nil) {
			t.Errorf("%q: error %v, libpcap has %v", text, err, pcapErr)
		}
	}
}

func lookTcpdump(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("tcpdump")
	if err == nil {
		return path
	}
	if os.Getenv("RSTWATCH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true" {
		t.Fatal("tcpdump, which this test must have, is not installed")
	}
	t.Skip("tcpdump is not installed")
	return ""
}

// compare returns how many packets match.
func compare(t *rapid.T, tcpdump string, link uint32, text string, packets []wirePacket) (matches int) {
	f, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := runTcpdump(tcpdump, link, text, packets)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for i := range packets {
		r := &packets[i].reset
		if r.Packet.Family == reset.IPv6 && strings.Contains(text, "tcp[") {
			continue
		}
		if got := f.Match(r); got != want[i] {
			t.Fatalf("%q (%s): %v, libpcap says %v, of %x\n%s", text, f, got, want[i], packets[i].bytes, describe(r))
		}
		if want[i] {
			matches++
		}
	}
	return matches
}

// runTcpdump returns the numbers of the packets that tcpdump lets through. Its
// optimiser is off: that of libpcap 1.10.3 makes
//
//	tcp[0:2] <= tcp[12] and (port 65535 or 80 and 80)
//
// false of packets for which it is true.
func runTcpdump(tcpdump string, link uint32, text string, packets []wirePacket) (map[int]bool, error) {
	arguments := []string{"-O", "-r", "-", "-w", "-", "-U"}
	if os.Geteuid() == 0 {
		arguments = append(arguments, "-Z", "root")
	}
	command := exec.Command(tcpdump, append(arguments, text)...)
	var out, complaint bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(captureFile(link, packets)), &out, &complaint
	if err := command.Run(); err != nil {
		if strings.Contains(complaint.String(), "expression rejects all packets") {
			return nil, nil
		}
		return nil, fmt.Errorf("tcpdump: %w: %s", err, complaint.String())
	}
	passed := map[int]bool{}
	for b := out.Bytes()[24:]; len(b) >= 16; b = b[16+binary.LittleEndian.Uint32(b[8:]):] {
		passed[int(binary.LittleEndian.Uint32(b))] = true
	}
	return passed, nil
}

// captureFile writes a pcap file. A packet's number is its time in seconds.
func captureFile(link uint32, packets []wirePacket) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	for _, v := range []uint32{2 | 4<<16, 0, 0, 65535, link} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for i := range packets {
		n := uint32(len(packets[i].bytes))
		for _, v := range []uint32{uint32(i), 0, n, n} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = append(b, packets[i].bytes...)
	}
	return b
}

func drawWirePacket(t *rapid.T, link uint32, tags int) wirePacket {
	raw := drawRaw(t)
	w := wirePacket{bytes: raw}
	if link == linkEthernet {
		header := []byte{2, 0, 0, 0, 0, byte(rapid.IntRange(1, 2).Draw(t, "mac")), 2, 0, 0, 0, 0, byte(rapid.IntRange(1, 2).Draw(t, "mac"))}
		for range tags {
			header = append(header, rapid.SampledFrom([]string{"\x81\x00", "\x88\xa8", "\x91\x00"}).Draw(t, "tag")...)
			header = append(header, byte(rapid.SampledFrom([]int{0, 0xe0}).Draw(t, "priority")), byte(rapid.SampledFrom([]int{0, 5, 6}).Draw(t, "vlan")))
		}
		header = append(header, map[byte]string{4: "\x08\x00", 6: "\x86\xdd"}[raw[0]>>4]...)
		packet.DecodeLink(header, &w.reset.Packet)
		w.bytes = slices.Concat(header, raw)
		if rapid.Bool().Draw(t, "padding") {
			w.bytes = append(w.bytes, make([]byte, max(0, 60-len(w.bytes)))...)
		}
		raw = w.bytes[len(header):]
	}
	var err error
	if w.reset.Src, w.reset.Dst, err = packet.Decode(raw, &w.reset.Packet); err != nil {
		t.Fatal(err)
	}
	return w
}

// drawRaw draws a RST from its IP header on.
func drawRaw(t *rapid.T) []byte {
	port := func() []byte {
		return binary.BigEndian.AppendUint16(nil, rapid.SampledFrom(portValues).Draw(t, "port"))
	}
	small := func(label string) []byte {
		return binary.BigEndian.AppendUint32(nil, rapid.SampledFrom([]uint32{0, 4, 64, 443, 0xffffffff, 3221225985}).Draw(t, label))
	}
	options := rapid.SampledFrom([]int{0, 0, 4, 12}).Draw(t, "tcp options")
	segment := bytes.Join([][]byte{
		port(), port(), small("seq"), small("ack"),
		{byte(5+options/4) << 4, 4 | rapid.Byte().Draw(t, "flags")},
		port(),
		{0, 0, 0, byte(rapid.IntRange(0, 1).Draw(t, "urgent"))},
		bytes.Repeat([]byte{1}, options),
		bytes.Repeat([]byte("x"), rapid.SampledFrom([]int{0, 0, 0, 5}).Draw(t, "payload")),
	}, nil)
	address := func(list []string) []byte {
		return netip.MustParseAddr(rapid.SampledFrom(list).Draw(t, "address")).AsSlice()
	}
	tos, ttl := rapid.Byte().Draw(t, "tos"), rapid.SampledFrom([]byte{4, 64, 255}).Draw(t, "ttl")
	if rapid.IntRange(0, 2).Draw(t, "six") == 0 {
		b := binary.BigEndian.AppendUint32(nil, 6<<28|uint32(tos)<<20|rapid.Uint32Range(0, 64).Draw(t, "label"))
		b = binary.BigEndian.AppendUint16(b, uint16(len(segment)))
		return bytes.Join([][]byte{b, {6, ttl}, address(addresses6), address(addresses6), segment}, nil)
	}
	options = rapid.SampledFrom([]int{0, 0, 4}).Draw(t, "ip options")
	b := binary.BigEndian.AppendUint16([]byte{byte(0x45 + options/4), tos}, uint16(20+options+len(segment)))
	return bytes.Join([][]byte{b, port(), {0x40, 0, ttl, 6, 0, 0}, address(addresses4), address(addresses4), bytes.Repeat([]byte{1}, options), segment}, nil)
}
