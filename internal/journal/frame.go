package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"

	"github.com/klauspost/compress/zstd"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// A compressed segment is a sequence of zstd frames (RFC 8878) of some blocks
// each. Before each stands a skippable frame, which zstd's own tools pass over:
// so "zstd -d" restores the segment byte for byte, and our reader can find a
// time or an offset without decompressing what lies before it.
//
//	0          4          8          12         16                  24
//	+----------+----------+----------+----------+-------------------+
//	| 184D2A50 | length=52| RWZ1     | length of|  offset in the    |
//	| (RFC8878)|          |          | the frame|  segment          |
//	+----------+----------+----------+----------+-------------------+
//	|length in |  flags   |    first time       |    last time      |
//	|the segm. |          |                     |                   |
//	+----------+----------+---------------------+-------------------+
//	|  entries |  blocks  | CRC32C of the 48 bytes from RWZ1
//	+----------+----------+----------+
//	48         52         56         60
//
// The last one has length 0, flag "end", and the segment's size as its offset.
// A frame with the flag "opaque" holds bytes that do not decode as blocks: its
// times say nothing.
const (
	indexLength = 60
	indexSkip   = 0x184D2A50
	indexMagic  = "RWZ1"
	frameBytes  = 256 << 10 // a frame is closed at this size
	maxFrame    = frameBytes + maxPayload + headerLength
	maxIndex    = 1 << 22 // frames in one file
)

// The flags of a frame.
const (
	frameEnd    = 1 << iota // no frame follows: the segment is whole
	frameLedger             // one of its blocks has flagLedger
	frameOpaque
	frameSealed // it ends with a block that has flagEnd
)

// frame is one entry of the index.
type frame struct {
	at          int64 // of the zstd frame, in the file
	packed      uint32
	offset      int64 // in the segment
	length      uint32
	flags       uint32
	first, last reset.Time
	entries     uint32
	blocks      uint32
}

func (f *frame) end() int64 { return f.offset + int64(f.length) }

func (f *frame) encode() []byte {
	b := make([]byte, indexLength)
	le.PutUint32(b, indexSkip)
	le.PutUint32(b[4:], indexLength-8)
	copy(b[8:], indexMagic)
	le.PutUint32(b[12:], f.packed)
	le.PutUint64(b[16:], uint64(f.offset))
	le.PutUint32(b[24:], f.length)
	le.PutUint32(b[28:], f.flags)
	le.PutUint64(b[32:], uint64(f.first))
	le.PutUint64(b[40:], uint64(f.last))
	le.PutUint32(b[48:], f.entries)
	le.PutUint32(b[52:], f.blocks)
	le.PutUint32(b[56:], crc32.Checksum(b[8:56], castagnoli))
	return b
}

var errIndex = errors.New("no index of a compressed segment where one should be")

func decodeFrame(b []byte) (f frame, err error) {
	if le.Uint32(b) != indexSkip || le.Uint32(b[4:]) != indexLength-8 || string(b[8:12]) != indexMagic ||
		le.Uint32(b[56:]) != crc32.Checksum(b[8:56], castagnoli) {
		return f, errIndex
	}
	f = frame{
		packed: le.Uint32(b[12:]), offset: int64(le.Uint64(b[16:])), length: le.Uint32(b[24:]),
		flags: le.Uint32(b[28:]), first: reset.Time(le.Uint64(b[32:])), last: reset.Time(le.Uint64(b[40:])),
		entries: le.Uint32(b[48:]), blocks: le.Uint32(b[52:]),
	}
	if f.offset < 0 || f.offset > 1<<50 || f.length > maxFrame || f.packed > 2*maxFrame {
		return f, errIndex
	}
	return f, nil
}

// gapError is a stretch of a compressed segment that cannot be restored.
type gapError struct {
	to  int64 // where what can be restored goes on
	err error
}

