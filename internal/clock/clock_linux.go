// Package clock reads the wall clock and the monotonic clock together, and
// turns times of the one into times of the other.
package clock

import (
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Pair is one moment on both clocks.
type Pair struct {
	Wall reset.Time // CLOCK_REALTIME, nanoseconds since 1970
	Mono int64      // CLOCK_MONOTONIC, nanoseconds; stands still while suspended
}

// Now reads both clocks. The monotonic one is read between two readings of the
// other, so that the two are less than a microsecond apart unless the thread
// was interrupted.
func Now() Pair {
	before := read(unix.CLOCK_REALTIME)
	mono := read(unix.CLOCK_MONOTONIC)
	after := read(unix.CLOCK_REALTIME)
	return Pair{Wall: reset.Time(before + (after-before)/2), Mono: mono}
}

// MonoAt is the monotonic time at a moment that the wall clock tells. It holds
// for moments near p, with no step of the wall clock between.
func (p Pair) MonoAt(wall reset.Time) int64 { return p.Mono + int64(wall-p.Wall) }

// WallAt is the wall time at a moment that the monotonic clock tells.
func (p Pair) WallAt(mono int64) reset.Time { return p.Wall + reset.Time(mono-p.Mono) }

func read(clock int32) int64 {
	var ts unix.Timespec
	if unix.ClockGettime(clock, &ts) != nil {
		return 0
	}
	return ts.Nano()
}
