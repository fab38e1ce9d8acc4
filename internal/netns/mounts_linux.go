package netns

import (
	"bytes"
	"path"
	"strconv"
	"strings"
)

// mount is one mount of a network namespace's nsfs file.
type mount struct {
	mountID uint64 // unique among the mounts of now, used again later
	nsID    uint64
	path    string
}

// parseMounts finds the network namespaces in the text of
// /proc/PID/mountinfo (proc_pid_mountinfo(5)). A line reads
//
//	36 35 0:4 net:[4026532281] /run/netns/blue rw shared:7 - nsfs nsfs rw
//	ID up dev root             mount point     options       type
//
// Lines that are not of this form are passed over: they are other mounts.
func parseMounts(text []byte) []mount {
	var mounts []mount
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte(" net:[")) {
			continue
		}
		fields := strings.Fields(string(line))
		if len(fields) < 6 {
			continue
		}
		mountID, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			continue
		}
		nsID, ok := parseLink(fields[3])
		if !ok {
			continue
		}
		mounts = append(mounts, mount{mountID: mountID, nsID: nsID, path: unescapeMount(fields[4])})
	}
	return mounts
}

// parseLink reads the inode number in "net:[4026531840]", which is what
// /proc/PID/ns/net links to.
func parseLink(text string) (uint64, bool) {
	text, ok := strings.CutPrefix(text, "net:[")
	if !ok {
		return 0, false
	}
	text, ok = strings.CutSuffix(text, "]")
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseUint(text, 10, 64)
	return id, err == nil && id != 0
}

// unescapeMount undoes the kernel's mangle_path, which writes space, tab,
// newline and backslash as three octal digits.
func unescapeMount(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if v, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				out = append(out, byte(v))
				i += 3
				continue
			}
		}
		out = append(out, text[i])
	}
	return string(out)
}

// namedDirs are the places whose files people know namespaces by, the best
// known first.
var namedDirs = [...]string{"/run/netns", "/var/run/netns", "/run/docker/netns", "/var/run/docker/netns"}

// mountName is the name that a mount gives its namespace. Docker mounts the
// host's own namespace as "default", which names nothing.
func mountName(mountPoint string) string {
	if strings.HasPrefix(mountPoint, "/proc/") {
		return ""
	}
	dir, base := path.Split(path.Clean(mountPoint))
	if base == "default" && strings.HasSuffix(dir, "/docker/netns/") {
		return ""
	}
	return base
}

// rankMount orders mounts of one namespace by how well they name it.
func rankMount(mountPoint string) int {
	for i, dir := range namedDirs {
		if path.Dir(mountPoint) == dir {
			return i
		}
	}
	return len(namedDirs)
}
