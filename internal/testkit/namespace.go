package testkit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// netnsDir is where iproute2 keeps its named namespaces.
const netnsDir = "/run/netns"

// namePrefix begins the name of every namespace of every lab; the process ID
// follows, so that leftovers of dead processes can be told.
const namePrefix = "rwlab-"

// errGoexit is what InNamespace returns when the function ended its goroutine
// instead of returning.
var errGoexit = errors.New("function ended its goroutine inside a namespace: return an error instead of calling t.Fatal")

// InNamespace runs f on an operating system thread that is in the network
// namespace of the open file fd. The thread returns to its own namespace
// afterwards; where that is impossible it is thrown away. Sockets made in f
// stay in the namespace wherever they are used later. f must not call
// t.FailNow or its relatives.
func InNamespace(fd int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() { done <- err }()
		// A goroutine that exits while locked takes its thread with it, which
		// is what must happen if the way home is barred.
		runtime.LockOSThread()
		home, openErr := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if openErr != nil {
			err = fmt.Errorf("opening own network namespace: %w", openErr)
			return
		}
		defer unix.Close(home)
		if setErr := unix.Setns(fd, unix.CLONE_NEWNET); setErr != nil {
			err = fmt.Errorf("entering network namespace: %w", setErr)
			return
		}
		defer func() {
			if unix.Setns(home, unix.CLONE_NEWNET) == nil {
				runtime.UnlockOSThread()
			}
		}()
		err = f()
	}()
	return <-done
}

// newNamespace makes a network namespace, names it as `ip netns add` would,
// and returns an open file of it.
func newNamespace(name string) (fd int, err error) {
	path := filepath.Join(netnsDir, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o444)
	if err != nil {
		return -1, fmt.Errorf("naming namespace %q: %w", name, err)
	}
	file.Close()
	own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening own network namespace: %w", err)
	}
	defer unix.Close(own)
	fd = -1
	// Entering our own namespace first makes InNamespace bring the thread home
	// from the one that unshare puts it into.
	err = InNamespace(own, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making namespace %q: %w", name, err)
		}
		source := "/proc/thread-self/ns/net"
		if err := unix.Mount(source, path, "none", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting namespace %q: %w", name, err)
		}
		fd, err = unix.Open(source, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		removeNamespace(name)
	}
	return fd, err
}

// removeNamespace takes the name away; the namespace dies with its last user.
func removeNamespace(name string) {
	path := filepath.Join(netnsDir, name)
	for unix.Unmount(path, unix.MNT_DETACH) == nil {
		// Somebody may have mounted it more than once.
	}
	_ = os.Remove(path)
}

// prepareNetnsDir makes /run/netns what iproute2 wants it to be: a shared
// mount of itself. Doing it later would hide the names mounted before.
func prepareNetnsDir() error {
	if err := os.MkdirAll(netnsDir, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", netnsDir, err)
	}
	dir, err := os.Open(netnsDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	// iproute2 takes the same lock for the same purpose.
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("locking %s: %w", netnsDir, err)
	}
	shared := uintptr(unix.MS_SHARED | unix.MS_REC)
	if unix.Mount("", netnsDir, "none", shared, "") == nil {
		return nil
	}
	if err := unix.Mount(netnsDir, netnsDir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mounting %s on itself: %w", netnsDir, err)
	}
	if err := unix.Mount("", netnsDir, "none", shared, ""); err != nil {
		return fmt.Errorf("sharing %s: %w", netnsDir, err)
	}
	return nil
}

// removeLeftovers deletes the namespaces of labs whose process is dead.
func removeLeftovers() {
	entries, err := os.ReadDir(netnsDir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		rest, ours := strings.CutPrefix(entry.Name(), namePrefix)
		if !ours {
			continue
		}
		digits, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(digits)
		if err != nil || pid <= 0 {
			continue
		}
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			removeNamespace(entry.Name())
		}
	}
}
