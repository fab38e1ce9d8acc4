package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// writeLog writes a log of n resets, some of them alike.
func writeLog(t *testing.T, path string, n int) {
	t.Helper()
	var b bytes.Buffer
	at := time.Date(2026, 11, 21, 15, 27, 4, 0, time.UTC)
	for i := range n {
		fmt.Fprintf(&b, "%s vb kernel: [drds] IN=eth0 OUT= MAC= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP "+
			"SPT=443 DPT=%d WINDOW=0 RES=0x00 RST URGP=0 \n", at.Add(time.Duration(i)*100*time.Millisecond).Format(time.Stamp), 1000+i%7)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// program runs this program as its users do.
func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Args[0] = "rstwatch"
	cmd.Env = append(os.Environ(), "TZ=UTC")
	return cmd
}

// importedIDs returns the ids of the resets in a journal.
func importedIDs(t *testing.T, dir string) map[reset.ID]int {
	t.Helper()
	ids := map[reset.ID]int{}
	reader, err := journal.NewReader(dir, journal.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for {
		entry, err := reader.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return ids
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry.Reset != nil {
			ids[entry.Reset.ID]++
		}
	}
}

// TestImportKilled kills the program half-way, several times: what is imported
// in the end is there once.
func TestImportKilled(t *testing.T) {
	const resets = 150_000
	log, dir := filepath.Join(t.TempDir(), "a.log"), filepath.Join(t.TempDir(), "journal")
	writeLog(t, log, resets)
	// Files with the append-only attribute could not be removed.
	config := filepath.Join(t.TempDir(), "rstwatch.toml")
	if err := os.WriteFile(config, []byte("[journal]\nappend_only = false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	size := func() (total int64) {
		names, _ := filepath.Glob(filepath.Join(dir, "*.journal*"))
		for _, name := range names {
			if info, err := os.Stat(name); err == nil {
				total += info.Size()
			}
		}
		return total
	}
	for range 3 {
		cmd := program("import", "--config", config, "--dir", dir, log)
		before := size()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(time.Minute)
		for size() < before+1<<20 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
	}
	part := len(importedIDs(t, dir))
	if part == 0 || part == resets {
		t.Fatalf("%d of %d resets were imported before the last run: nothing is shown", part, resets)
	}
	out, err := program("import", "--config", config, "--dir", dir, log).Output()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^150000 resets: (\d+) imported, (\d+) already there`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("summary %q", out)
	}
	if already, _ := strconv.Atoi(string(m[2])); already != part {
		t.Errorf("%d were already there, want %d", already, part)
	}
	ids := importedIDs(t, dir)
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	if len(ids) != resets {
		t.Errorf("%d resets in the journal, want %d", len(ids), resets)
	}
}

// TestImportLocked: who imports while the daemon writes is told what to do.
func TestImportLocked(t *testing.T) {
	log, config := filepath.Join(t.TempDir(), "a.log"), journal.DefaultConfig()
	writeLog(t, log, 1)
	config.Dir, config.AppendOnly = t.TempDir(), false
	writer, err := journal.Open(config, journal.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	var out, stderr bytes.Buffer
	status := execute(context.Background(), []string{"import", "--dir", config.Dir, log}, nil, &out, &stderr)
	if status != statusFailed || !bytes.Contains(stderr.Bytes(), []byte("hint: stop the daemon")) {
		t.Errorf("status %d: %s%s", status, out.String(), stderr.String())
	}
}

func TestProgressLine(t *testing.T) {
	for _, tt := range []struct {
		name         string
		bytes, total int64
		elapsed      time.Duration
		want         string
	}{
		{"half", 50 << 20, 100 << 20, 10 * time.Second, "read 50 MB, 7 lines: 50 %, 10s left"},
		{"a stream", 50 << 20, 0, 10 * time.Second, "read 50 MB, 7 lines"},
		{"more than there was", 101 << 20, 100 << 20, time.Second, "read 101 MB, 7 lines"},
		{"nothing yet", 0, 100 << 20, time.Second, "read 0 MB, 7 lines"},
	} {
		if got := progressLine(tt.bytes, tt.total, "7 lines", tt.elapsed); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
