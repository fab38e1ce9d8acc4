package capture

import (
	"errors"
	"io"
)

const (
	windowSize = 1 << 20
	// maxBlock bounds what a file may ask to be held at once: far above any
	// packet, and above the blocks of keys and names that Wireshark writes.
	maxBlock = 16 << 20
)

// window is a view of a stream that moves forward: what it shows lies where it
// was read.
type window struct {
	from   io.Reader
	buffer []byte
	start  int   // of what is not consumed
	end    int   // of what was read
	offset int64 // in the stream, of start
	err    error // why no more can be read: io.EOF or worse
}

func newWindow(from io.Reader) *window { return &window{from: from, buffer: make([]byte, 64<<10)} }

// peek returns the next n bytes, valid until the next call; fewer where the
// stream ends before.
func (w *window) peek(n int) []byte {
	if w.end-w.start < n {
		w.fill(n)
	}
	return w.buffer[w.start:min(w.start+n, w.end)]
}

// fill reads until n bytes are there or none will come.
func (w *window) fill(n int) {
	if w.start > 0 {
		w.end = copy(w.buffer, w.buffer[w.start:w.end])
		w.start = 0
	}
	for w.end < n && w.err == nil {
		if n > len(w.buffer) {
			w.buffer = append(w.buffer, make([]byte, n-len(w.buffer))...)
		}
		var read int
		read, w.err = w.from.Read(w.buffer[w.end:])
		w.end += read
		if read == 0 && w.err == nil {
			w.err = io.ErrNoProgress
		}
	}
	// A larger view next time, since the stream is a long one.
	if w.err == nil && len(w.buffer) < windowSize && w.end == len(w.buffer) {
		w.buffer = append(w.buffer, make([]byte, len(w.buffer))...)
	}
}

// skip consumes n bytes that were shown.
func (w *window) skip(n int) {
	w.start += n
	w.offset += int64(n)
}

// left is how many bytes are there beyond what was consumed, once the stream
// has ended.
func (w *window) left() int { return w.end - w.start }

// failure is the error that ended the stream, if it was no regular end.
func (w *window) failure() error {
	if w.err == nil || errors.Is(w.err, io.EOF) {
		return nil
	}
	return w.err
}
