package daemon

import (
	"fmt"
	"os"
	"strings"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Here is the place of this host and boot. Ids derive from the boot and the
// moment of the start, so that two runs in one boot never share one.
func Here(names func(uint64) (string, bool)) Place {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	boot := bootID()
	return Place{
		Host: host, BootID: boot, Names: names,
		Origin: reset.NewOrigin(fmt.Sprintf("live %s %d %d", boot, os.Getpid(), clock.Now().Mono)),
	}
}

// bootID is the kernel's, or empty where /proc is not to be had.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// kernelRelease is as uname -r says it, or empty where /proc is not to be had.
func kernelRelease() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
