package logfile

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// isKmsg reports whether a name is this host's kernel log itself (1:11 of
// Documentation/admin-guide/devices.txt).
func isKmsg(name string) bool {
	var st unix.Stat_t
	return unix.Stat(name, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 11)
}

// ThisBoot is when this host's kernel began to count seconds.
func ThisBoot() reset.Time {
	now := clock.Now()
	return now.Wall - reset.Time(now.Mono)
}

// ring reads /dev/kmsg up to what is there now; a read gives one record.
type ring struct{ file *os.File }

func openRing(name string) (*ring, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &ring{file}, nil
}

func (r *ring) Read(b []byte) (n int, err error) {
	conn, err := r.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	readErr := conn.Read(func(fd uintptr) bool {
		for {
			n, err = unix.Read(int(fd), b)
			// EPIPE: records were overwritten before they could be read.
			if !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.EINTR) {
				return true
			}
		}
	})
	switch {
	case readErr != nil:
		return 0, readErr
	case errors.Is(err, unix.EAGAIN):
		return 0, io.EOF
	case err != nil:
		return 0, err
	}
	return n, nil
}

func (r *ring) Close() error { return r.file.Close() }
