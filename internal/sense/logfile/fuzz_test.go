package logfile

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// seeds are the damaged files of testdata and some whole ones.
func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

// FuzzRead: whatever a file holds, reading it ends, its account balances, and no
// reset lacks what every line of LOG has.
func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := Look(StandardInput, bytes.NewReader(data))
		if err != nil || in.Capture {
			return
		}
		cfg := testConfig()
		cfg.Boot = reset.TimeOf(now.Add(-time.Hour))
		r := New(cfg, []*Input{in})
		told := uint64(0)
		if err := r.Run(context.Background(), func(found *Found) error {
			told++
			s := found.Sighting
			if !s.Src.IsValid() || !s.Dst.IsValid() || s.Packet.Flags&reset.RST == 0 || s.Hook == reset.HookNone || found.Line == 0 {
				t.Errorf("a reset of %+v", s)
			}
			if strings.ContainsAny(s.Host+s.Interface.In+s.Interface.Out, "\n\r\x1b\x00 ") {
				t.Errorf("names %q, %+v", s.Host, s.Interface)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n := r.Counts(); n.Resets != told || n.Lines > uint64(len(data))+1 {
			t.Errorf("%d resets, counts %+v", told, n)
		}
	})
}

// FuzzExport: journald's export format, whatever its lengths say.
func FuzzExport(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		e := exported{lines: newLines(bytes.NewReader(data))}
		var m message
		for n := 0; ; n++ {
			if err := e.next(&m); err != nil {
				return
			}
			if n > len(data) || len(m.line) > maxLine || len(m.head.host) > maxField {
				t.Fatalf("%d messages of %d bytes, the last of %d", n, len(data), len(m.line))
			}
		}
	})
}

// FuzzHead: a head is within its line, and its time is one.
func FuzzHead(f *testing.F) {
	for _, line := range []string{
		"Nov 23 07:59:35 vb kernel: x", "<4>1 2026-11-23T07:59:35.123456+01:00 vb kernel - - [a b=\"c\"] x", "[ 3600.500000] x",
		"6,1234,5678901,-,caller=T1;x", "Mon 2026-11-23 07:59:35 UTC vb kernel: x", "kern  :warn  : [1.2] x", "1795420775.123456 vb kernel: x",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		h := parseHead(line)
		if h.text < 0 || h.text > len(line) || len(h.host) > 255 {
			t.Errorf("%+v of %q", h, line)
		}
		at := times{zone: time.UTC, latest: now}
		if when := at.at(&h.stamp); when < 0 {
			t.Errorf("time %d of %q", when, line)
		}
	})
}

// FuzzUlog: ulogd's JSON.
func FuzzUlog(f *testing.F) {
	f.Add([]byte(`{"oob.time.sec": 1795599582, "ip.protocol": 6, "src_port": 81, "dest_port": 37780, "tcp.rst": 1, "oob.in": "", "oob.out": "lo", "src_ip": "127.0.0.1", "dest_ip": "127.0.0.1"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var s reset.Sighting
		if _, isReset, ok := ulog(line, &s); ok && isReset && (!s.Src.IsValid() || s.Packet.Flags&reset.RST == 0) {
			t.Errorf("%+v of %q", s, line)
		}
	})
}

// FuzzName: the name of a file.
func FuzzName(f *testing.F) {
	f.Add("a.log-20261124.1.gz")
	f.Add("kern-2026112410.log.zst")
	f.Add("a.log.3")
	f.Fuzz(func(t *testing.T, name string) {
		if r := parseName(name); r.number < 0 || r.part < 0 {
			t.Errorf("%+v of %q", r, name)
		}
	})
}
