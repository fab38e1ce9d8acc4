package netns

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// A storm of mounts or of dying processes shall not become a storm of scans.
	leastBetweenScans = 10 * time.Millisecond
	// The kernel says when mounts change; reading them all the same now and then
	// costs little and heals whatever went wrong.
	mountsStaleAfter = 10 * time.Second
	// More descriptors than this are not worth their price: the rest is found by
	// the next scan.
	mostProcesses = 512
)

// watch waits for whatever should make the tracker look.
type watch struct {
	// mountinfo has POLLPRI when mounts have changed since it was last polled
	// (mounts_poll). It is no os.File: Go's own poller would take those events.
	mountinfo int
	wake      int // an eventfd
	pidfds    map[int]int
	buf       []byte

	mountsChanged bool
	mountsRead    time.Time
	lastWait      time.Time
}

func newWatch() (*watch, error) {
	const path = "/proc/self/mountinfo"
	mountinfo, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(mountinfo)
		return nil, fmt.Errorf("making an eventfd: %w", err)
	}
	return &watch{mountinfo: mountinfo, wake: wake, pidfds: make(map[int]int), mountsChanged: true}, nil
}

func (w *watch) close() {
	unix.Close(w.mountinfo)
	unix.Close(w.wake)
	for _, fd := range w.pidfds {
		unix.Close(fd)
	}
}

// wakeUp ends a wait. It can only fail where the count is full, and then the
// wait ends anyway.
func wakeUp(eventfd int) { _, _ = unix.Write(eventfd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// readMounts reads the whole table. The kernel may have changed it between two
// reads; it says so, and the table is read again then.
func (w *watch) readMounts() ([]mount, error) {
	w.mountsChanged, w.mountsRead = false, time.Now()
	if _, err := unix.Seek(w.mountinfo, 0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading mounts: %w", err)
	}
	w.buf = w.buf[:0]
	for {
		w.buf = slices.Grow(w.buf, 16<<10)
		n, err := unix.Read(w.mountinfo, w.buf[len(w.buf):cap(w.buf)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading mounts: %w", err)
		}
		if n == 0 {
			return sortMounts(parseMounts(w.buf)), nil
		}
		w.buf = w.buf[:len(w.buf)+n]
	}
}

// watchProcesses follows the end of these processes and of no others. A pidfd
// holds the process's number, not its namespaces.
func (w *watch) watchProcesses(pids []int) {
	for pid, fd := range w.pidfds {
		if !slices.Contains(pids, pid) {
			unix.Close(fd)
			delete(w.pidfds, pid)
		}
	}
	for _, pid := range pids {
		if _, ok := w.pidfds[pid]; ok || len(w.pidfds) >= mostProcesses {
			continue
		}
		if fd, err := unix.PidfdOpen(pid, 0); err == nil {
			w.pidfds[pid] = fd
		}
	}
}

// wait returns when there is reason to scan: the interval is over, the mounts
// of namespaces are others than these, a process that was watched has ended, or
// somebody asked.
func (w *watch) wait(ctx context.Context, interval time.Duration, mounts []mount) error {
	until := time.Now().Add(interval)
	if early := w.lastWait.Add(leastBetweenScans); time.Now().Before(early) {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(early)):
		}
	}
	for {
		w.lastWait = time.Now()
		left := until.Sub(w.lastWait)
		if left <= 0 {
			w.mountsChanged = w.mountsChanged || time.Since(w.mountsRead) > mountsStaleAfter
			return nil
		}
		scan, err := w.poll(left)
		if err != nil || scan {
			return err
		}
		if !w.mountsChanged {
			continue
		}
		now, err := w.readMounts()
		if err != nil || !slices.Equal(now, mounts) {
			w.mountsChanged = true // for Run to read
			return err
		}
	}
}

// poll reports whether something other than the mounts asks for a scan.
func (w *watch) poll(timeout time.Duration) (scan bool, err error) {
	fds := []unix.PollFd{
		{Fd: int32(w.mountinfo), Events: unix.POLLPRI},
		{Fd: int32(w.wake), Events: unix.POLLIN},
	}
	for _, fd := range w.pidfds {
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	_, err = unix.Poll(fds, int(timeout.Milliseconds())+1)
	if err != nil && err != unix.EINTR {
		return false, fmt.Errorf("waiting for changes: %w", err)
	}
	if fds[0].Revents != 0 {
		w.mountsChanged = true
	}
	if fds[1].Revents != 0 {
		var buf [8]byte
		_, _ = unix.Read(w.wake, buf[:])
		scan = true
	}
	for _, fd := range fds[2:] {
		scan = scan || fd.Revents != 0
	}
	return scan, nil
}
