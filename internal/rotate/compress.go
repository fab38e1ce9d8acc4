package rotate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compress replaces a rotated file by a compressed one: written beside it,
// synced, renamed, and only then is the plain file removed.
func (k *keeper) compress(a archive) {
	err := k.replace(a.name)
	if k.killed {
		return
	}
	if err != nil {
		k.count.compressErrors.Add(1)
		k.cfg.Log.Warn("compressing rotated log", "path", k.names.path(a.name), "error", err)
		return
	}
	k.count.compressed.Add(1)
}

func (k *keeper) replace(name string) error {
	from := k.names.path(name)
	to := from + k.suffix()
	if k.crash("before compression") {
		return errCrash
	}
	if err := k.copyTo(from, to+temporary); err != nil {
		if !k.killed {
			_ = os.Remove(to + temporary)
		}
		return err
	}
	if k.crash("before renaming the compressed file") {
		return errCrash
	}
	if err := rename(to+temporary, to); err != nil {
		_ = os.Remove(to + temporary)
		return err
	}
	if err := syncDirectory(k.names.dir); err != nil {
		return err
	}
	if k.crash("before removing the plain file") {
		return errCrash
	}
	return os.Remove(from)
}

// copyTo compresses one file into another of the same mode, group and time.
func (k *keeper) copyTo(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, k.cfg.Mode)
	if err != nil {
		return err
	}
	err = errors.Join(out.Chmod(k.cfg.Mode), k.group(out))
	if err == nil {
		err = k.encode(out, in)
	}
	if err == nil {
		err = out.Sync()
	}
	err = errors.Join(err, out.Close())
	if err == nil {
		err = os.Chtimes(to, info.ModTime(), info.ModTime())
	}
	return err
}

func (k *keeper) group(f *os.File) error {
	if k.gid < 0 {
		return nil
	}
	return f.Chown(-1, k.gid)
}

func (k *keeper) encode(out io.Writer, in io.Reader) error {
	var encoder io.WriteCloser
	if k.cfg.Compress == CompressZstd {
		e, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		encoder = e
	} else {
		encoder = gzip.NewWriter(out)
	}
	_, err := io.Copy(encoder, in)
	if k.crash("within compression") {
		return errCrash
	}
	return errors.Join(err, encoder.Close())
}

// OpenFile opens one of the files that Files names and decompresses it.
func OpenFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var r io.Reader
	switch {
	case strings.HasSuffix(path, ".gz"):
		r, err = gzip.NewReader(f)
	case strings.HasSuffix(path, ".zst"):
		var d *zstd.Decoder
		if d, err = zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20)); err == nil {
			return opened{d.IOReadCloser(), f}, nil
		}
	default:
		return f, nil
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("opening log %q: %w", path, err)
	}
	return opened{io.NopCloser(r), f}, nil
}

type opened struct {
	io.ReadCloser
	file *os.File
}

func (o opened) Close() error { return errors.Join(o.ReadCloser.Close(), o.file.Close()) }

// sameContent compares two files as they read decompressed.
func sameContent(one, other string) (same bool, err error) {
	a, err := OpenFile(one)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	b, err := OpenFile(other)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	left, right := bufio.NewReader(a), bufio.NewReader(b)
	x, y := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		n, errA := io.ReadFull(left, x)
		m, errB := io.ReadFull(right, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			return ended(errA) && ended(errB), errors.Join(notEnd(errA), notEnd(errB))
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func notEnd(err error) error {
	if ended(err) {
		return nil
	}
	return err
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
