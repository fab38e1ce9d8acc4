package kernel

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// kernelHZ is CONFIG_HZ of the running kernel, 0 where that is not to be had:
// socket times are in jiffies. The coarse clock ticks with them
// (kernel/time/posix-timers.c: posix_get_coarse_res); the kernel's configuration
// is asked only where it does not say.
func kernelHZ() uint32 {
	var tick unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &tick); err == nil && tick.Sec == 0 && tick.Nsec >= 500_000 {
		return uint32((1_000_000_000 + tick.Nsec/2) / tick.Nsec)
	}
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
