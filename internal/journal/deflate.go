package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// deflater writes the compressed form of one segment.
type deflater struct {
	src     source
	out     File
	encoder *zstd.Encoder
	frame   frame // being filled
	content []byte
	packed  []byte
}

// deflate compresses a segment byte for byte, damage included, into a new file
// at path, and syncs it.
func deflate(ctx context.Context, fs FS, dir, name, path string) (err error) {
	src, err := fs.Open(filepath.Join(dir, name+plainSuffix))
	if err != nil {
		return err
	}
	defer shut(src)
	out, err := fs.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return fmt.Errorf("starting zstd: %w", err)
	}
	defer shut(encoder)
	d := &deflater{src: src, out: out, encoder: encoder}
	if err := d.run(ctx, name); err != nil {
		return err
	}
	return out.Sync()
}

// run cuts the segment into frames at the blocks' borders.
func (d *deflater) run(ctx context.Context, name string) error {
	w, err := newWalker(name, d.src)
	var damage *Damage
	if err != nil && !errors.As(err, &damage) {
		return err
	}
	if err := d.take(w.offset, nil); err != nil {
		return err
	}
	for ctx.Err() == nil {
		b, err := w.next(false)
		switch {
		case errors.Is(err, io.EOF):
			return d.finish()
		case err == nil:
			err = d.take(w.offset, &b.head)
		case errors.As(err, &damage):
			err = d.takeDamage(w.offset)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// take adds the segment's bytes up to to, a block or the segment's head, to
// the frame.
func (d *deflater) take(to int64, head *blockHead) error {
	f := &d.frame
	from := f.end()
	n := int(to - from)
	old := len(d.content)
	if cap(d.content) < old+n {
		d.content = append(make([]byte, 0, max(2*old, old+n, frameBytes)), d.content...)
	}
	d.content = d.content[:old+n]
	if got, err := d.src.ReadAt(d.content[old:], from); got < n {
		return err
	}
	f.length += uint32(n)
	if head != nil {
		if f.blocks == 0 {
			f.first, f.last = head.first, head.last
		}
		f.first, f.last = min(f.first, head.first), max(f.last, head.last)
		f.entries += head.entries
		f.blocks++
		if head.flags&flagEnd != 0 {
			f.flags |= frameSealed
		}
		if head.flags&flagLedger != 0 {
			f.flags |= frameLedger
		}
	}
	if f.length < frameBytes {
		return nil
	}
	return d.flush()
}

// takeDamage puts bytes that do not decode into frames of their own.
func (d *deflater) takeDamage(to int64) error {
	if err := d.flush(); err != nil {
		return err
	}
	for d.frame.offset < to {
		d.frame.flags |= frameOpaque
		if err := d.take(min(to, d.frame.offset+frameBytes), nil); err != nil {
			return err
		}
		if err := d.flush(); err != nil {
			return err
		}
	}
	return nil
}

// flush compresses and writes the frame.
func (d *deflater) flush() error {
	if len(d.content) == 0 {
		return nil
	}
	d.packed = d.encoder.EncodeAll(d.content, d.packed[:0])
	d.frame.packed = uint32(len(d.packed))
	if err := d.write(d.frame.encode()); err != nil {
		return err
	}
	if err := d.write(d.packed); err != nil {
		return err
	}
	d.frame = frame{offset: d.frame.end()}
	d.content = d.content[:0]
	return nil
}

func (d *deflater) finish() error {
	if err := d.flush(); err != nil {
		return err
	}
	d.frame.flags = frameEnd
	return d.write(d.frame.encode())
}

func (d *deflater) write(b []byte) error {
	n, err := d.out.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}
