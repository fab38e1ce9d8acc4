package logfile

import (
	"bytes"
	"errors"
	"io"
)

const (
	// maxLine bounds a line: the kernel's own are below two thousand bytes, an
	// entry of journald in JSON is below a few thousand.
	maxLine    = 64 << 10
	bufferSize = 256 << 10
)

// lines reads a stream line by line, without a copy.
type lines struct {
	from   io.Reader
	buffer []byte
	start  int // of what was not handed out
	end    int
	number uint64 // of the line handed out last
	long   uint64 // lines that were passed over for their length
	err    error  // why no more can be read
	// wait is called before each reading; may be nil.
	wait func() error
	in   place    // of the next "IN="
	dst  place    // of the next "DST="
	gap  [2]place // of the next words of those who say what is missing
}

// place is where in the buffer a word stands next, as far as it was looked for.
type place struct {
	at    int
	known bool
}

// next returns where a word stands at or behind a place of the buffer; its end,
// where it does not.
func (p *place) next(buffer []byte, from int, word []byte) int {
	if p.known && p.at >= from {
		return p.at
	}
	p.known, p.at = true, len(buffer)
	if i := bytes.Index(buffer[from:], word); i >= 0 {
		p.at = from + i
	}
	return p.at
}

// leap passes over whole lines of the buffer that hold none of the words. Where a day
// is given, only lines of that day, as the heads at both ends tell.
func (l *lines) leap(day *[6]byte) {
	buffer := l.buffer[:l.end]
	found := min(l.in.next(buffer, l.start, wordIn), l.dst.next(buffer, l.start, wordDst),
		l.gap[0].next(buffer, l.start, wordMissed), l.gap[1].next(buffer, l.start, wordStars))
	end := bytes.LastIndexByte(buffer[l.start:found], '\n') + 1 // of what can be passed over
	if end == 0 || !l.sameDay(buffer[l.start:l.start+end], day) {
		return
	}
	l.number += uint64(bytes.Count(buffer[l.start:l.start+end], []byte{'\n'}))
	l.start += end
}

const (
	// leastLeap is how much text must be of one day to be passed over at once,
	// and probe how often the day is looked at within it.
	leastLeap = 4 << 10
	probe     = 512
)

// sameDay reports whether whole lines are of a day, as the heads of many of them
// tell. Two ends alone would not do: a year may lie between.
func (l *lines) sameDay(text []byte, day *[6]byte) bool {
	if day == nil {
		return true
	}
	if len(text) < leastLeap {
		return false
	}
	for at := len(text); at > 0; at -= probe {
		from := bytes.LastIndexByte(text[:at-1], '\n') + 1
		if len(text)-from < 6 || [6]byte(text[from:]) != *day {
			return false
		}
		at = from + 1
	}
	return [6]byte(text) == *day
}

// leapDay passes over whole lines of the buffer that are of a day.
func (l *lines) leapDay(day *[6]byte) {
	text := l.buffer[l.start:l.end]
	if end := bytes.LastIndexByte(text, '\n') + 1; l.sameDay(text[:end], day) {
		l.start += end
	}
}

func newLines(from io.Reader) *lines { return &lines{from: from, buffer: make([]byte, bufferSize)} }

// next returns the next line without its end, valid until the next call. The
// last one may lack its newline. At the end it returns io.EOF, or what broke the
// stream.
func (l *lines) next() ([]byte, error) {
	skipping := false
	for {
		if i := bytes.IndexByte(l.buffer[l.start:l.end], '\n'); i >= 0 {
			line := l.buffer[l.start : l.start+i]
			l.start += i + 1
			l.number++
			if skipping || len(line) > maxLine {
				l.long++
				skipping = false
				continue
			}
			return trim(line), nil
		}
		if l.end-l.start > maxLine {
			skipping, l.start = true, l.end
		}
		if l.err != nil {
			line := l.buffer[l.start:l.end]
			l.start = l.end
			switch {
			case skipping:
				l.number++
				l.long++
			case len(line) > 0:
				l.number++
				return trim(line), nil
			}
			return nil, l.err
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

// trim leaves out what a crash or another system put at the ends of a line.
func trim(line []byte) []byte {
	for len(line) > 0 && line[0] == 0 { // blocks that were never written
		line = line[1:]
	}
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// fill reads more. The error is wait's.
func (l *lines) fill() error {
	l.in.known, l.dst.known, l.gap = false, false, [2]place{}
	if l.start > 0 {
		l.end = copy(l.buffer, l.buffer[l.start:l.end])
		l.start = 0
	}
	if l.wait != nil {
		if err := l.wait(); err != nil {
			return err
		}
	}
	var n int
	n, l.err = l.from.Read(l.buffer[l.end:])
	l.end += n
	if n == 0 && l.err == nil {
		l.err = io.ErrNoProgress
	}
	return nil
}

// exact reads n bytes, whatever they are, valid until the next call; n is at
// most maxLine.
func (l *lines) exact(n int) ([]byte, error) {
	for l.end-l.start < n {
		if l.err != nil {
			return nil, l.err
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
	b := l.buffer[l.start : l.start+n]
	l.start += n
	l.number += uint64(bytes.Count(b, []byte{'\n'}))
	return b, nil
}

// skip passes n bytes over.
func (l *lines) skip(n uint64) error {
	for n > 0 {
		step := min(n, maxLine)
		if _, err := l.exact(int(step)); err != nil {
			return err
		}
		n -= step
	}
	return nil
}

// isEnd tells a regular end from a stream that broke.
func isEnd(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }
