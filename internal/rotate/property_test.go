package rotate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// power is a switch that a drawn step turns off.
type power struct {
	mu   sync.Mutex
	left int // steps until the crash; below zero there is none
}

func (p *power) crash(string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left < 0 {
		return false
	}
	p.left--
	return p.left < 0
}

func (p *power) in(steps int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = steps
}

// world is the model: what has been acknowledged, and what may be there too.
type world struct {
	t     *rapid.T
	cfg   Config
	clock *clock
	power *power
	w     *Writer
	next  int
	acked []string
	maybe map[string]bool // written by a call that did not return nil
}

func (m *world) open() {
	m.power.in(-1)
	w, err := Open(m.cfg)
	if err != nil {
		m.t.Fatalf("open: %v", err)
	}
	m.w = w
}

// did takes a call's answer; after a crash the log is opened again, as the
// next process would.
func (m *world) did(err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, errCrash), errors.Is(err, ErrClosed):
		m.reborn()
	default:
		m.t.Fatalf("unexpected: %v", err)
	}
	return false
}

func (m *world) reborn() {
	_ = m.w.Close()
	<-m.w.finished
	<-m.w.keeper.done
	m.open()
}

func (m *world) write(t *rapid.T) {
	var batch []string
	for range rapid.IntRange(1, 4).Draw(t, "lines") {
		m.next++
		batch = append(batch, fmt.Sprintf("%06d%s", m.next, strings.Repeat("x", m.next%40)))
	}
	_, err := m.w.Write([]byte(strings.Join(batch, "\n") + "\n"))
	if m.did(err) {
		m.acked = append(m.acked, batch...)
		return
	}
	for _, line := range batch {
		m.maybe[line] = true
	}
}

func (m *world) check(*rapid.T) {
	// The keeper works beside us: read until two reads agree.
	text := ""
	for again := "-"; text != again; {
		again, text = text, readAll(m.cfg.Path)
	}
	i := 0
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line <= last {
			m.t.Fatalf("%q after %q", line, last)
		}
		last = line
		switch {
		case i < len(m.acked) && line == m.acked[i]:
			i++
		case !m.maybe[line]:
			m.t.Fatalf("line %q is none that was written whole", line)
		}
	}
	if i != len(m.acked) {
		m.t.Fatalf("%d of %d acknowledged lines are there; missing %q", i, len(m.acked), m.acked[i])
	}
}

// readAll reads like content, but a file may vanish between the two looks.
func readAll(path string) string {
	for {
		files, err := Files(path, "")
		if err != nil {
			return err.Error()
		}
		var all strings.Builder
		for _, file := range files {
			err = errors.Join(err, readInto(&all, file))
		}
		if err == nil {
			return all.String()
		}
	}
}

func readInto(all *strings.Builder, file string) error {
	r, err := OpenFile(file)
	if err != nil {
		return err
	}
	defer r.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := r.Read(buffer)
		all.Write(buffer[:n])
		if err != nil {
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
	}
}

// TestLinesExactlyOnce draws writes, rotations, crashes at any step, clock
// steps and an outside logrotate: every acknowledged line is in the files
// exactly once, in order, and nothing else but whole lines is.
func TestLinesExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "rotate")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &world{t: t, clock: newClock(), power: &power{left: -1}, maybe: make(map[string]bool)}
		m.cfg = DefaultConfig(filepath.Join(dir, "x.log"))
		m.cfg.AppendOnly, m.cfg.Now, m.cfg.crash, m.cfg.Keep = false, m.clock.Now, m.power.crash, 0
		m.cfg.MaxBytes = rapid.SampledFrom([]int64{0, 60, 400}).Draw(t, "max bytes")
		m.cfg.Compress = rapid.SampledFrom([]string{CompressNone, CompressGzip, CompressZstd}).Draw(t, "compress")
		m.open()
		defer func() { _ = m.w.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"":       m.check,
			"write":  m.write,
			"more":   m.write,
			"rotate": func(*rapid.T) { m.did(m.w.Rotate()) },
			"timer":  func(*rapid.T) { m.did(m.w.RotateIfDue()) },
			"SIGHUP": func(*rapid.T) { m.did(m.w.Reopen()) },
			"clock": func(t *rapid.T) {
				m.clock.add(time.Duration(rapid.IntRange(-30, 50).Draw(t, "hours")) * time.Hour)
			},
			"kill": func(*rapid.T) { m.reborn() },
			"crash soon": func(t *rapid.T) {
				m.power.in(rapid.IntRange(0, 8).Draw(t, "steps"))
			},
			"moved away": func(t *rapid.T) { // and back among the archives, as the oldest of its day
				if rapid.IntRange(0, 5).Draw(t, "rarely") > 0 {
					t.Skip("not now")
				}
				m.moveAway()
			},
		})
	})
}

// moveAway is an outside logrotate in its own time: it renames the live file
// and sends SIGHUP. What it took counts as kept, by it.
func (m *world) moveAway() {
	if err := os.Rename(m.cfg.Path, m.cfg.Path+".outside"); err != nil {
		m.t.Fatal(err)
	}
	m.did(m.w.Reopen())
	taken, err := os.ReadFile(m.cfg.Path + ".outside")
	if err != nil {
		m.t.Fatal(err)
	}
	m.forget(string(taken))
}

func (m *world) forget(taken string) {
	gone := make(map[string]bool)
	for line := range strings.Lines(taken) {
		gone[strings.TrimSuffix(line, "\n")] = true
	}
	var left []string
	for _, line := range m.acked {
		if !gone[line] {
			left = append(left, line)
		}
	}
	m.acked = left
}
