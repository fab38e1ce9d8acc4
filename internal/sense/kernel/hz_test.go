package kernel

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestHZ: what the coarse clock says is what the kernel was configured with,
// where both can be had.
func TestHZ(t *testing.T) {
	hz := kernelHZ()
	if hz < 24 || hz > 2000 {
		t.Errorf("%d jiffies a second", hz)
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/boot/config-" + unix.ByteSliceToString(name.Release[:]), "/proc/config.gz"} {
		if configured := readHZ(path); configured != 0 && configured != hz {
			t.Errorf("%s says %d jiffies a second, the clock %d", path, configured, hz)
		}
	}
}
