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

// attempts are how often Now reads anew if it was interrupted.
const attempts = 5

// Now reads both clocks. The monotonic one is read between two readings of the
// other; of a few attempts the one counts in which those two lay closest
// together, so that an interruption does not pull the clocks apart.
func Now() Pair {
	var best Pair
	width := int64(1) << 62
	for range attempts {
		before := read(unix.CLOCK_REALTIME)
		mono := read(unix.CLOCK_MONOTONIC)
		after := read(unix.CLOCK_REALTIME)
		if w := after - before; w >= 0 && w < width {
			width = w
			best = Pair{Wall: reset.Time(before + w/2), Mono: mono}
		}
		if width < 1000 {
			break
		}
	}
	return best
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
