package daemon

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/claim"
	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// bearing is a captured RST with a payload, of which captured bytes were taken.
func bearing(t *testing.T, payload string, captured int, padding string) reset.Packet {
	t.Helper()
	raw := make([]byte, 40, 40+len(payload)+len(padding))
	raw[0], raw[8], raw[9] = 0x45, 64, 6
	binary.BigEndian.PutUint16(raw[2:], uint16(40+len(payload)))
	raw[32], raw[33] = 0x50, byte(reset.RST)
	raw = append(append(raw, payload[:captured]...), padding...)
	p := reset.Packet{Raw: raw, Payload: raw[40:]}
	if _, _, err := packet.Decode(raw, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestClaims(t *testing.T) {
	const diagnostic = "\x33\xaa\x00\x01\x00\x00\x00\x00"
	for _, tt := range []struct {
		name              string
		payload           string
		captured          int
		padding           string
		keep              bool
		claim             string
		kind              claim.Kind
		length, remaining int // of Raw
	}{
		{"a code", diagnostic, 8, "", false, "diagnostic code 1: illegal option length", claim.Diagnostic, 48, 40},
		{"a code that is kept", diagnostic, 8, "", true, "diagnostic code 1: illegal option length", claim.Diagnostic, 48, 48},
		{"text", "go away", 7, "", false, `text: "go away"`, claim.Text, 47, 40},
		{"not captured", diagnostic, 0, "", false, "", claim.Cut, 40, 40},
		{"captured in part", diagnostic, 4, "", false, "", claim.Cut, 44, 40},
		{"none", "", 0, "", false, "", claim.None, 40, 40},
		{"padding of the link layer", "", 0, "\x00\x00\x00\x00\x00\x00", false, "", claim.None, 46, 40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &claims{keep: tt.keep}
			r := reset.Reset{Revision: 1, Packet: bearing(t, tt.payload, tt.captured, tt.padding)}
			c.Enrich(&r, nil)
			if r.Claim != tt.claim || len(r.Packet.Raw) != tt.remaining {
				t.Errorf("claim %q, %d bytes remain; want %q, %d", r.Claim, len(r.Packet.Raw), tt.claim, tt.remaining)
			}
			if got := r.Packet.Captured.V; int(got) != tt.remaining {
				t.Errorf("captured_length %d, want %d", got, tt.remaining)
			}
			if kept := len(r.Packet.Payload) > 0; tt.captured > 0 && kept != tt.keep {
				t.Errorf("payload kept: %v", kept)
			}
			want := map[string]uint64{}
			if tt.kind != claim.None {
				want[tt.kind.String()] = 1
			}
			again := r
			again.Revision = 2
			c.Enrich(&again, nil)
			if diff := cmp.Diff(want, c.kinds()); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if again.Claim != tt.claim {
				t.Errorf("claim of the last revision: %q", again.Claim)
			}
		})
	}
}

// TestEnrichmentFindsUs: the holder of a socket that only its number names is
// this process, and its record bears that at the latest when it is asked again,
// beside what the kernel said of it.
func TestEnrichmentFindsUs(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var stat syscall.Stat_t
	if err := syscall.Fstat(int(file.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Enrich.RuntimeSockets, cfg.Enrich.Rules = nil, false
	e, err := newEnrichment(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { e.run(ctx); close(done) }()
	defer func() { stop(); <-done }()
	known := &reset.Process{
		By:   &reset.Process{Comm: "ss", PID: reset.Some[uint32](3882)},
		Exit: &reset.Exit{Signal: "SIGKILL"},
	}
	r := reset.Reset{Revision: 1, Direction: reset.In, Process: known}
	for deadline := time.Now().Add(30 * time.Second); !r.Process.PID.OK; {
		for _, part := range e.enrichers() {
			part.Enrich(&r, &reset.Context{Inode: stat.Ino})
		}
		if time.Now().After(deadline) {
			t.Fatalf("not found: %+v", e.status())
		}
		time.Sleep(time.Millisecond)
	}
	if got, want := fmt.Sprint(r.Process.PID.V), fmt.Sprint(os.Getpid()); got != want {
		t.Errorf("process %s, want %s", got, want)
	}
	if diff := cmp.Diff(known, &reset.Process{By: r.Process.By, Exit: r.Process.Exit}); diff != "" || r.Process.By == known.By || r.Process.Exit == known.Exit {
		t.Errorf("what was known of the owner before (-want +got):\n%s", diff)
	}
	if s := e.status(); s.Lookups["owner"].Found != 1 {
		t.Errorf("status %+v", s)
	}
}

// TestEnrichmentLeavesOut what the settings do not want.
func TestEnrichmentLeavesOut(t *testing.T) {
	cfg := config.Default()
	cfg.Enrich = config.Enrich{}
	e, err := newEnrichment(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if list := append(e.early(), e.enrichers()...); len(list) != 0 {
		t.Errorf("%d parts", len(list))
	}
	e.run(t.Context())
	if diff := cmp.Diff(&EnrichStatus{Lookups: map[string]LookupStatus{}}, e.status()); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}
