package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// format reads the messages of one kind of file.
type format interface{ next(m *message) error }

// file is one log while it is read.
type file struct {
	input  *Input
	lines  *lines
	format format
	times  times
	names  bool // its lines name the programs that wrote them
	close  func()
	missed uint64 // messages of which the log says that they are missing
}

// open begins to read a file.
func (in *Input) open(cfg *Config, read *atomic.Int64) (*file, error) {
	f := &file{input: in, close: func() {}, names: namesPrograms(in.sample)}
	from, err := f.stream(read)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", in.Name, err)
	}
	f.lines = newLines(from)
	f.times = times{zone: cfg.Zone, boot: cfg.Boot, latest: in.latest(cfg)}
	if in.own && f.times.boot == 0 {
		f.times.boot = ThisBoot()
	}
	if isExport(in.sample) {
		f.format = &exported{lines: f.lines, file: f}
	} else {
		years := in.Stream != nil || isYearless(in.sample)
		f.format = &written{file: f, years: years, json: len(in.sample) > 0 && in.sample[0] == '{'}
	}
	return f, nil
}

// stream is the content of the file, decompressed.
func (f *file) stream(read *atomic.Int64) (io.Reader, error) {
	in := f.input
	if in.Stream != nil {
		f.close = func() {
			if c, ok := in.Stream.(io.Closer); ok {
				_ = c.Close() // it was read
			}
		}
		return &meter{in.Stream, read}, nil
	}
	if in.own {
		ring, err := openRing(in.Name)
		if err != nil {
			return nil, err
		}
		f.close = func() { _ = ring.Close() }
		return ring, nil
	}
	opened, err := os.Open(in.Name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	from, closeStream, err := decompress(&meter{opened, read})
	if err != nil {
		opened.Close()
		return nil, err
	}
	f.close = func() { closeStream(); opened.Close() }
	return from, nil
}

// namesPrograms reports whether a line of the sample says that the kernel wrote
// it.
func namesPrograms(sample []byte) bool {
	for line := range bytes.Lines(sample) {
		if h := parseHead(line); h.by == kernel && !h.sure {
			return true
		}
	}
	return false
}

// written reads lines of text and of JSON.
type written struct {
	file  *file
	day   [6]byte // of the RFC 3164 head before
	years bool    // the heads bear none
	json  bool    // the lines are objects
}

// next reads lines up to one that may be of the LOG target.
func (w *written) next(m *message) error {
	for {
		switch {
		case w.json: // other words tell of a packet there
		case w.years:
			w.file.lines.leap(&w.day)
		default:
			w.file.lines.leap(nil)
		}
		line, err := w.file.lines.next()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		w.file.times.note(line, &w.day)
		if !isCandidate(line) {
			w.file.missed += missed(line)
			continue
		}
		m.line, m.number, m.json = line, w.file.lines.number, line[0] == '{'
		if !m.json {
			m.head, m.boot = parseHead(line), nil
		}
		return nil
	}
}

// note takes account of the day of a line whose head bears no year, whatever
// the line is about.
func (t *times) note(line []byte, last *[6]byte) {
	if s, ok := newDay(line, last); ok {
		t.year(&s)
	}
}

// newDay reads the head of a line of RFC 3164 whose day is another than the last.
func newDay(line []byte, last *[6]byte) (s stamp, ok bool) {
	if len(line) > 0 && line[0] == '<' {
		if end := bytes.IndexByte(line[:min(len(line), 6)], '>'); end > 0 {
			line = line[end+1:]
		}
	}
	if len(line) < 15 || [6]byte(line) == *last || line[3] != ' ' || line[9] != ':' {
		return s, false
	}
	if _, ok = bsdStamp(line, &s); ok {
		*last = [6]byte(line[:6])
	}
	return s, ok
}

var (
	wordIn  = []byte("IN=")
	wordDst = []byte("DST=")
	wordRST = []byte(`"tcp.rst"`)
)

// isCandidate reports whether a line may be of the LOG target, or a part of such
// a line. It must be quick: most lines are about something else.
func isCandidate(line []byte) bool {
	if len(line) > 0 && line[0] == '{' {
		return bytes.Contains(line, wordRST) || bytes.Contains(line, wordIn) || isByteList(line)
	}
	return bytes.Contains(line, wordIn) || bytes.Contains(line, wordDst)
}

// isByteList reports whether a line of journald's JSON has a message that is not
// UTF-8, which is a list of numbers there.
func isByteList(line []byte) bool {
	_, after, ok := bytes.Cut(line, []byte(`"MESSAGE"`))
	if !ok {
		return false
	}
	after = bytes.TrimLeft(after[:min(len(after), 16)], " :")
	return len(after) > 0 && after[0] == '['
}

// sightings of one file share the text of names.
type names struct{ last string }

// of returns the text, without a copy where it is the one before.
func (n *names) of(text []byte) string {
	if string(text) != n.last {
		n.last = string(text)
	}
	return n.last
}

// bootOf writes journald's 32 digits as the kernel writes a boot id.
func bootOf(digits []byte) string {
	if len(digits) != 32 {
		return ""
	}
	for _, c := range digits {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	d := string(digits)
	return d[:8] + "-" + d[8:12] + "-" + d[12:16] + "-" + d[16:20] + "-" + d[20:]
}

// item is a reset that was read and not handed on yet.
type item struct {
	id       reset.ID
	sighting reset.Sighting
	boot     string
	file     string
	line     uint64
}
