package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// appends notes when the segments of a journal grew, told by inotify.
type appends struct {
	dir  string
	fd   int
	done chan struct{}

	mu    sync.Mutex
	grown map[uint64][]growth // by segment, in order
}

type growth struct{ at, size int64 }

func followAppends(dir string) (*appends, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", dir, err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watching %s: %w", dir, err)
	}
	a := &appends{dir: dir, fd: fd, done: make(chan struct{}), grown: make(map[uint64][]growth)}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		a.run()
	}()
	done := a.done
	go func() {
		<-done
		<-stopped
		unix.Close(fd)
	}()
	return a, nil
}

func (a *appends) close() { close(a.done) }

// run looks at the segments after each event. It waits a little after each
// look, so that a storm does not become one of events.
func (a *appends) run() {
	events := make([]byte, 64<<10)
	fds := []unix.PollFd{{Fd: int32(a.fd), Events: unix.POLLIN}}
	for {
		select {
		case <-a.done:
			return
		default:
		}
		if n, err := unix.Poll(fds, 50); err != nil || n == 0 {
			continue
		}
		a.look()
		for {
			if n, err := unix.Read(a.fd, events); n <= 0 || err != nil {
				break
			}
			a.look() // what came between the first look and the reading
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func (a *appends) look() {
	files, err := filepath.Glob(filepath.Join(a.dir, "*.journal"))
	if err != nil || len(files) == 0 {
		return
	}
	slices.Sort(files)
	now := monotonic()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, file := range files[max(0, len(files)-2):] {
		number, _, _ := strings.Cut(filepath.Base(file), "-")
		segment, err := strconv.ParseUint(number, 10, 64)
		info, statErr := os.Stat(file)
		if err != nil || statErr != nil {
			continue
		}
		list := a.grown[segment]
		if len(list) == 0 || list[len(list)-1].size < info.Size() {
			a.grown[segment] = append(list, growth{now, info.Size()})
		}
	}
}

// written is the monotonic time from which the block at offset was there.
func (a *appends) written(segment uint64, offset int64) (int64, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.grown[segment]
	i, _ := slices.BinarySearchFunc(list, offset, func(g growth, offset int64) int {
		if g.size <= offset {
			return -1
		}
		return 1
	})
	if i == len(list) {
		return 0, false
	}
	return list[i].at, true
}
