package rotate

import (
	"fmt"
	"os"
	"syscall"
)

// write appends whole lines, after a rotation if one is due.
func (l *live) write(p []byte) error {
	size, err := l.ready()
	if err != nil {
		return err
	}
	if l.due(size, int64(len(p))) {
		// A failure was counted and told; the lines then go to the old file.
		if err := l.rotate(); l.dead {
			return err
		}
		if size, err = l.ready(); err != nil {
			return err
		}
	}
	if size == 0 {
		l.began = max(l.began, dayOf(l.cfg.Now()))
	}
	if l.torn {
		if _, err := l.file.Write([]byte{'\n'}); err != nil {
			return fmt.Errorf("writing log %q: %w", l.cfg.Path, err)
		}
		l.torn = false
		size++
	}
	if l.cfg.crash != nil && len(p) > 1 && l.cfg.crash("torn write") {
		_, _ = l.file.Write(p[:len(p)/2])
		l.dead = true
		l.file.Close()
		return errCrash
	}
	n, err := l.file.Write(p)
	if err == nil {
		return nil
	}
	if n > 0 {
		l.takeBack(size)
	}
	return fmt.Errorf("writing log %q: %w", l.cfg.Path, err)
}

// takeBack removes the part of a write that a full disk let through.
func (l *live) takeBack(size int64) {
	if err := l.truncate(size); err != nil {
		l.torn = true
		l.cfg.Log.Warn("part of a line stays in log", "path", l.cfg.Path, "error", err)
	}
}

// ready returns the file's size, with the file open. A file that somebody
// removed is made anew: lines in it could never be read.
func (l *live) ready() (size int64, err error) {
	if l.file == nil {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	info, err := l.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("writing log %q: %w", l.cfg.Path, err)
	}
	if links(info) > 0 {
		return info.Size(), nil
	}
	if err := l.open(); err != nil {
		return 0, err
	}
	if info, err = l.file.Stat(); err != nil {
		return 0, fmt.Errorf("writing log %q: %w", l.cfg.Path, err)
	}
	return info.Size(), nil
}

func links(info os.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink)
	}
	return 1
}

// due reports whether a file of this size must be rotated before more bytes
// are written. A clock that was set back makes nothing due.
func (l *live) due(size, more int64) bool {
	now := l.cfg.Now()
	if size == 0 || now.Before(l.retry) && l.retry.Sub(now) <= retryAfter {
		return false
	}
	return l.cfg.Daily && dayOf(now) > l.began || l.cfg.MaxBytes > 0 && size+more > l.cfg.MaxBytes
}
