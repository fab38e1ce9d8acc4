package rotate

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// appendOnly is FS_APPEND_FL of linux/fs.h.
const appendOnly = 0x20

// setAppendOnly sets or lifts the append-only attribute (FS_APPEND_FL), which
// forbids even root to overwrite, truncate, rename or remove a file. changed
// reports whether it had been otherwise.
func setAppendOnly(f *os.File, on bool) (changed bool, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		var flags int
		if flags, err = unix.IoctlGetInt(int(fd), unix.FS_IOC_GETFLAGS); err != nil {
			return
		}
		wanted := flags &^ appendOnly
		if on {
			wanted |= appendOnly
		}
		if wanted != flags {
			changed = true
			err = unix.IoctlSetPointerInt(int(fd), unix.FS_IOC_SETFLAGS, wanted)
		}
	})
	return changed && err == nil, errors.Join(controlErr, err)
}

// attributeUnsupported reports that the file system has no such attribute, or
// that the process may not set it: no reason to stop logging.
func attributeUnsupported(err error) bool {
	return errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) ||
		errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS)
}
