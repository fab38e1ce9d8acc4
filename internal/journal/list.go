package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// SegmentInfo is what there is to say about one segment without reading its
// entries.
type SegmentInfo struct {
	Name        string
	File        string // in the journal's directory
	Sequence    uint64
	Created     reset.Time // 0 if its head does not decode
	First, Last reset.Time // of its entries; 0 if it has none
	Blocks      uint64
	Entries     uint64
	Bytes       int64 // uncompressed
	FileBytes   int64 // on disk
	Compressed  bool
	Sealed      bool // it was closed in order, by a block that says so
	Damages     int  // stretches that are no blocks; payloads are not read
}

// Check reports whether a directory is a journal, be it an empty one: a writer
// leaves its lock file at once. The error of one that is not is fs.ErrNotExist.
// A nil fs is the disk.
func Check(files FS, dir string) error {
	if files == nil {
		files = Disk{}
	}
	names, err := files.Names(dir)
	if err != nil {
		return fmt.Errorf("reading journal %q: %w", dir, err)
	}
	for _, name := range names {
		if _, ok := parseSegment(name); ok || name == lockName {
			return nil
		}
	}
	return fmt.Errorf("reading journal %q: there is none in this directory: %w", dir, fs.ErrNotExist)
}

// List returns the segments of the journal in dir, oldest first. fs may be nil
// for the real file system.
func List(ctx context.Context, fs FS, dir string) ([]SegmentInfo, error) {
	if fs == nil {
		fs = Disk{}
	}
	list, err := listSegments(fs, dir)
	if err != nil {
		return nil, err
	}
	infos := make([]SegmentInfo, 0, len(list))
	for _, s := range list {
		if err := ctx.Err(); err != nil {
			return infos, err
		}
		info, err := inform(fs, dir, s)
		if errors.Is(err, errNotThere) {
			continue // retention was faster
		}
		if err != nil {
			return infos, fmt.Errorf("listing segment %s: %w", s.name, err)
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func inform(fs FS, dir string, s segment) (info SegmentInfo, err error) {
	src, err := openSegment(fs, dir, s)
	if err != nil {
		return info, err
	}
	defer shut(src)
	w, err := newWalker(s.name, src)
	var d *Damage
	if err != nil && !errors.As(err, &d) {
		return info, err
	}
	info = SegmentInfo{
		Name: s.name, File: s.file(), Sequence: s.sequence, Created: w.head.created,
		Bytes: w.size, FileBytes: w.size,
	}
	if d != nil {
		info.Damages++
	}
	if z, ok := src.(*inflater); ok {
		info.File, info.Compressed = s.name+zstdSuffix, true
		info.FileBytes, err = z.file.Size()
		info.addFrames(z)
		return info, err
	}
	info.File = filepath.Base(s.name + plainSuffix)
	return info, info.addBlocks(w)
}

func (info *SegmentInfo) addFrames(z *inflater) {
	for i := range z.frames {
		f := &z.frames[i]
		info.add(f.first, f.last, f.blocks, f.entries)
		info.Sealed = info.Sealed || f.flags&frameSealed != 0
		if f.flags&frameOpaque != 0 {
			info.Damages++
		}
	}
	if !z.whole {
		info.Damages++
	}
}

func (info *SegmentInfo) addBlocks(w *walker) error {
	for {
		b, err := w.next(true)
		var d *Damage
		switch {
		case err == nil:
			info.add(b.head.first, b.head.last, 1, b.head.entries)
			info.Sealed = b.head.flags&flagEnd != 0
		case errors.As(err, &d):
			info.Damages++
		case errors.Is(err, errPartial):
			info.Damages++
			return nil
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

func (info *SegmentInfo) add(first, last reset.Time, blocks, entries uint32) {
	if blocks == 0 {
		return
	}
	if info.Blocks == 0 {
		info.First, info.Last = first, last
	}
	info.First, info.Last = min(info.First, first), max(info.Last, last)
	info.Blocks += uint64(blocks)
	info.Entries += uint64(entries)
}
