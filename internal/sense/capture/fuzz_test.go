package capture

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/flow"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// FuzzRead reads anything: it must end, and every packet be accounted for.
func FuzzRead(f *testing.F) {
	rst := segment(server, client, reset.RST|reset.ACK, 1000, 2000, "")
	data := segment(client, server, reset.ACK|reset.PSH, 1990, 1000, "0123456789")
	samples := []sample{{start, ethernet(data)}, {start + 5000, ethernet(rst, 7)}, {start + 6000, ethernet(rst[:30])}}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		as := file{order: order, link: linkEthernet}
		f.Add(as.pcap(samples...))
		f.Add(as.pcapng(samples...))
		f.Add(compressed(f, as.pcap(samples...), true))
		f.Add(compressed(f, as.pcapng(samples...), false))
	}
	for _, link := range []uint32{linkNull, linkRaw, linkCooked, linkCooked2} {
		f.Add(file{order: binary.LittleEndian, link: link}.pcap(sample{start, append(make([]byte, 4), rst...)}, sample{start, rst}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		results, _, counts, err := tryRead(Config{KeepPayload: true, Flow: flow.Config{MaxFlows: 8, Ahead: 2e9}}, b)
		if err != nil && !errors.Is(err, ErrLink) {
			return
		}
		sum := counts.Resets + counts.Copies + counts.Others + counts.Foreign + counts.Short + counts.Damaged + counts.Fragments
		for _, n := range counts.Links {
			sum += n
		}
		if sum != counts.Frames || uint64(len(results)) != counts.Resets {
			t.Errorf("the account does not balance: %d results, %+v", len(results), counts)
		}
	})
}

// TestSplitting cuts a capture into files, sections and compressed pieces: the
// resets, their ids and what is said of them stay the same.
func TestSplitting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := file{order: rapid.SampledFrom([]binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}).Draw(t, "order"), link: linkEthernet, nano: true, plain: true}
		var samples []sample
		at := start
		for range rapid.IntRange(1, 40).Draw(t, "packets") {
			at += rapid.Int64Range(1, 1e9).Draw(t, "pause")
			samples = append(samples, sample{at, ethernet(anySegment(t))})
		}
		whole, ids, _, err := tryRead(Config{}, f.pcap(samples...))
		if err != nil {
			t.Fatal(err)
		}
		var pieces [][]byte
		var section []byte
		for rest := samples; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			switch rapid.SampledFrom([]string{"file", "section", "pcapng"}).Draw(t, "kind") {
			case "file":
				pieces = append(pieces, f.pcap(rest[:n]...))
			case "pcapng":
				pieces = append(pieces, f.pcapng(rest[:n]...))
			default:
				section = append(section, f.pcapng(rest[:n]...)...)
			}
			rest = rest[n:]
		}
		if len(section) > 0 {
			pieces = append(pieces, section)
		}
		split, splitIDs, _, err := tryRead(Config{}, pieces...)
		if err != nil {
			t.Fatal(err)
		}
		// The number within the file, and the name of the interface, are the file's.
		for _, list := range [][]result{whole, split} {
			for i := range list {
				list[i].Frame, list[i].In = 0, ""
			}
		}
		if diff := cmp.Diff(whole, split); diff != "" {
			t.Errorf("resets of a capture that was split (-whole +split):\n%s", diff)
		}
		if diff := cmp.Diff(ids, splitIDs); diff != "" {
			t.Errorf("ids of a capture that was split (-whole +split):\n%s", diff)
		}
	})
}

// anySegment is a packet of one of few connections.
func anySegment(t *rapid.T) []byte {
	src, dst := client, server
	if rapid.Bool().Draw(t, "answer") {
		src, dst = dst, src
	}
	flags := rapid.SampledFrom([]reset.Flags{reset.SYN, reset.SYN | reset.ACK, reset.ACK, reset.ACK | reset.FIN, reset.RST, reset.RST | reset.ACK}).Draw(t, "flags")
	seq, ack := rapid.Uint32Range(1000, 1003).Draw(t, "seq"), rapid.Uint32Range(1000, 1003).Draw(t, "ack")
	payload := ""
	if flags == reset.ACK && rapid.Bool().Draw(t, "data") {
		payload = "x"
	}
	return segment(src, dst, flags, seq, ack, payload)
}
