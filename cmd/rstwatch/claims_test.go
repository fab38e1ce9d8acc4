package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestReadClaims reads what the payloads of resets in a file say, and does not
// print the payloads.
func TestReadClaims(t *testing.T) {
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(65535, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	for i, payload := range []string{"", "\x33\xaa\x00\x01\x00\x00\x00\x00", "Go away"} {
		raw := testkit.Segment{
			Src: netip.MustParseAddrPort("10.0.0.7:443"), Dst: netip.MustParseAddrPort("10.0.0.5:51334"),
			Flags: reset.RST, Seq: 5000, TTL: 64, Payload: []byte(payload),
		}.Bytes()
		info := gopacket.CaptureInfo{Timestamp: time.Unix(int64(1000+i), 0), CaptureLength: len(raw), Length: len(raw)}
		if err := w.WritePacket(info, raw); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "claims.pcap")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, diagnostics bytes.Buffer
	if code := execute(t.Context(), []string{"read", "-o", "json", path}, bytes.NewReader(nil), &out, &diagnostics); code != 0 {
		t.Fatalf("exit status %d: %s", code, diagnostics.String())
	}
	var got []string
	for lines := json.NewDecoder(&out); lines.More(); {
		var line struct {
			Claim  string `json:"claim"`
			Packet struct {
				Payload  []byte `json:"payload"`
				Captured int    `json:"captured_length"`
			} `json:"packet"`
		}
		if err := lines.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if len(line.Packet.Payload) > 0 || line.Packet.Captured != 40 {
			t.Errorf("the payload was kept: %+v", line)
		}
		got = append(got, line.Claim)
	}
	want := []string{"", "diagnostic code 1: illegal option length", `text: "Go away"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}
