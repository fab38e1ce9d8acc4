package rotate

import "sync/atomic"

// Stats counts what a Writer has done since it was opened.
type Stats struct {
	Lines          uint64 // acknowledged
	Bytes          uint64
	LostLines      uint64 // of writes that failed
	LateLines      uint64 // written after their caller had given up; not lost
	WriteErrors    uint64
	Rotations      uint64
	RotateErrors   uint64
	Reopens        uint64
	Compressed     uint64 // files
	CompressErrors uint64
	Removed        uint64 // files beyond Keep
	TornBytes      uint64 // of lines that a crash had cut, removed at open
}

type counters struct {
	lines, bytes, lostLines, lateLines, writeErrors, rotations, rotateErrors, reopens,
	compressed, compressErrors, removed, tornBytes atomic.Uint64
}

func (c *counters) snapshot() Stats {
	return Stats{
		Lines: c.lines.Load(), Bytes: c.bytes.Load(), LostLines: c.lostLines.Load(),
		LateLines: c.lateLines.Load(), WriteErrors: c.writeErrors.Load(), Rotations: c.rotations.Load(),
		RotateErrors: c.rotateErrors.Load(), Reopens: c.reopens.Load(), Compressed: c.compressed.Load(),
		CompressErrors: c.compressErrors.Load(), Removed: c.removed.Load(), TornBytes: c.tornBytes.Load(),
	}
}
