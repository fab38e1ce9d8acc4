package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/klog"
)

// recorded keeps what a pipeline writes, as JSON without what differs between a
// live host and a file.
type recorded struct {
	mu   sync.Mutex
	list []string
}

func (r *recorded) Append(entries []reset.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		if e.Reset != nil && e.Reset.Revision == 1 {
			r.list = append(r.list, withoutPlace(*e.Reset))
		}
	}
	return nil
}

func (r *recorded) Flush() error { return nil }

func withoutPlace(r reset.Reset) string {
	r.ID, r.Host, r.BootID, r.Time, r.MonoNS = reset.ID{}, "", "", 0, reset.Opt[int64]{}
	r.Final, r.ProvisionalUntil = true, 0
	attribute.Complete(&r) // what the journal leaves to its readers
	return string(reset.AppendJSON(nil, &reset.Entry{Reset: &r}))
}

// logLines are lines of the LOG target with and without each of its options, in
// and out and forwarded, as a closed port and an application make them.
func logLines() (lines []string) {
	n := 0
	for _, way := range []string{"IN= OUT=eth0 ", "IN=eth0 OUT= MAC=52:54:00:12:34:56:52:54:00:aa:bb:cc:08:00 ", "IN=eth0 OUT=eth1 MAC=52:54:00:12:34:56:52:54:00:aa:bb:cc:08:00 "} {
		for _, address := range []string{
			"SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF ",
			"SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002 LEN=60 TC=0 HOPLIMIT=64 FLOWLBL=1 ",
		} {
			for _, numbers := range []string{"", "SEQ=0 ACK=7 ", "SEQ=99 ACK=7 "} {
				for _, flags := range []string{"ACK RST ", "RST "} {
					n++
					lines = append(lines, fmt.Sprintf("%s%sPROTO=TCP SPT=443 DPT=%d %sWINDOW=0 RES=0x00 %sURGP=0 ", way, address, 1000+n, numbers, flags))
				}
			}
		}
	}
	return lines
}

// TestReadAgreesWithLive: of a line, reading a file says what the live sensor
// says, the verdict and its evidence included.
func TestReadAgreesWithLive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := klog.DefaultConfig()
	cfg.Path, cfg.Poll = path, time.Millisecond
	sensor, err := klog.New(cfg, klog.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var live recorded
	line, err := daemon.NewPipeline(correlate.DefaultConfig(), daemon.Here(nil), &live, nil, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- sensor.Run(ctx, func() { close(ready) }, line.Add) }()
	<-ready
	var text bytes.Buffer
	for _, l := range logLines() {
		fmt.Fprintf(&text, "Nov 21 15:27:04 vb kernel: [drds] %s\n", l)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cancel() // what is written by then is still read
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	line.Drain()

	var out, stderr bytes.Buffer
	if status := execute(context.Background(), []string{"read", "-o", "json", path}, nil, &out, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	var read []string
	for l := range bytes.Lines(out.Bytes()) {
		e, err := reset.ParseJSON(bytes.TrimSpace(l))
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, withoutPlace(*e.Reset))
	}
	if len(read) != len(logLines()) {
		t.Errorf("%d resets of %d lines", len(read), len(logLines()))
	}
	if diff := cmp.Diff(live.list, read); diff != "" {
		t.Errorf("records (-live +read):\n%s", diff)
	}
}

// TestNothingFromNothing: a line without numbers gives no evidence of numbers,
// and nothing is certain.
func TestNothingFromNothing(t *testing.T) {
	var out, stderr bytes.Buffer
	var text bytes.Buffer
	for _, l := range logLines() {
		fmt.Fprintf(&text, "Nov 21 15:27:04 vb kernel: %s\n", l)
	}
	if status := execute(context.Background(), []string{"read", "-o", "json", "-"}, &text, &out, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	for l := range bytes.Lines(out.Bytes()) {
		e, err := reset.ParseJSON(bytes.TrimSpace(l))
		if err != nil {
			t.Fatal(err)
		}
		r := e.Reset
		if r.Confidence.Sender == reset.Certain || r.Confidence.Cause == reset.Certain {
			t.Errorf("certain, from a line: %s", l)
		}
		if !r.Packet.Seq.OK && (r.PacketID != 0 || r.Pkt != 0 || bytes.Contains(l, []byte("SEQ"))) {
			t.Errorf("numbers that the line does not have: %s", l)
		}
		if r.Process != nil || r.Connection != nil || r.Trigger != nil || r.Netns != (reset.Netns{}) {
			t.Errorf("what no line says: %s", l)
		}
	}
}
