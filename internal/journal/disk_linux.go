package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Modes of what the journal makes: the group may read.
const (
	dirMode  = 0o750
	fileMode = 0o640
)

const lockName = "lock"

// appendFlag is FS_APPEND_FL of linux/fs.h.
const appendFlag = 0x20

// Disk is the real file system.
type Disk struct{}

// LockedError is a journal that another process is writing.
type LockedError struct {
	Dir string
	PID int // 0 if the lock file does not say
}

// Error names the directory and the process.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("journal %q is being written by another process", e.Dir)
	}
	return fmt.Sprintf("journal %q is being written by process %d", e.Dir, e.PID)
}

// MakeDir makes the directory and its parents, whatever the process's umask; one
// that is there is left as it is.
func (Disk) MakeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	return os.Chmod(dir, dirMode)
}

// Names returns the names in the directory.
func (Disk) Names(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer shut(d)
	return d.Readdirnames(-1)
}

// Create makes a new file, whatever the process's umask, in the directory's
// group, so that "chgrp adm" of the directory lets that group read all of it.
func (Disk) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, fileMode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(fileMode); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	if info, err := os.Stat(filepath.Dir(path)); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Gid) != os.Getegid() {
			_ = f.Chown(-1, int(stat.Gid)) // only some may; the mode still keeps others out
		}
	}
	return diskFile{f}, nil
}

// Append opens a file to append to.
func (Disk) Append(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

// Open opens a regular file to read; anything else in its place is refused, so
// that a fifo cannot hold the reader up.
func (Disk) Open(path string) (ReadFile, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("opening %q: not a regular file", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return diskFile{f}, nil
}

// Rename gives the file a new name.
func (Disk) Rename(from, to string) error { return os.Rename(from, to) }

// Remove deletes the file.
func (Disk) Remove(path string) error { return os.Remove(path) }

// SyncDir makes the directory's entries durable.
func (Disk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// SetAppendOnly sets or lifts FS_APPEND_FL, chattr's "a" (ioctl_iflags(2)).
func (Disk) SetAppendOnly(path string, on bool) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer shut(f)
	fd := int(f.Fd())
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err == nil {
		want := flags | appendFlag
		if !on {
			want = flags &^ appendFlag
		}
		if want == flags {
			return nil
		}
		err = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(want))
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("append-only attribute of %q: %w (%w)", path, errors.ErrUnsupported, err)
	}
	return fmt.Errorf("append-only attribute of %q: %w", path, err)
}

// Lock takes an flock(2) on the file "lock", which the kernel releases with
// the process, and writes the process's id into it for people.
func (Disk) Lock(dir string) (io.Closer, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer shut(f)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking %q: %w", path, err)
		}
		var text [20]byte
		n, _ := f.ReadAt(text[:], 0)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text[:n])))
		return nil, &LockedError{Dir: dir, PID: pid}
	}
	// Only for people: a full disk must not keep the journal from opening.
	_ = f.Truncate(0)
	_, _ = f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	return f, nil
}

// diskFile is one open file.
type diskFile struct{ *os.File }

// Size returns the file's length in bytes.
func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
