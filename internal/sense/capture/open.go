package capture

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// StandardInput is the name under which a stream is read instead of a file.
const StandardInput = "-"

// source is one file while it is read.
type source struct {
	name   string
	rank   int // among the files that were named
	format format
	window *window
	close  func()
	head   frame // the next packet
	ended  bool
}

// meter counts what was read of the files, for those who watch.
type meter struct {
	from  io.Reader
	read  *atomic.Int64
	await func() error // before each reading; may be nil
}

func (m *meter) Read(b []byte) (int, error) {
	if m.await != nil {
		if err := m.await(); err != nil {
			return 0, err
		}
	}
	n, err := m.from.Read(b)
	m.read.Add(int64(n))
	return n, err
}

// fileOf is the file that a stream reads, also where its beginning was looked at
// and put back; nil: it reads none.
func fileOf(from io.Reader) *os.File {
	switch stream := from.(type) {
	case *os.File:
		return stream
	case interface{ Opened() *os.File }:
		return stream.Opened()
	}
	return nil
}

// openSource opens a file and finds out what it is.
func openSource(name string, stdin io.Reader, read *atomic.Int64, wait func(file *os.File, regular bool) error) (*source, error) {
	from, closeFile := stdin, func() {}
	var await func() error
	if name != StandardInput {
		file, err := os.Open(name)
		if err != nil {
			return nil, err // it names the file
		}
		if info, err := file.Stat(); err == nil && info.IsDir() {
			file.Close()
			return nil, fmt.Errorf("reading %q: it is a directory", name)
		}
		from, closeFile = file, func() { file.Close() }
	}
	if stream := fileOf(from); stream != nil && wait != nil {
		if info, err := stream.Stat(); err == nil {
			await = func() error { return wait(stream, info.Mode().IsRegular()) }
		}
	}
	s, err := newSource(name, &meter{from, read, await})
	if err != nil {
		closeFile()
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	closeStream := s.close
	s.close = func() { closeStream(); closeFile() }
	return s, nil
}

// newSource reads from a stream.
func newSource(name string, from io.Reader) (*source, error) {
	s := &source{name: name, close: func() {}}
	s.window = newWindow(from)
	if err := s.decompress(); err != nil {
		return nil, err
	}
	var err error
	if s.format, err = detect(s.window); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// maxZstdWindow bounds the memory that a compressed file may ask for: what the
// zstd program grants without being told more.
const maxZstdWindow = 128 << 20

// decompress puts a decoder before the window where the stream is compressed.
func (s *source) decompress() error {
	begin := s.window.peek(4)
	switch {
	case bytes.HasPrefix(begin, []byte{0x1f, 0x8b}):
		decoder, err := gzip.NewReader(s.window)
		if err != nil {
			return fmt.Errorf("decompressing: %w", err)
		}
		s.window = newWindow(decoder)
	case bytes.Equal(begin, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		decoder, err := zstd.NewReader(s.window, zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return fmt.Errorf("decompressing: %w", err)
		}
		s.close = decoder.Close
		s.window = newWindow(decoder)
	}
	return nil
}

// Read hands on what the window has: it may stand before a decoder.
func (w *window) Read(b []byte) (int, error) {
	if w.start == w.end {
		if w.err != nil {
			return 0, w.err
		}
		w.fill(1)
		if w.start == w.end {
			return 0, w.err
		}
	}
	n := copy(b, w.buffer[w.start:w.end])
	w.skip(n)
	return n, nil
}

// advance reads the next packet into the head; ended says that there is none.
// The error, if any, is what ended the file before its time.
func (s *source) advance() error {
	err := s.format.next(&s.head)
	if err == nil {
		return nil
	}
	s.ended = true
	if err == io.EOF {
		return nil
	}
	return err
}
