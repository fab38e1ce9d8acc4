package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// LogResult is how fast a kernel log is read, beside grep on the same file.
// Both have one core, and what counts is the processor's time.
type LogResult struct {
	Log   string    `json:"log"`
	Lines int       `json:"lines"`
	Grep  []float64 `json:"grep_lines_per_second"`
	Read  []float64 `json:"read_lines_per_second"`
	Times float64   `json:"times"` // as long as grep, the median of the ratios within a round
}

// logKinds are the logs: of every so many lines one is a reset's.
var logKinds = []struct {
	name  string
	every int
}{{"a kernel log, each hundredth line a reset", 100}, {"the classic set-up's own, every line a reset", 1}}

// Logs reads logs with `grep -c` and with `rstwatch read`, which judges and
// prints every reset as JSON, in turn.
func (b *Bench) Logs() (results []LogResult, err error) {
	for _, kind := range logKinds {
		path := filepath.Join(b.dir, fmt.Sprintf("log-%d", kind.every))
		resets, err := writeLog(path, b.sizes.LogLines, kind.every)
		if err != nil {
			return nil, err
		}
		r := LogResult{Log: kind.name, Lines: b.sizes.LogLines}
		var ratios []float64
		for range b.sizes.LogRounds {
			b.calm()
			grep, err := b.reading(resets, "grep", "-c", " RST ", path)
			if err != nil {
				return nil, err
			}
			read, err := b.reading(resets, b.program, "read", "--output", "json", path)
			if err != nil {
				return nil, err
			}
			r.Grep, r.Read = append(r.Grep, float64(r.Lines)/grep.Seconds()), append(r.Read, float64(r.Lines)/read.Seconds())
			ratios = append(ratios, float64(read)/float64(grep))
		}
		r.Times = median(ratios)
		b.logf("%+v", r)
		results = append(results, r)
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// reading runs a program over a log and returns the time that it took of the
// processor. It must find the resets: grep prints their number, read a line for
// each.
func (b *Bench) reading(resets int, name string, args ...string) (time.Duration, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GOMAXPROCS=1", "TZ=UTC")
	out, err := os.Create(filepath.Join(b.dir, "read"))
	if err != nil {
		return 0, err
	}
	defer out.Close()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &said
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", name, err, said.Bytes())
	}
	found, err := foundIn(out.Name())
	if err != nil {
		return 0, err
	}
	if found != resets {
		return 0, fmt.Errorf("%s found %d of %d resets: %s", name, found, resets, said.Bytes())
	}
	state := cmd.ProcessState
	return state.UserTime() + state.SystemTime(), nil
}

// foundIn is a number alone, or how many lines there are.
func foundIn(path string) (n int, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(string(text), "%d\n", &n); err == nil && bytes.Count(text, []byte("\n")) == 1 {
		return n, nil
	}
	return bytes.Count(text, []byte("\n")), nil
}

// writeLog writes a log of the last hours and returns how many of its lines are
// resets.
func writeLog(path string, lines, every int) (resets int, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	at := time.Now().Add(-24 * time.Hour)
	for i := range lines {
		at = at.Add(10 * time.Millisecond)
		out.WriteString(at.UTC().Format(time.Stamp))
		if i%every != 0 {
			fmt.Fprintf(out, " db7 systemd[1]: Started session-%d.scope - Session %d of User root, and a few words more.\n", i, i)
			continue
		}
		resets++
		fmt.Fprintf(out, " db7 kernel: [drds] IN=eth0 OUT= MAC=52:54:00:12:34:56:52:54:00:aa:bb:cc:08:00 SRC=10.0.186.75 DST=10.0.175.%d LEN=40 TOS=0x00 "+
			"PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=8182 DPT=%d SEQ=0 ACK=%d WINDOW=0 RES=0x00 ACK RST URGP=0 \n", i%250, 1024+i%60000, uint32(i)*2654435761)
	}
	return resets, errors.Join(out.Flush(), f.Close())
}
