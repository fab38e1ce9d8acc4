package logfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// identifier makes the ids of one log.
type identifier struct {
	seconds [keptSeconds]second // a ring
	scratch []byte
}

// second holds how often each line was met in one second.
type second struct {
	at    int64
	lines map[[16]byte]uint32
}

const (
	// keptSeconds is how many seconds are kept at a time: lines come a little late.
	keptSeconds = 4
	// maxInSecond bounds the lines of one that are told apart: more than a kernel
	// can log.
	maxInSecond = 1 << 18
)

// next returns the id of a line.
func (x *identifier) next(at reset.Time, host, text []byte) reset.ID {
	x.scratch = append(x.scratch[:0], "klog\x00"...)
	x.scratch = append(append(append(x.scratch, host...), 0), bytes.TrimRight(text, " ")...)
	x.scratch = binary.LittleEndian.AppendUint64(x.scratch, uint64(at))
	sum := sha256.Sum256(x.scratch)
	key := [16]byte(sum[:16])
	nth := x.count(int64(at)/1e9, key)
	return reset.NewOrigin(string(key[:])).NewID(int64(at), uint64(at)+uint64(nth)<<32)
}

// count returns how many equal lines of that second came before.
func (x *identifier) count(at int64, key [16]byte) uint32 {
	s := &x.seconds[uint64(at)%keptSeconds]
	if s.lines == nil || s.at != at {
		if s.lines == nil {
			s.lines = make(map[[16]byte]uint32)
		}
		clear(s.lines)
		s.at = at
	}
	n, known := s.lines[key]
	if !known && len(s.lines) >= maxInSecond {
		return 0
	}
	s.lines[key] = n + 1
	return n
}
