package netns

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// ErrGone is returned by Do when the namespace can no longer be entered:
// nothing that the Tracker knew of refers to it any more.
var ErrGone = errors.New("the network namespace is gone")

// Namespace is one network namespace.
type Namespace struct {
	ID     uint64 // inode number in nsfs; may be used again once the namespace is gone
	Cookie uint64 // net->net_cookie, never used again within a boot; 0 before Linux 5.14
	Name   string // last element of its mount's path; empty if it has none

	// Discovered is when the scan that found it began to look.
	Discovered time.Time
	// Unfound is when the last scan that did not find it began. The namespace is
	// younger than that. It is zero for those found by the first scan.
	Unfound time.Time
	// Created is an estimate of its birth, from the change time of its mount or
	// the start of its oldest process; zero where neither can be read.
	Created time.Time

	paths []string // ways to enter, the most durable first
}

// Record returns the namespace as a record bears it.
func (n Namespace) Record() reset.Netns {
	return reset.Netns{ID: n.ID, Cookie: n.Cookie, Name: n.Name}
}

// Unwatched bounds how long the namespace had existed when a sensor began to
// watch it. It reports false for a namespace that was there before the first
// scan, of which no bound is known.
func (n Namespace) Unwatched(watched time.Time) (time.Duration, bool) {
	if n.Unfound.IsZero() {
		return 0, false
	}
	return max(watched.Sub(n.Unfound), 0), true
}

// Coverage says that a sensor watched the namespace between two moments, and
// how long it had existed before at most.
func (n Namespace) Coverage(sensor string, source reset.Source, from, until time.Time) reset.Coverage {
	c := reset.Coverage{
		Time: reset.TimeOf(until), Netns: n.Record(), Sensors: []string{sensor},
		Sources: reset.SourceSet(0).With(source), From: reset.TimeOf(from), Until: reset.TimeOf(until),
	}
	if bound, ok := n.Unwatched(from); ok {
		c.UnwatchedNS = reset.Some(int64(bound))
	}
	return c
}

// String names the namespace for people: its name, or net:[ID].
func (n Namespace) String() string {
	if n.Name != "" {
		return n.Name
	}
	return fmt.Sprintf("net:[%d]", n.ID)
}

// Do runs fn in the namespace, on a thread of its own, and waits for it. A
// socket that fn makes belongs to the namespace for good and works from any
// thread; a goroutine that fn starts does not run in the namespace. It needs
// CAP_SYS_ADMIN. If the namespace can no longer be entered, the error is
// ErrGone and fn has not run.
func (n Namespace) Do(fn func() error) error {
	fd, err := n.open()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return inNamespace(fd, fn)
}

// Current returns the namespace of the calling process, enterable for as long
// as the process lives.
func Current() (Namespace, error) {
	const path = "/proc/self/ns/net"
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return Namespace{}, fmt.Errorf("reading own network namespace: %w", err)
	}
	n := Namespace{ID: stat.Ino, Discovered: time.Now(), paths: []string{path}}
	n.Cookie, _ = readCookie(n)
	return n, nil
}

// At returns the namespace that a path refers to: a mount like
// /run/netns/NAME, or a link like /proc/PID/ns/net.
func At(path string) (Namespace, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Namespace{}, fmt.Errorf("opening network namespace %q: %w", path, err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return Namespace{}, fmt.Errorf("reading network namespace %q: %w", path, err)
	}
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWNET {
		return Namespace{}, fmt.Errorf("reading network namespace %q: not a network namespace", path)
	}
	n := Namespace{ID: stat.Ino, Name: mountName(path), Discovered: time.Now(), paths: []string{path}}
	n.Cookie, _ = readCookie(n)
	return n, nil
}

// open opens the first path that still leads to this namespace. Process ids
// and mount points are used again, so what was opened is compared.
func (n Namespace) open() (int, error) {
	for _, path := range n.paths {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err == nil && stat.Ino == n.ID {
			return fd, nil
		}
		unix.Close(fd)
	}
	return -1, fmt.Errorf("entering network namespace %s: %w", n, ErrGone)
}

// inNamespace runs fn on a thread that is in the namespace of fd. A thread
// that cannot come back is thrown away: the goroutine ends without unlocking.
func inNamespace(fd int, fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The first thread is the one that /proc/PID/ns/net speaks of: everybody
			// would believe that the whole process had moved. Keep it, use another.
			done <- inNamespace(fd, fn)
			runtime.UnlockOSThread()
			return
		}
		home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- fmt.Errorf("opening own network namespace: %w", err)
			runtime.UnlockOSThread()
			return
		}
		defer unix.Close(home)
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("entering network namespace: %w", err)
			runtime.UnlockOSThread()
			return
		}
		err = fn()
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// readCookie asks a socket in the namespace for its cookie (SO_NETNS_COOKIE,
// sk_getsockopt, Linux 5.14).
func readCookie(n Namespace) (cookie uint64, err error) {
	err = n.Do(func() error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("making a socket: %w", err)
		}
		defer unix.Close(fd)
		cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		if err != nil {
			return fmt.Errorf("reading the namespace's cookie: %w", err)
		}
		return nil
	})
	return cookie, err
}
