package kernel

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// clock turns the kernel's monotonic time into wall time. The distance between
// the two moves when the wall clock is stepped, so it is measured anew while
// the sensor runs; safe for concurrent use.
type clock struct{ offset atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.measure()
	return c
}

// measure takes the pair of readings that are closest together, of a few.
func (c *clock) measure() {
	best := int64(1) << 62
	for range 5 {
		before, wall, after := now(unix.CLOCK_MONOTONIC), now(unix.CLOCK_REALTIME), now(unix.CLOCK_MONOTONIC)
		if after-before < best {
			best = after - before
			c.offset.Store(wall - (before+after)/2)
		}
	}
}

const clockMonotonic = unix.CLOCK_MONOTONIC

func now(id int32) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0 // cannot happen with these two clocks
	}
	return ts.Nano()
}

func (c *clock) wall(mono int64) reset.Time { return reset.Time(mono + c.offset.Load()) }

// kernelHZ reads CONFIG_HZ of the running kernel, 0 where its configuration is
// not to be had: socket times are in jiffies.
func kernelHZ() uint32 {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return 0
	}
	release := unix.ByteSliceToString(name.Release[:])
	for _, path := range []string{"/boot/config-" + release, "/lib/modules/" + release + "/config", "/proc/config.gz"} {
		if hz := readHZ(path); hz != 0 {
			return hz
		}
	}
	return 0
}

func readHZ(path string) uint32 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return 0
		}
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "CONFIG_HZ="); ok {
			hz, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return 0
			}
			return uint32(hz)
		}
	}
	return 0
}
