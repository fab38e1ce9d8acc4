package journal

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Priorities of the thread that compresses: linux/ioprio.h.
const (
	ioprioClassIdle  = 3
	ioprioClassShift = 13
	ioprioWhoProcess = 1
	lowestNice       = 19
)

// humble gives the goroutine a thread of its own, with the lowest priority for
// processor and disk. The thread ends with the goroutine.
func humble() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lowestNice)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, 0, ioprioClassIdle<<ioprioClassShift)
}
