package klog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	maxLine = 8 << 10
	// A daemon goes on writing to a file that was renamed until it is told.
	oldFileKept = 10 * time.Second
)

// tail reads one open file to its end, again and again.
type tail struct {
	file    *os.File
	offset  int64
	buffer  []byte // holds a part of a line at its start
	held    int    // bytes of that
	skip    bool   // the rest of a line that is too long
	renamed time.Time
}

// followFile follows a path. It starts at the end of the file that is there,
// and at the start of every one that takes its place. A file that is replaced
// twice between two looks has been there unseen.
func (s *Sensor) followFile(ctx context.Context, ready func()) error {
	current, err := openTail(s.cfg.Path, io.SeekEnd)
	if err != nil {
		return err
	}
	var old *tail
	defer func() {
		current.file.Close()
		old.close()
	}()
	ready()
	ticker := time.NewTicker(s.cfg.Poll)
	defer ticker.Stop()
	for done := false; ; {
		// The old file first: its lines are older.
		if old != nil {
			if err := s.drain(old); err != nil {
				return err
			}
			if time.Since(old.renamed) > oldFileKept {
				s.dropPart(old)
				old.close()
				old = nil
			}
		}
		if err := s.drain(current); err != nil {
			return err
		}
		next, err := s.replaced(current)
		if err != nil {
			return err
		}
		if next != nil {
			if old != nil {
				s.dropPart(old)
				old.close()
			}
			current.renamed = time.Now()
			old, current = current, next
			continue
		}
		s.flush()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			done = true // and once more for what came last
		case <-ticker.C:
		}
	}
}

func openTail(path string, whence int) (*tail, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a regular file", path)
	}
	t := &tail{file: f, buffer: make([]byte, 64<<10)}
	if err == nil {
		t.offset, err = f.Seek(0, whence)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

// close may be called on nil.
func (t *tail) close() {
	if t != nil {
		t.file.Close()
	}
}

// replaced returns the new file where another one has the path now; nil where
// it is the same, or none is there yet.
func (s *Sensor) replaced(current *tail) (*tail, error) {
	now, err := os.Stat(s.cfg.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	mine, err := current.file.Stat()
	if err != nil {
		return nil, err
	}
	if os.SameFile(now, mine) {
		return nil, nil
	}
	next, err := openTail(s.cfg.Path, io.SeekStart)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return next, err
}

// drain reads to the present end. A file that has become shorter than what was
// read was truncated, and is read from its start: what was written between its
// copy and its truncation is gone unseen, and so is the truncation itself
// where the file has grown beyond the old end before it is looked at.
func (s *Sensor) drain(t *tail) error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < t.offset {
		s.deps.Log.Info("log file was truncated", "sensor", Name, "path", s.cfg.Path)
		s.dropPart(t)
		t.offset = 0
	}
	now := clock.Now()
	for {
		n, err := t.file.ReadAt(t.buffer[t.held:], t.offset)
		t.offset += int64(n)
		s.split(t, t.held+n, now)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// dropPart gives up the part of a line whose rest will not come.
func (s *Sensor) dropPart(t *tail) {
	if t.held > 0 || t.skip {
		s.torn.Add(1)
	}
	t.held, t.skip = 0, false
}

// split takes the whole lines of the buffer's first n bytes and keeps the rest
// at its start.
func (s *Sensor) split(t *tail, n int, now clock.Pair) {
	rest := t.buffer[:n]
	for {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			break
		}
		if !t.skip {
			s.line(rest[:end], lineTime(rest[:end], now))
		}
		t.skip = false
		rest = rest[end+1:]
	}
	if len(rest) > maxLine {
		if !t.skip {
			s.torn.Add(1)
		}
		t.skip, rest = true, nil
	}
	t.held = copy(t.buffer, rest)
}

// lineTime reads the time at the head of a line, which a syslog daemon wrote;
// where there is none that says the year and the zone, it is when the line was
// read.
func lineTime(line []byte, now clock.Pair) reset.Sighting {
	stamp, rest, _ := bytes.Cut(line[:min(len(line), 300)], []byte{' '})
	if t, err := time.Parse(time.RFC3339Nano, string(stamp)); err == nil && t.Year() > 1970 && t.Year() < 2262 {
		host, _, _ := bytes.Cut(rest, []byte{' '})
		wall := reset.TimeOf(t)
		return reset.Sighting{Time: wall, MonoNS: now.MonoAt(wall), Host: string(host)}
	}
	return reset.Sighting{Time: now.Wall, MonoNS: now.Mono}
}
