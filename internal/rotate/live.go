package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// live is the file that lines are appended to. Only the goroutine that owns it
// touches it.
type live struct {
	cfg    Config
	gid    int
	names  naming
	count  *counters
	keeper *keeper

	file  *os.File // nil after a failure: the next write opens it again
	began day      // the day of the file's first lines, as far as known
	torn  bool     // a part of a line could not be taken back
	dead  bool     // a test's crash
	retry time.Time
	muted bool // that the attribute is unsupported has been told
}

// errCrash stands for the death of the process in tests.
var errCrash = errors.New("crash")

// step is the place of a possible crash.
func (l *live) step(name string) error {
	if l.cfg.crash != nil && l.cfg.crash(name) {
		l.dead = true
		if l.file != nil {
			l.file.Close()
		}
		return errCrash
	}
	return nil
}

// open opens or creates the live file and repairs it.
func (l *live) open() error {
	if err := os.MkdirAll(filepath.Dir(l.cfg.Path), 0o750); err != nil {
		return fmt.Errorf("opening log %q: %w", l.cfg.Path, err)
	}
	f, err := l.openFile()
	if err != nil {
		return fmt.Errorf("opening log %q: %w", l.cfg.Path, err)
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.torn = f, false
	if err := l.repair(); err != nil {
		l.file = nil
		f.Close()
		return fmt.Errorf("repairing log %q: %w", l.cfg.Path, err)
	}
	l.protect()
	return nil
}

// openFile never blocks on a pipe, never follows a link that somebody put in
// the file's place, and leaves no second writer in doubt.
func (l *live) openFile() (*os.File, error) {
	const flags = os.O_RDWR | os.O_APPEND | unix.O_NOFOLLOW | unix.O_NONBLOCK
	f, err := os.OpenFile(l.cfg.Path, flags, 0)
	created := errors.Is(err, os.ErrNotExist)
	if created {
		f, err = os.OpenFile(l.cfg.Path, flags|os.O_CREATE|os.O_EXCL, l.cfg.Mode)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("it is no regular file (%v)", info.Mode().Type())
	default:
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrInUse
		}
	}
	if err == nil && created {
		err = l.own(f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// own gives a new file its mode, whatever the umask, and its group.
func (l *live) own(f *os.File) error {
	if err := f.Chmod(l.cfg.Mode); err != nil {
		return err
	}
	if l.gid < 0 {
		return nil
	}
	return f.Chown(-1, l.gid)
}

// repair takes away the torn line that a killed writer may have left, none of
// whose bytes was ever acknowledged, and learns the file's day.
func (l *live) repair() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	l.began = dayOf(l.cfg.Now())
	if info.Size() == 0 {
		return nil
	}
	l.began = dayOf(info.ModTime().In(l.cfg.Now().Location()))
	whole, err := wholeLines(l.file, info.Size())
	if err != nil || whole == info.Size() {
		return err
	}
	l.count.tornBytes.Add(uint64(info.Size() - whole))
	l.cfg.Log.Warn("torn line removed from log", "path", l.cfg.Path, "bytes", info.Size()-whole)
	return l.truncate(whole)
}

// wholeLines returns the length of the file up to its last newline.
func wholeLines(f io.ReaderAt, size int64) (int64, error) {
	buffer := make([]byte, 64<<10)
	for end := size; end > 0; {
		part := buffer[:min(int64(len(buffer)), end)]
		if _, err := f.ReadAt(part, end-int64(len(part))); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		end -= int64(len(part))
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return end + int64(i) + 1, nil
		}
	}
	return 0, nil
}

// truncate lifts the attribute for the instant that it needs.
func (l *live) truncate(size int64) error {
	_, _ = setAppendOnly(l.file, false)
	err := l.file.Truncate(size)
	l.protect()
	return err
}

// protect sets the append-only attribute, or says once that it cannot.
func (l *live) protect() {
	if !l.cfg.AppendOnly || l.file == nil {
		return
	}
	_, err := setAppendOnly(l.file, true)
	if err == nil || l.muted {
		return
	}
	l.muted = true
	if attributeUnsupported(err) {
		l.cfg.Log.Info("log has no append-only attribute here", "path", l.cfg.Path, "reason", err)
	} else {
		l.cfg.Log.Warn("setting the append-only attribute", "path", l.cfg.Path, "error", err)
	}
}

func (l *live) sync() error {
	if l.file == nil {
		return nil
	}
	return l.file.Sync()
}

func (l *live) close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
