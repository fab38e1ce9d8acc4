package netns

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// found is what one scan knows of one namespace.
type found struct {
	mounts []mount
	pids   []int // ascending
}

// paths lists ways to enter, mounts before processes.
func (f *found) paths() []string {
	const most = 4 // of each kind: more would only be tried after those had gone
	var list []string
	for _, m := range f.mounts[:min(most, len(f.mounts))] {
		list = append(list, m.path)
	}
	for _, pid := range f.pids[:min(most, len(f.pids))] {
		list = append(list, "/proc/"+strconv.Itoa(pid)+"/ns/net")
	}
	return list
}

// name is the best name that a mount gives; empty without one.
func (f *found) name() string {
	for _, m := range f.mounts {
		if name := mountName(m.path); name != "" {
			return name
		}
	}
	return ""
}

// sharesReference reports whether anything that referred to the namespace then
// still does. Where nothing does, the inode number may have been used again.
func (f *found) sharesReference(then *found) bool {
	for _, m := range then.mounts {
		if slices.Contains(f.mounts, m) {
			return true
		}
	}
	for _, pid := range then.pids {
		if _, ok := slices.BinarySearch(f.pids, pid); ok {
			return true
		}
	}
	return false
}

// created estimates when the namespace came to be: the change time of the
// mounted nsfs file, which the mount keeps in memory, or the start of its
// oldest process.
func (f *found) created(boot time.Time) time.Time {
	for _, m := range f.mounts {
		var stat unix.Stat_t
		if unix.Stat(m.path, &stat) == nil && stat.Ino == m.nsID {
			return time.Unix(stat.Ctim.Unix())
		}
	}
	var oldest time.Time
	for _, pid := range f.pids[:min(4, len(f.pids))] {
		start, ok := processStart(pid, boot)
		if ok && (oldest.IsZero() || start.Before(oldest)) {
			oldest = start
		}
	}
	return oldest
}

// sortMounts puts the best names first.
func sortMounts(mounts []mount) []mount {
	slices.SortStableFunc(mounts, func(a, b mount) int {
		return cmp.Or(cmp.Compare(rankMount(a.path), rankMount(b.path)), cmp.Compare(a.mountID, b.mountID))
	})
	return mounts
}

// scanner looks for namespaces. It keeps its buffers between scans.
type scanner struct {
	proc *os.File // /proc
	link [64]byte
}

// scan finds every namespace that a process or a mount refers to.
func (s *scanner) scan(mounts []mount) (map[uint64]*found, error) {
	all := make(map[uint64]*found)
	at := func(id uint64) *found {
		f := all[id]
		if f == nil {
			f = &found{}
			all[id] = f
		}
		return f
	}
	for _, m := range mounts {
		f := at(m.nsID)
		f.mounts = append(f.mounts, m)
	}
	if _, err := s.proc.Seek(0, 0); err != nil {
		return nil, fmt.Errorf("reading /proc: %w", err)
	}
	names, err := s.proc.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("reading /proc: %w", err)
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if id, ok := s.processNamespace(name); ok {
			f := at(id)
			f.pids = append(f.pids, pid)
		}
	}
	for _, f := range all {
		slices.Sort(f.pids)
	}
	return all, nil
}

// processNamespace reads where a process is. Where its first thread has ended
// while others run on, the first of those answers.
func (s *scanner) processNamespace(pid string) (uint64, bool) {
	id, err := s.readLink(pid + "/ns/net")
	if err == nil {
		return id, true
	}
	if err != unix.ENOENT {
		return 0, false // not ours to see, or a kernel thread's
	}
	tasks, err := os.ReadDir("/proc/" + pid + "/task")
	if err != nil {
		return 0, false
	}
	for _, task := range tasks {
		if task.Name() == pid {
			continue
		}
		if id, err := s.readLink(pid + "/task/" + task.Name() + "/ns/net"); err == nil {
			return id, true
		}
	}
	return 0, false
}

func (s *scanner) readLink(path string) (uint64, error) {
	n, err := unix.Readlinkat(int(s.proc.Fd()), path, s.link[:])
	if err != nil {
		return 0, err
	}
	id, ok := parseLink(string(s.link[:n]))
	if !ok {
		return 0, unix.EINVAL
	}
	return id, nil
}

// processStart reads field 22 of /proc/PID/stat: clock ticks after boot, of
// which user space has 100 a second on every architecture.
func processStart(pid int, boot time.Time) (time.Time, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return time.Time{}, false
	}
	// The second field is the name, in parentheses, and may hold anything.
	_, rest, ok := strings.Cut(string(text[max(strings.LastIndexByte(string(text), ')'), 0):]), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return time.Time{}, false
	}
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil || ticks < 0 || ticks > 1<<40 {
		return time.Time{}, false
	}
	return boot.Add(time.Duration(ticks) * 10 * time.Millisecond), true
}

// bootTime is when CLOCK_BOOTTIME was zero, as the wall clock sees it now.
func bootTime() time.Time {
	var since unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &since) != nil {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(since.Nano()))
}
