package logfile

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// now is the present of the tests.
var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func testConfig() Config {
	return Config{Zone: time.UTC, Now: func() time.Time { return now }}
}

// logText is what the LOG target writes for a RST to a port.
func logText(port int) string {
	return fmt.Sprintf("IN=eth0 OUT= MAC=52:54:00:12:34:56:52:54:00:aa:bb:cc:08:00 SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 "+
		"TTL=64 ID=7 DF PROTO=TCP SPT=443 DPT=%d SEQ=9 ACK=0 WINDOW=0 RES=0x00 RST URGP=0 ", port)
}

// told is what the tests look at of a reset.
type told struct {
	Time string
	Host string
	Port uint16
	Line uint64
}

// result is what reading gave.
type result struct {
	Told   []told
	IDs    []reset.ID
	Counts Counts
	All    []reset.Sighting
}

// readInputs reads to the end.
func readInputs(t testing.TB, cfg Config, inputs ...*Input) (got result) {
	t.Helper()
	r := New(cfg, inputs)
	err := r.Run(context.Background(), func(f *Found) error {
		x := told{Host: f.Sighting.Host, Port: f.Sighting.Dst.Port(), Line: f.Line}
		if !f.Sighting.Time.IsZero() {
			x.Time = f.Sighting.Time.Std().Format(time.RFC3339Nano)
		}
		got.Told, got.IDs, got.All = append(got.Told, x), append(got.IDs, f.ID), append(got.All, *f.Sighting)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got.Counts = r.Counts()
	return got
}

// readText reads a stream.
func readText(t testing.TB, cfg Config, text string) result {
	t.Helper()
	in, err := Look(StandardInput, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return readInputs(t, cfg, in)
}

// readFiles reads files by their names.
func readFiles(t testing.TB, cfg Config, names ...string) result {
	t.Helper()
	var inputs []*Input
	for _, name := range names {
		in, err := Look(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, in)
	}
	return readInputs(t, cfg, inputs...)
}

// write makes a file that was written last at a time.
func write(t testing.TB, dir, name, text string, written time.Time) string {
	t.Helper()
	path := filepath.Join(dir, name)
	var b bytes.Buffer
	switch {
	case strings.HasSuffix(name, ".gz"):
		w := gzip.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
	case strings.HasSuffix(name, ".zst"):
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
		w.Close()
	default:
		b.WriteString(text)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, written, written); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestForms(t *testing.T) {
	boot := reset.TimeOf(time.Date(2026, 11, 25, 6, 0, 0, 0, time.UTC))
	one := logText(1)
	tests := []struct {
		name, line string
		want       told
	}{
		{"RFC 3164", "Nov 23 07:59:35 vb kernel: [drds] " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"a day of one digit", "Nov  3 07:59:35 vb kernel: " + one, told{"2026-11-03T07:59:35Z", "vb", 1, 1}},
		{"the kernel's stamp before the prefix", "Nov 23 07:59:35 vb kernel: [  679.718123] [drds] " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"no host", "Nov 23 07:59:35 kernel: " + one, told{"2026-11-23T07:59:35Z", "", 1, 1}},
		{"an IPv6 address for a host", "Nov 23 07:59:35 2001:db8::7 kernel: " + one, told{"2026-11-23T07:59:35Z", "2001:db8::7", 1, 1}},
		{"LOGEMU of ulogd", "Nov 23 07:59:35 vb [drds]  " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"LOGEMU with a prefix like a tag", "Nov 23 07:59:35 vb RST: " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"LOGEMU without a prefix", "Nov 23 07:59:35 vb " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"neither host nor tag", "Nov 23 07:59:35 [drds] " + one, told{"2026-11-23T07:59:35Z", "", 1, 1}},
		{"busybox", "Nov 23 07:59:35 vb kern.warn kernel: [1.2] " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"OpenWrt", "Mon Nov 23 07:59:35 2026 kern.warn kernel: [1.2] " + one, told{"2026-11-23T07:59:35Z", "", 1, 1}},
		{"with a priority", "<4>Nov 23 07:59:35 vb kernel: " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"journalctl -o short-precise", "Nov 23 07:59:35.123456 vb kernel: " + one, told{"2026-11-23T07:59:35.123456Z", "vb", 1, 1}},
		{"journalctl -o short-iso", "2026-11-23T07:59:35+0100 vb kernel: " + one, told{"2026-11-23T06:59:35Z", "vb", 1, 1}},
		{"journalctl -o short-full", "Mon 2026-11-23 07:59:35 UTC vb kernel: " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"journalctl -o short-unix", "1795420775.123456 vb kernel: " + one, told{"2026-11-23T07:59:35.123456Z", "vb", 1, 1}},
		{"journalctl -o short-monotonic", "[ 3600.500000] vb kernel: " + one, told{"2026-11-25T07:00:00.5Z", "vb", 1, 1}},
		{"rsyslog's ISO time", "2026-11-23T07:59:35.123456+01:00 vb kernel: [drds] " + one, told{"2026-11-23T06:59:35.123456Z", "vb", 1, 1}},
		{"ISO time in UTC", "2026-11-23T07:59:35Z vb kernel: " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"RFC 5424", "<4>1 2026-11-23T07:59:35.123456+01:00 vb kernel - - - [drds] " + one, told{"2026-11-23T06:59:35.123456Z", "vb", 1, 1}},
		{"RFC 5424 with structured data", `<4>1 2026-11-23T07:59:35Z vb kernel - - [a@1 b="x\"] y"][c d="e"] ` + "\ufeff[drds] " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"RFC 5424 without time and host", "<4>1 - - kernel - - - " + one, told{"", "", 1, 1}},
		{"dmesg", "[ 3600.500000] [drds] " + one, told{"2026-11-25T07:00:00.5Z", "", 1, 1}},
		{"dmesg -x", "kern  :warn  : [ 3600.500000] [drds] " + one, told{"2026-11-25T07:00:00.5Z", "", 1, 1}},
		{"dmesg --raw", "<4>[ 3600.500000] [drds] " + one, told{"2026-11-25T07:00:00.5Z", "", 1, 1}},
		{"dmesg -T", "[Wed Nov 25 07:00:00 2026] [drds] " + one, told{"2026-11-25T07:00:00Z", "", 1, 1}},
		{"dmesg --time-format iso", "2026-11-25T07:00:00,500000+00:00 [drds] " + one, told{"2026-11-25T07:00:00.5Z", "", 1, 1}},
		{"/dev/kmsg", "4,1234,3600500000,-,caller=T12;[drds] " + one, told{"2026-11-25T07:00:00.5Z", "", 1, 1}},
		{"/dev/kmsg with a control character", `4,1234,3600500000,-;\x1b[31m ` + one, told{"2026-11-25T07:00:00.5Z", "", 1, 1}},
		{"no head at all", "[drds] " + one, told{"", "", 1, 1}},
		{
			"journald's JSON", `{"__REALTIME_TIMESTAMP":"1795420775123456","_TRANSPORT":"kernel","_HOSTNAME":"vb","MESSAGE":"[drds] ` + one + `"}`,
			told{"2026-11-23T07:59:35.123456Z", "vb", 1, 1},
		},
		{"the end of the line is trimmed", "Nov 23 07:59:35 vb kernel: " + strings.TrimRight(one, " "), told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"a carriage return", "Nov 23 07:59:35 vb kernel: " + one + "\r", told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
		{"a block that was never written", strings.Repeat("\x00", 512) + "Nov 23 07:59:35 vb kernel: " + one, told{"2026-11-23T07:59:35Z", "vb", 1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Boot = boot
			got := readText(t, cfg, tt.line+"\n")
			if diff := cmp.Diff([]told{tt.want}, got.Told); diff != "" {
				t.Errorf("resets (-want +got):\n%s\n%+v", diff, got.Counts)
			}
			if got.Counts.Torn != 0 || got.Counts.Foreign != 0 {
				t.Errorf("counts %+v", got.Counts)
			}
		})
	}
}

// TestNotRead holds what is passed over, and how it is counted.
func TestNotRead(t *testing.T) {
	tests := []struct {
		name, text string
		want       Counts
	}{
		{"a line of another kind", "Nov 23 07:59:35 vb kernel: eth0: link up\n", Counts{Lines: 1}},
		{"a packet that is no reset", "Nov 23 07:59:35 vb kernel: " + strings.Replace(logText(1), "RST", "ACK", 1) + "\n", Counts{Lines: 1, Others: 1}},
		{"logger(1) in a file that names programs", "Nov 23 07:59:35 vb kernel: up\nNov 23 07:59:35 vb root: " + logText(1) + "\n", Counts{Lines: 2, Foreign: 1}},
		{"another program, with its number", "2026-11-23T07:59:35Z vb kernel: up\n2026-11-23T07:59:35Z vb evil[12]: " + logText(1) + "\n", Counts{Lines: 2, Foreign: 1}},
		{"RFC 5424 of another program", "<12>1 2026-11-23T07:59:35Z vb evil - - - " + logText(1) + "\n", Counts{Lines: 1, Foreign: 1}},
		{"a process wrote it to /dev/kmsg", "12,1234,5,-;" + logText(1) + "\n", Counts{Lines: 1, Foreign: 1}},
		{"a process wrote it, as dmesg --raw shows it", "<12>[ 1.5] " + logText(1) + "\n", Counts{Lines: 1, Foreign: 1}},
		{"journald's JSON of another program", `{"__REALTIME_TIMESTAMP":"1795420775123456","_TRANSPORT":"syslog","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"` + logText(1) + `"}` + "\n", Counts{Lines: 1, Foreign: 1}},
		{"cut short", "Nov 23 07:59:35 vb kernel: " + logText(1)[:150] + "\n", Counts{Lines: 1, Torn: 1}},
		{"the beginning is gone", "Nov 23 07:59:35 vb kernel: " + logText(1)[10:] + "\n", Counts{Lines: 1, Torn: 1}},
		{"JSON that is cut", `{"__REALTIME_TIMESTAMP":"1795420775123456","_TRANSPORT":"kernel","MESSAGE":"` + logText(1) + "\n", Counts{Lines: 1, Torn: 1}},
		{"a line without end", "Nov 23 07:59:35 vb kernel: up\n" + strings.Repeat("x", 300<<10) + logText(1) + "\n", Counts{Lines: 2, Long: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := readText(t, testConfig(), tt.text).Counts
			got.Torns, got.Dated = nil, nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMissed: what a log says is missing is counted.
func TestMissed(t *testing.T) {
	for _, tt := range []struct {
		line string
		want uint64
	}{
		{"systemd-journald[312]: Missed 42 kernel messages", 42},
		{"kernel: ** 57 printk messages dropped **", 57},
		{"kernel: [12.5] ** 57 printk messages dropped ** [12.4] [drds] x", 57},
		{"app[1]: 3 messages lost", 0},
		{"app[1]: kernel messages", 0},
		{"app[1]: Missed a kernel messages", 0},
		{"app[1]: Missed some of 5 kernel messages", 0},
		{"kernel: ** 99999999999999 printk messages dropped", 0},
	} {
		got := readText(t, testConfig(), "Nov 23 07:59:35 vb "+tt.line+"\n")
		if got.Counts.Missed != tt.want {
			t.Errorf("%q: %d, want %d", tt.line, got.Counts.Missed, tt.want)
		}
	}
	export := "__REALTIME_TIMESTAMP=1795420775123456\n_TRANSPORT=driver\nMESSAGE=Missed 5 kernel messages\n\n"
	if got := readText(t, testConfig(), export); got.Counts.Missed != 5 {
		t.Errorf("journald's export: %+v", got.Counts)
	}
}

// TestTornPlaces: what is not understood is named by file and line.
func TestTornPlaces(t *testing.T) {
	path := write(t, t.TempDir(), "a.log", "Nov 23 07:59:35 vb kernel: up\nNov 23 07:59:36 vb kernel: "+logText(1)[:100]+"\n", now)
	got := readFiles(t, testConfig(), path)
	want := []Place{{path, 2, "it breaks off before PREC=0x"}}
	if diff := cmp.Diff(want, got.Counts.Torns); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

// TestGlued: two messages on one line, where a newline was lost.
func TestGlued(t *testing.T) {
	first, second := "Nov 23 07:59:35 vb kernel: [drds] "+logText(1), "Nov 23 07:59:37 vb kernel: [drds] "+logText(2)
	iso := func(line string) string { return strings.Replace(line, "Nov 23 ", "2026-11-23T", 1) }
	zone := func(line string) string { return strings.Replace(line, " vb", "Z vb", 1) }
	one, two := told{"2026-11-23T07:59:35Z", "vb", 1, 1}, told{"2026-11-23T07:59:37Z", "vb", 2, 1}
	tests := []struct {
		name, line string
		want       []told
		torn       uint64
	}{
		{"both whole", first + second, []told{one, two}, 0},
		{"both whole, ISO times", zone(iso(first)) + zone(iso(second)), []told{one, two}, 0},
		{"the first is cut far behind", first[:200] + second, []told{two}, 1},
		{"the first is cut soon", first[:60] + second, []told{two}, 1},
		{"the second is cut", first + second[:90], []told{one}, 1},
		{"RFC 5424", "<4>1 2026-11-23T07:59:35Z vb kernel - - - " + logText(1) + "<4>1 2026-11-23T07:59:37Z vb kernel - - - " + logText(2), []told{one, two}, 0},
		{"another message within, without a head", first[:120] + logText(2), []told{{"2026-11-23T07:59:35Z", "vb", 2, 1}}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := readText(t, testConfig(), tt.line+"\n")
			if diff := cmp.Diff(tt.want, got.Told); diff != "" {
				t.Errorf("resets (-want +got):\n%s", diff)
			}
			if got.Counts.Torn != tt.torn {
				t.Errorf("%d torn, want %d: %+v", got.Counts.Torn, tt.torn, got.Counts.Torns)
			}
		})
	}
}

// TestRepeated: a line that stands for several, as rsyslog's reduction of repeated
// messages makes it.
func TestRepeated(t *testing.T) {
	line := "Nov 23 07:59:35 vb kernel: [drds] " + logText(1) + "\nNov 23 07:59:40 vb kernel: message repeated 3 times: [ [drds] " + logText(1) + "]\n"
	got := readText(t, testConfig(), line)
	ids := map[reset.ID]bool{}
	for _, id := range got.IDs {
		ids[id] = true
	}
	if len(got.Told) != 4 || len(ids) != 4 || got.Told[3].Time != "2026-11-23T07:59:40Z" {
		t.Errorf("%d resets with %d ids: %+v", len(got.Told), len(ids), got.Told)
	}
	got = readText(t, testConfig(), "Nov 23 07:59:40 vb kernel: message repeated 2000000000 times: [ "+logText(1)+"]\n")
	if len(got.Told) != maxRepeated || got.Counts.Torn != 1 {
		t.Errorf("%d resets, counts %+v", len(got.Told), got.Counts)
	}
}

// TestLargeLog: what is passed over at once changes nothing, over buffers, days
// and years.
func TestLargeLog(t *testing.T) {
	for _, form := range []string{time.Stamp, "2006-01-02T15:04:05Z"} {
		var text strings.Builder
		var want []told
		at := time.Date(2023, 2, 3, 0, 0, 0, 0, time.UTC)
		random := rand.New(rand.NewPCG(7, 7))
		for n := uint64(1); at.Before(now.Add(-time.Hour)); n++ {
			switch random.IntN(40) {
			case 0:
				at = at.Add(time.Duration(random.IntN(40*24)) * time.Hour)
			case 1:
				at = at.Add(time.Duration(random.IntN(36)) * time.Hour)
			default:
				at = at.Add(time.Duration(random.IntN(3)) * time.Second)
			}
			if at.After(now) {
				break
			}
			host := " vb systemd[1]: "
			if random.IntN(50) == 0 {
				port := random.IntN(60000)
				fmt.Fprintf(&text, "%s vb kernel: %s\n", at.Format(form), logText(port))
				want = append(want, told{at.Format(time.RFC3339Nano), "vb", uint16(port), n})
				continue
			}
			fmt.Fprintf(&text, "%s%s%s\n", at.Format(form), host, strings.Repeat("some words of a service, ", random.IntN(40)))
		}
		if text.Len() < 2*bufferSize {
			t.Fatalf("%d bytes only", text.Len())
		}
		got := readFiles(t, testConfig(), write(t, t.TempDir(), "a.log", text.String(), now))
		if diff := cmp.Diff(want, got.Told); diff != "" {
			t.Errorf("%s: resets (-want +got):\n%s", form, diff)
		}
		if lines := uint64(strings.Count(text.String(), "\n")); got.Counts.Lines != lines {
			t.Errorf("%s: %d lines, want %d", form, got.Counts.Lines, lines)
		}
	}
}

// TestNoNewlines: a file without any, as rsyslog's form for the network makes it.
func TestNoNewlines(t *testing.T) {
	var text strings.Builder
	const n = 200
	for i := range n {
		fmt.Fprintf(&text, "<4>2026-11-23T07:59:35.%06d+00:00 vb kernel: [drds] %s", i, logText(i))
	}
	got := readText(t, testConfig(), text.String())
	if len(got.Told) != n || got.Counts.Torn != 0 {
		t.Fatalf("%d resets, want %d: %+v", len(got.Told), n, got.Counts)
	}
	for i, x := range got.Told {
		if int(x.Port) != i || !strings.HasPrefix(x.Time, "2026-11-23T07:59:35") {
			t.Fatalf("reset %d is %+v", i, x)
		}
	}
}

// TestHostilePrefix: what a prefix contains forges no field. 127 bytes are what
// nftables allows.
func TestHostilePrefix(t *testing.T) {
	whole := "IN= OUT= SRC=:: DST=:: LEN=1 TC=0 HOPLIMIT=1 FLOWLBL=0 PROTO=TCP SPT=1 DPT=1 WINDOW=1 RES=0x0 RST URGP=0 "
	for _, prefix := range []string{
		"SRC=6.6.6.6 DST=6.6.6.6 ", "IN=evil OUT= SRC=6.6.6.6 ", "kernel: ", "vb kernel: ", "Jan  1 00:00:00 evil kernel: ",
		"[99999999.5] ", "<3>", "6,1,2,-;", "\x1b[2J", "{", `"tcp.rst": 1 `, "MAC= SRC=6.6.6.6 DST=7.7.7.7 LEN=40 ", whole,
		"Nov 23 07:59:35 evil kernel: IN=", "IN= OUT= SRC=6.6.6.6 Dec  1 00:00:00 evil kernel: ", "2027-01-01T00:00:00Z evil kernel: ", whole + "kernel: ",
	} {
		if len(prefix) > 127 {
			t.Fatalf("%q is longer than any prefix", prefix)
		}
		want := readText(t, testConfig(), "Nov 23 07:59:35 vb kernel: "+logText(1)+"\n")
		got := readText(t, testConfig(), "Nov 23 07:59:35 vb kernel: "+prefix+logText(1)+"\n")
		if diff := cmp.Diff(want.Told, got.Told); diff != "" {
			t.Errorf("%q (-want +got):\n%s", prefix, diff)
		}
		if len(got.All) == 1 && len(want.All) == 1 {
			if diff := cmp.Diff(want.All[0].Packet, got.All[0].Packet); diff != "" {
				t.Errorf("%q (-want +got):\n%s", prefix, diff)
			}
		}
	}
}
