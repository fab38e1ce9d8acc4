package journal

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The names in a journal's directory:
//
//	00000042-20260822T140000Z.journal      a segment: its number, and when it was begun
//	00000042-20260822T140000Z.journal.zst  the same, compressed
//	….tmp                                  one of these in the making
//	lock                                   held by the writer
//
// Segments sort by their numbers, which only grow, however the clock steps. A
// segment goes by its name without the extensions.
const (
	plainSuffix  = ".journal"
	zstdSuffix   = ".journal.zst"
	tmpSuffix    = ".tmp"
	stampLayout  = "20060102T150405Z"
	sequenceLow  = 8  // digits at least
	sequenceHigh = 19 // digits at most
)

func segmentName(sequence uint64, created reset.Time) string {
	return fmt.Sprintf("%08d-%s", sequence, created.Std().Format(stampLayout))
}

// segment is one segment of a directory, in one file or, for the moment after
// compression, in two with the same content.
type segment struct {
	sequence    uint64
	name        string
	plain, zstd bool
}

// file returns the name of the file to read: the one that was written.
func (s *segment) file() string {
	if s.plain {
		return s.name + plainSuffix
	}
	return s.name + zstdSuffix
}

// parseSegment reads a file's name; ok is false for one that is not a segment's.
func parseSegment(file string) (s segment, ok bool) {
	name, found := strings.CutSuffix(file, zstdSuffix)
	s.zstd = found
	if !found {
		name, s.plain = strings.CutSuffix(file, plainSuffix)
		if !s.plain {
			return s, false
		}
	}
	digits, stamp, found := strings.Cut(name, "-")
	if !found || len(stamp) != len(stampLayout) || len(digits) < sequenceLow || len(digits) > sequenceHigh {
		return s, false
	}
	sequence, err := strconv.ParseUint(digits, 10, 64)
	s.sequence, s.name = sequence, name
	return s, err == nil && sequence > 0 && isStamp(stamp)
}

// isStamp keeps names with strange characters out of messages for people.
func isStamp(stamp string) bool {
	for i := range len(stamp) {
		c, like := stamp[i], stampLayout[i]
		if isDigit(like) != isDigit(c) || !isDigit(like) && c != like {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// listSegments returns the directory's segments in order. Other files are
// passed over.
func listSegments(fs FS, dir string) ([]segment, error) {
	names, err := fs.Names(dir)
	if err != nil {
		return nil, fmt.Errorf("listing journal %q: %w", dir, err)
	}
	slices.Sort(names)
	var list []segment
	for _, name := range names {
		s, ok := parseSegment(name)
		if !ok {
			continue
		}
		if last := len(list) - 1; last >= 0 && list[last].name == s.name {
			list[last].plain = list[last].plain || s.plain
			list[last].zstd = list[last].zstd || s.zstd
			continue
		}
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b segment) int { return int(int64(a.sequence) - int64(b.sequence)) })
	return list, nil
}

// openSegment opens a segment's content. A plain file that was compressed
// between listing and opening is found under its other name.
func openSegment(fs FS, dir string, s segment) (source, error) {
	if s.plain {
		f, err := fs.Open(filepath.Join(dir, s.name+plainSuffix))
		if err == nil {
			return f, nil
		}
		if z, zerr := openZstd(fs, dir, s.name); zerr == nil {
			return z, nil
		}
		return nil, fmt.Errorf("opening segment %s: %w", s.name, err)
	}
	z, err := openZstd(fs, dir, s.name)
	if err != nil {
		return nil, fmt.Errorf("opening segment %s: %w", s.name, err)
	}
	return z, nil
}

func openZstd(fs FS, dir, name string) (source, error) {
	f, err := fs.Open(filepath.Join(dir, name+zstdSuffix))
	if err != nil {
		return nil, err
	}
	z, err := newInflater(f)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return z, nil
}
