package logfile

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// StandardInput is the name under which a stream is read instead of a file.
const StandardInput = "-"

// maxZstdWindow bounds the memory that a compressed file may ask for: what the
// zstd program grants without being told more.
const maxZstdWindow = 128 << 20

// sampleSize is how much of a file is looked at to know what it is.
const sampleSize = 64 << 10

// Input is a file that was looked at: a log, or a capture, which is for others to
// read.
type Input struct {
	Name string
	// Capture says that it begins as pcap or pcapng.
	Capture bool
	// Stream is what it holds, decompressed, where it cannot be opened twice:
	// standard input, a pipe.
	Stream io.Reader

	written time.Time  // when a regular file was written last
	own     bool       // this host's /dev/kmsg
	pipe    *os.File   // what Stream reads from, where that can be waited for
	held    func() int // bytes of Stream that were read from it already
	sample  []byte
}

// Look opens a file and finds out what it is.
func Look(name string, stdin io.Reader) (*Input, error) {
	in := &Input{Name: name}
	if name == StandardInput {
		return in, in.lookStream(stdin)
	}
	if isKmsg(name) {
		in.own, in.sample = true, []byte("6,0,0,-;\n")
		return in, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err // it names the file
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("reading %q: it is a directory", name)
	case info.Mode().IsRegular():
		in.written = info.ModTime()
		err = in.look(file)
	default:
		return in, in.lookStream(file) // open until it was read
	}
	file.Close()
	return in, err
}

// look takes a sample of a regular file.
func (in *Input) look(file *os.File) error {
	from, closeStream, err := decompress(file)
	if err != nil {
		return fmt.Errorf("reading %q: %w", in.Name, err)
	}
	defer closeStream()
	sample := make([]byte, sampleSize)
	n, _ := io.ReadFull(from, sample) // where it breaks, reading says so
	in.sample = sample[:n]
	return in.judge()
}

// magics are the beginnings of captures: pcap in both orders, with micro- and
// nanoseconds, and pcapng.
var magics = [][]byte{
	{0xd4, 0xc3, 0xb2, 0xa1},
	{0xa1, 0xb2, 0xc3, 0xd4},
	{0x4d, 0x3c, 0xb2, 0xa1},
	{0xa1, 0xb2, 0x3c, 0x4d},
	{0x0a, 0x0d, 0x0d, 0x0a},
	{0x34, 0xcd, 0xb2, 0xa1}, // of patched writers, which their reader names
	{0xa1, 0xb2, 0xcd, 0x34},
}

func isCapture(begin []byte) bool {
	for _, magic := range magics {
		if bytes.HasPrefix(begin, magic) {
			return true
		}
	}
	return false
}

// lookStream takes a sample of what can be read once and puts it back before
// the rest. Of a capture only its first bytes are taken, so that who reads it can
// still wait for the stream itself.
func (in *Input) lookStream(from io.Reader) error {
	var begin [4]byte
	n, err := io.ReadFull(from, begin[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading %q: %w", in.Name, err)
	}
	in.Stream = putBack(begin[:n], from)
	if in.Capture = isCapture(begin[:n]); in.Capture {
		return nil
	}
	stream, _, err := decompress(in.Stream) // closed with the process
	if err != nil {
		return fmt.Errorf("reading %q: %w", in.Name, err)
	}
	peek := bufio.NewReaderSize(stream, sampleSize)
	_, _ = peek.Peek(1) // one reading: more may be long in coming
	in.sample, _ = peek.Peek(peek.Buffered())
	in.sample = bytes.Clone(in.sample)
	in.Stream = peek
	if file, ok := from.(*os.File); ok && stream == io.Reader(peek) {
		in.pipe, in.held = file, peek.Buffered
	}
	return in.judge()
}

// judge tells a log from anything else.
func (in *Input) judge() error {
	if in.Capture = isCapture(in.sample); in.Capture || len(in.sample) == 0 {
		return nil
	}
	if !looksLikeLog(in.sample) {
		return fmt.Errorf("reading %q: %w", in.Name,
			&FormatError{"it begins neither as pcap nor as pcapng, and none of its first lines bears a time or a packet"})
	}
	return nil
}

// looksLikeLog reports whether a line of the sample is of a form that is known.
func looksLikeLog(sample []byte) bool {
	if isExport(sample) {
		return true
	}
	for line := range bytes.Lines(sample) {
		line = trim(bytes.TrimSuffix(line, []byte{'\n'}))
		object := len(line) > 0 && line[0] == '{'
		if object && hasKnownName(line) || parseHead(line).stamp.kind != noStamp || bytes.Contains(line, []byte("SRC=")) {
			return true
		}
	}
	return false
}

// hasKnownName reports whether a JSON object is journald's or ulogd's.
func hasKnownName(line []byte) bool {
	for _, name := range [...]string{`"__REALTIME_TIMESTAMP"`, `"MESSAGE"`, `"oob.`, `"src_ip"`} {
		if bytes.Contains(line, []byte(name)) {
			return true
		}
	}
	return false
}

// putBack is a stream before which a few bytes were read already. A file stays
// one that can be waited for.
func putBack(begin []byte, from io.Reader) io.Reader {
	if file, ok := from.(*os.File); ok {
		return &begun{File: file, begin: begin}
	}
	return io.MultiReader(bytes.NewReader(begin), from)
}

// begun is a file whose first bytes were read already.
type begun struct {
	*os.File
	begin []byte
}

func (b *begun) Read(into []byte) (int, error) {
	if len(b.begin) > 0 {
		n := copy(into, b.begin)
		b.begin = b.begin[n:]
		return n, nil
	}
	return b.File.Read(into)
}

// Opened is the file itself, for who wants to wait for more of it.
func (b *begun) Opened() *os.File { return b.File }

// decompress puts a decoder before a stream that is compressed.
func decompress(from io.Reader) (io.Reader, func(), error) {
	in := bufio.NewReaderSize(from, 64<<10)
	begin, _ := in.Peek(6)
	switch {
	case bytes.HasPrefix(begin, []byte{0x1f, 0x8b}):
		decoder, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, fmt.Errorf("decompressing: %w", err)
		}
		return decoder, func() {}, nil
	case bytes.HasPrefix(begin, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		decoder, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, fmt.Errorf("decompressing: %w", err)
		}
		return decoder, decoder.Close, nil
	case bytes.HasPrefix(begin, []byte("BZh")):
		return bzip2.NewReader(in), func() {}, nil
	case bytes.HasPrefix(begin, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return nil, nil, errors.New("it is compressed with xz, which is not read here\nhint: xz -dc FILE | rstwatch read -")
	}
	return in, func() {}, nil
}

// meter counts what was read of the files, for those who watch.
type meter struct {
	from io.Reader
	read *atomic.Int64
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.from.Read(b)
	m.read.Add(int64(n))
	return n, err
}
