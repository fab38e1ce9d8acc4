package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// source is a segment's content, uncompressed.
type source = ReadFile

// Damage is a stretch of a segment that does not decode.
type Damage struct {
	Segment string // its name; "" where segments as a whole are missing
	Offset  int64  // of the first byte, in the uncompressed segment
	Length  int64  // bytes
	Reason  string
}

// Error says where and how much, for people.
func (d *Damage) Error() string {
	if d.Segment == "" {
		return d.Reason
	}
	return fmt.Sprintf("segment %s: %d bytes at offset %d do not decode: %s", d.Segment, d.Length, d.Offset, d.Reason)
}

// block is one block that was found.
type block struct {
	offset int64 // in the uncompressed segment
	head   blockHead
	// raw is the head's bytes, valid until the next call of the walker.
	raw []byte
}

func (b *block) end() int64 { return b.offset + headerLength + int64(b.head.length) }

// errPartial is a block at the end of a segment that is still being written,
// of which only a part can be seen so far.
var errPartial = errors.New("block is not whole yet")

// walker finds the blocks of one segment in order and steps over damage.
type walker struct {
	name   string
	src    source
	size   int64 // known so far
	offset int64 // where the next block is expected
	head   segmentHead
	raw    []byte // the head's bytes; nil if they do not decode
	tag    uint64 // 0 until it is known

	window   []byte // bytes of src from windowAt
	windowAt int64
	buffer   []byte
	payload  []byte
}

const windowSize = 64 << 10

// newWalker reads the segment's head. The error is a *Damage if the head does
// not decode: the walker can be used all the same, from the first block on.
func newWalker(name string, src source) (*walker, error) {
	w := &walker{name: name, src: src, offset: headLength}
	if err := w.refresh(); err != nil {
		return nil, err
	}
	raw, err := w.read(0, int(min(headLength, w.size)))
	if err == nil {
		w.head, err = decodeHead(raw)
	}
	if err != nil {
		w.offset = min(headLength, w.size)
		return w, &Damage{Segment: name, Length: w.offset, Reason: err.Error()}
	}
	w.raw = bytes.Clone(raw)
	w.tag = w.head.tag
	return w, nil
}

// refresh looks how far the segment has grown.
func (w *walker) refresh() error {
	size, err := w.src.Size()
	if err != nil {
		return fmt.Errorf("segment %s: %w", w.name, err)
	}
	w.size = size
	return nil
}

// read returns n bytes at off, which are within size; valid until the next read.
func (w *walker) read(off int64, n int) ([]byte, error) {
	b, err := w.some(off, n)
	if len(b) < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b[:n], nil
}

// some returns up to n bytes at off, and why they are fewer.
func (w *walker) some(off int64, n int) ([]byte, error) {
	if at := off - w.windowAt; at >= 0 && at+int64(n) <= int64(len(w.window)) {
		return w.window[at : at+int64(n)], nil
	}
	want := int(min(max(int64(n), windowSize), w.size-off))
	if cap(w.buffer) < want {
		w.buffer = make([]byte, want)
	}
	got, err := w.src.ReadAt(w.buffer[:want], off)
	w.window, w.windowAt = w.buffer[:got], off
	return w.window[:min(got, n)], err
}

// next returns the next block. At the end of the segment it returns io.EOF; at
// damage a *Damage, after which it can be called again. live says that the
// segment may still grow: then a last block that is not whole gives errPartial.
func (w *walker) next(live bool) (block, error) {
	if w.offset >= w.size {
		return block{}, io.EOF
	}
	b, reason := w.blockAt(w.offset)
	if reason == nil {
		w.offset = b.end()
		return b, nil
	}
	from := w.offset
	to, found := w.resync(from, reason)
	if !found && live {
		return block{}, errPartial
	}
	w.offset = to
	return block{}, &Damage{Segment: w.name, Offset: from, Length: to - from, Reason: reason.Error()}
}

// blockAt reads the head of a block, whose payload must be within the segment.
func (w *walker) blockAt(off int64) (b block, err error) {
	if w.size-off < headerLength {
		return b, errTorn
	}
	raw, err := w.read(off, headerLength)
	if err != nil {
		return b, err
	}
	b = block{offset: off, raw: raw}
	if b.head, err = decodeBlockHead(raw, w.tag); err != nil {
		return b, err
	}
	if b.end() > w.size {
		return b, errTorn
	}
	if w.tag == 0 {
		w.tag = b.head.tag
	}
	return b, nil
}

var errTorn = errors.New("block ends early")

// resync finds the next block after damage; without one, it returns the
// segment's end. A head with the right checksum and the segment's tag is a
// block: whether its payload is whole, its reader will say.
func (w *walker) resync(from int64, reason error) (to int64, found bool) {
	off := from + 1
	var gap *gapError
	if errors.As(reason, &gap) {
		off = max(off, gap.to)
	}
	for off+headerLength <= w.size {
		window, err := w.some(off, int(min(windowSize, w.size-off)))
		if len(window) < headerLength {
			if !errors.As(err, &gap) || gap.to <= off {
				return w.size, false
			}
			off = gap.to
			continue
		}
		if at, ok := w.findHead(window, off); ok {
			return off + int64(at), true
		}
		off += int64(len(window) - headerLength + 1)
	}
	return w.size, false
}

// findHead finds the head of a block, whole and with the block's end in sight,
// in the window at off.
func (w *walker) findHead(window []byte, off int64) (at int, found bool) {
	for at+headerLength <= len(window) {
		i := bytes.Index(window[at:], []byte(blockMagic))
		if i < 0 || at+i+headerLength > len(window) {
			return 0, false
		}
		at += i
		head, err := decodeBlockHead(window[at:at+headerLength], w.tag)
		if err == nil && off+int64(at)+headerLength+int64(head.length) <= w.size {
			return at, true
		}
		at++
	}
	return 0, false
}

// content returns the payload of a block that next returned, or a *Damage. It
// is valid until the next call.
func (w *walker) content(b *block) ([]byte, error) {
	n := int(b.head.length)
	if cap(w.payload) < n {
		w.payload = make([]byte, n, max(n, windowSize))
	}
	w.payload = w.payload[:n]
	got, err := w.src.ReadAt(w.payload, b.offset+headerLength)
	if got == n {
		err = nil
	}
	if err == nil && crc32.Checksum(w.payload, castagnoli) != b.head.payloadCRC {
		err = errChecksum
	}
	if err != nil {
		return nil, &Damage{Segment: w.name, Offset: b.offset, Length: b.end() - b.offset, Reason: err.Error()}
	}
	return w.payload, nil
}

var errChecksum = errors.New("checksum does not match")