func (e *gapError) Error() string { return e.err.Error() }
func (e *gapError) Unwrap() error { return e.err }

// inflater is a compressed segment as its uncompressed content.
type inflater struct {
	file    ReadFile
	frames  []frame
	size    int64
	whole   bool // the last frame was found
	decoder *zstd.Decoder

	current int // the frame in content; -1 if none
	content []byte
	packed  []byte
}

// newInflater reads the index.
func newInflater(file ReadFile) (*inflater, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxMemory(2*maxFrame), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("starting zstd: %w", err)
	}
	z := &inflater{file: file, decoder: decoder, current: -1}
	if err := z.readIndex(); err != nil {
		decoder.Close()
		return nil, err
	}
	return z, nil
}

// readIndex reads index after index. Where one is damaged, the next is looked
// for; what lies between becomes a gap when it is read.
func (z *inflater) readIndex() error {
	size, err := z.file.Size()
	if err != nil {
		return err
	}
	var b [indexLength]byte
	for at := int64(0); at+indexLength <= size && len(z.frames) < maxIndex; {
		if _, err := z.file.ReadAt(b[:], at); err != nil {
			return err
		}
		f, err := decodeFrame(b[:])
		f.at = at + indexLength
		if err != nil || f.offset < z.size || f.at+int64(f.packed) > size {
			at++
			if at, err = z.findIndex(at, size); err != nil {
				return err
			}
			continue
		}
		z.size = f.end()
		if f.flags&frameEnd != 0 {
			z.whole = true
			return nil
		}
		z.frames = append(z.frames, f)
		at = f.at + int64(f.packed)
	}
	return nil
}

// findIndex looks for the next index from at on; without one it returns size.
func (z *inflater) findIndex(at, size int64) (int64, error) {
	window := make([]byte, windowSize)
	for at+indexLength <= size {
		n, err := z.file.ReadAt(window, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for i := 0; i+indexLength <= n; i++ {
			if window[i] != indexSkip&0xff {
				continue
			}
			if _, err := decodeFrame(window[i : i+indexLength]); err == nil {
				return at + int64(i), nil
			}
		}
		if n < indexLength {
			break
		}
		at += int64(n - indexLength + 1)
	}
	return size, nil
}

// Size returns the length of the uncompressed segment.
func (z *inflater) Size() (int64, error) { return z.size, nil }

// ReadAt reads from the uncompressed segment. The error is a *gapError where
// the file is damaged.
func (z *inflater) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		at := off + int64(n)
		if at >= z.size {
			return n, io.EOF
		}
		i := sort.Search(len(z.frames), func(i int) bool { return z.frames[i].end() > at })
		if i == len(z.frames) {
			return n, &gapError{z.size, errIndex}
		}
		if z.frames[i].offset > at {
			return n, &gapError{z.frames[i].offset, errIndex}
		}
		if err := z.inflate(i); err != nil {
			return n, &gapError{z.frames[i].end(), err}
		}
		n += copy(b[n:], z.content[at-z.frames[i].offset:])
	}
	return n, nil
}

// inflate makes z.content frame i.
func (z *inflater) inflate(i int) error {
	if z.current == i {
		return nil
	}
	f := &z.frames[i]
	z.current = -1
	if cap(z.packed) < int(f.packed) {
		z.packed = make([]byte, f.packed)
	}
	z.packed = z.packed[:f.packed]
	if _, err := z.file.ReadAt(z.packed, f.at); err != nil {
		return err
	}
	if cap(z.content) < int(f.length) {
		z.content = make([]byte, 0, max(int(f.length), frameBytes))
	}
	content, err := z.decoder.DecodeAll(z.packed, z.content[:0])
	if err != nil {
		return err
	}
	if len(content) != int(f.length) {
		return errIndex
	}
	z.content, z.current = content, i
	return nil
}

// Close releases the file and the decoder.
func (z *inflater) Close() error {
	z.decoder.Close()
	return z.file.Close()
}
