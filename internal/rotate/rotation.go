package rotate

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// retryAfter is how long a failed rotation is left alone.
const retryAfter = time.Minute

// rotateIfDue rotates at a new day without a line to write.
func (l *live) rotateIfDue() error {
	size, err := l.ready()
	if err != nil || !l.due(size, 0) {
		return err
	}
	return l.rotate()
}

// rotate renames the live file and makes a new one. Whatever fails, lines can
// be written on: into the old file, which got its name back, or into one that
// the next write makes.
func (l *live) rotate() error {
	if size, err := l.ready(); err != nil || size == 0 {
		return err
	}
	if !l.isOurs() { // moved away by somebody else
		return l.reopen()
	}
	err := l.swap()
	if errors.Is(err, errCrash) {
		return err
	}
	if err != nil {
		l.count.rotateErrors.Add(1)
		l.retry = l.cfg.Now().Add(retryAfter)
		l.cfg.Log.Warn("rotating log", "path", l.cfg.Path, "error", err)
		return fmt.Errorf("rotating log %q: %w", l.cfg.Path, err)
	}
	l.count.rotations.Add(1)
	l.keeper.wake()
	return nil
}

// swap is the rotation itself. The attribute is off between its second step
// and its last.
func (l *live) swap() error {
	name, at, err := l.names.next(l.began)
	if err != nil {
		return err
	}
	if err := l.step("before lifting"); err != nil {
		return err
	}
	if l.cfg.AppendOnly {
		_, _ = setAppendOnly(l.file, false) // the rename tells if it mattered
	}
	if err := l.step("before rename"); err != nil {
		return err
	}
	if err := rename(l.cfg.Path, l.names.path(name)); err != nil {
		l.protect()
		return err
	}
	if err := l.step("before creation"); err != nil {
		return err
	}
	old := l.file
	l.file = nil
	if err := l.open(); err != nil {
		return l.swapBack(old, name, err)
	}
	l.began = max(l.began, at)
	old.Close()
	return l.step("after rotation")
}

// swapBack gives the old file its name back where no new one could be made.
func (l *live) swapBack(old *os.File, name string, cause error) error {
	if err := rename(l.names.path(name), l.cfg.Path); err != nil {
		old.Close() // it stays as an archive, and the next write tries again
		return errors.Join(cause, err)
	}
	l.file = old
	l.protect()
	return cause
}

// rename never replaces a file.
func rename(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a file system that cannot
		if _, err := os.Lstat(to); err == nil {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: os.ErrExist}
		}
		return os.Rename(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// isOurs reports whether the path still names the open file.
func (l *live) isOurs() bool {
	here, err := l.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(l.cfg.Path)
	return err == nil && os.SameFile(here, there)
}

// reopen follows an outside logrotate: the file was moved away, or copied and
// truncated, or nothing happened at all.
func (l *live) reopen() error {
	l.count.reopens.Add(1)
	if l.file != nil && l.isOurs() {
		l.protect()
		return nil
	}
	return l.open()
}
