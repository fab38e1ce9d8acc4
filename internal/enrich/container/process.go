package container

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// maxCgroupFile bounds what is read of /proc/PID/cgroup: a line for each of a
// dozen hierarchies.
const maxCgroupFile = 64 << 10

// cgroupFile returns what /proc says of a process's cgroups.
func cgroupFile(proc string, pid uint32) (string, error) {
	path := filepath.Join(proc, strconv.FormatUint(uint64(pid), 10), "cgroup")
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading cgroup of process %d: %w", pid, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxCgroupFile))
	if err != nil {
		return "", fmt.Errorf("reading cgroup of process %d: %w", pid, err)
	}
	return string(text), nil
}

// ParseFile returns the container that the lines of /proc/PID/cgroup name:
// NUMBER:CONTROLLERS:PATH, one for each hierarchy (cgroups(7)). In version 1
// they need not agree; the first that names a container counts, and only then
// a systemd unit.
func ParseFile(text string) (reset.Container, bool) {
	var unit reset.Container
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		c, ok := Parse(strings.TrimSuffix(parts[2], " (deleted)"))
		switch {
		case ok && c.Runtime != systemd:
			return c, true
		case ok && unit.ID == "":
			unit = c
		}
	}
	return unit, unit.ID != ""
}
