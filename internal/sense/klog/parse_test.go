package klog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// logLine is what the LOG target writes for a RST to a port.
func logLine(prefix, port string) string {
	return prefix + "IN= OUT=eth0 SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=443 DPT=" +
		port + " SEQ=7 ACK=0 WINDOW=0 RES=0x00 RST URGP=0 "
}

// harness is a sensor whose sightings are kept.
func harness(t testing.TB, cfg Config) (*Sensor, *[]reset.Sighting) {
	t.Helper()
	s, err := New(cfg, Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var got []reset.Sighting
	s.sink = func(batch []reset.Sighting) { got = append(got, batch...) }
	return s, &got
}

func ports(sightings []reset.Sighting) []uint16 {
	var list []uint16
	for _, s := range sightings {
		list = append(list, s.Dst.Port())
	}
	return list
}

func TestRecords(t *testing.T) {
	s, got := harness(t, DefaultConfig())
	k := kmsg{sensor: s}
	for _, raw := range []string{
		"4,10,5000000,-;" + logLine("[drds] ", "1") + "\n",
		"4,11,5000001,-,caller=T1;" + logLine("", "2") + "\n SUBSYSTEM=net\n",
		"12,12,5000002,-;" + logLine("[drds] ", "3") + "\n", // a process wrote it
		"4,15,5000003,-;" + logLine("[drds] ", "4") + "\n",  // 13 and 14 were overwritten
		"4,16,5000004,-;usb 1-1: new device\n",
		"4,17,5000005,-;" + logLine("[drds] ", "5")[:70] + "\n", // torn
		"no record at all",
	} {
		k.take([]byte(raw))
	}
	s.flush()
	if diff := cmp.Diff([]uint16{1, 2, 4}, ports(*got)); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Counts{Seen: 5, Lost: 2, Torn: 1}, s.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if first := (*got)[0]; first.Hook != reset.HookLocalOut || first.Source != reset.KLog || first.Time.IsZero() || first.MonoNS == 0 {
		t.Errorf("sighting %+v", first)
	}
}

func TestUnescape(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", "IN=eth0", "IN=eth0"},
		{"control and high bytes", `a\x0ab\xc3\xa4`, "a\nb\u00e4"},
		{"backslash", `\x5cx41`, `\x41`},
		{"cut", `a\x4`, `a\x4`},
		{"no digits", `\xzz`, `\xzz`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(classic.Unescape([]byte(tt.text))); got != tt.want {
				t.Errorf("Unescape(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestPrefix(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Prefix = "[drds]"
	s, got := harness(t, cfg)
	k := kmsg{sensor: s}
	for i, prefix := range []string{"[drds] ", "[other] ", ""} {
		k.take(append([]byte{'4', ',', byte('0' + i)}, ",5,-;"+logLine(prefix, "1")...))
	}
	s.flush()
	if counts := s.Counts(); len(*got) != 1 || counts.Seen != 3 || counts.Filtered != 2 {
		t.Errorf("%d told, counts %+v, want 1 told and 2 of 3 filtered", len(*got), counts)
	}
}

// TestDrift: the least delay is taken for the distance of the clocks, and an
// old one is forgotten.
func TestDrift(t *testing.T) {
	var d drift
	const second = int64(time.Second)
	// The log's clock is 100 s behind; reading takes 5 ms, then 1 ms, then 9 ms.
	if got := d.monotonic(10*second, 110*second+5e6); got != 110*second+5e6 {
		t.Errorf("first: %d", got)
	}
	if got := d.monotonic(11*second, 111*second+1e6); got != 111*second+1e6 {
		t.Errorf("less: %d", got)
	}
	if got := d.monotonic(12*second, 112*second+9e6); got != 112*second+1e6 {
		t.Errorf("more: %d, want the delay of 1 ms", got)
	}
	// The distance grows to 101 s; after two windows nothing of before counts.
	for i := range int64(5) {
		d.monotonic((100+61*i)*second, (201+61*i)*second)
	}
	if got := d.monotonic(600*second, 701*second); got != 701*second {
		t.Errorf("after the clock moved: %d, want %d", got, 701*second)
	}
}

func TestLineTime(t *testing.T) {
	now := clock.Pair{Wall: 5e9, Mono: 1e9}
	tests := []struct {
		name, line string
		want       reset.Sighting
	}{
		{"rsyslog's own format", "2026-11-23T07:40:12.123456+01:00 web1 kernel: x",
			reset.Sighting{Time: 1795416012123456000, MonoNS: now.MonoAt(1795416012123456000), Host: "web1"}},
		{"traditional", "Nov 23 07:40:12 web1 kernel: x", reset.Sighting{Time: 5e9, MonoNS: 1e9}},
		{"nothing", "", reset.Sighting{Time: 5e9, MonoNS: 1e9}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, lineTime([]byte(tt.line), now)); diff != "" {
				t.Errorf("time (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadJournal(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("__REALTIME_TIMESTAMP=1700000000000001\n_HOSTNAME=web1\nMESSAGE=" + logLine("[drds] ", "1") + "\n\n")
	b.WriteString("MESSAGE\n")
	text := logLine("[drds] ", "2")
	_ = binary.Write(&b, binary.LittleEndian, uint64(len(text)))
	b.WriteString(text + "\n_HOSTNAME=web1\n\n")
	b.WriteString("MESSAGE=" + strings.Repeat("x", 2*maxField) + "\n\n")
	b.WriteString("MESSAGE=" + logLine("", "3") + "\n") // the stream ends here
	s, got := harness(t, DefaultConfig())
	if err := s.readJournal(&b); err != nil {
		t.Fatal(err)
	}
	s.flush()
	if diff := cmp.Diff([]uint16{1, 2, 3}, ports(*got)); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if first := (*got)[0]; first.Time != 1700000000000001000 || first.Host != "web1" {
		t.Errorf("time %v, host %q", first.Time.Std(), first.Host)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte("4,10,5000000,-;" + logLine("[drds] ", "1") + "\n SUBSYSTEM=net\n"))
	f.Add([]byte("6,18446744073709551615,9007199254740993,-;x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, got := harness(t, DefaultConfig())
		k := kmsg{sensor: s}
		k.take(raw)
		k.take(raw)
		s.flush()
		if len(*got) > 2 {
			t.Errorf("%d sightings of 2 records", len(*got))
		}
	})
}

func FuzzField(f *testing.F) {
	f.Add([]byte("MESSAGE\n\x03\x00\x00\x00\x00\x00\x00\x00abc\n\nA=b\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(stream), 64)
		for range len(stream) + 1 {
			_, value, err := readField(in)
			if err != nil {
				return
			}
			if len(value) > len(stream) {
				t.Fatal("more bytes than there are")
			}
		}
		t.Error("the stream does not end")
	})
}
