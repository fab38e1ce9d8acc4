package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// awaitStep is how long a stream is waited for between two looks at the
// context, in milliseconds.
const awaitStep = 200

// await returns when a stream has something to read, or has ended. If nothing
// comes for as long as a RST is held back at most, nothing will follow the
// resets that wait: they are handed on.
func (r *Reader) await(ctx context.Context, fd int) error {
	return r.until(ctx, func() (bool, error) {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, awaitStep)
		if errors.Is(err, unix.EINTR) {
			return false, nil
		}
		return n > 0 || err != nil, nil // reading says what is wrong
	})
}

// grow returns when a file has more than was read, or when it will have no more:
// another file has its name.
func (r *Reader) grow(ctx context.Context, file *os.File) error {
	step := time.NewTicker(awaitStep * time.Millisecond)
	defer step.Stop()
	return r.until(ctx, func() (bool, error) {
		at, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return true, nil
		}
		info, err := file.Stat()
		switch {
		case err != nil || info.Size() > at:
			return true, nil
		case info.Size() < at:
			return false, fmt.Errorf("%q was cut down to %d bytes while it was read up to %d", file.Name(), info.Size(), at)
		}
		if now, err := os.Stat(file.Name()); err != nil || !os.SameFile(info, now) {
			return true, nil
		}
		select {
		case <-ctx.Done():
		case <-step.C:
		}
		return false, nil
	})
}

// until asks whether there is more, again and again; whoever asks waits a while.
func (r *Reader) until(ctx context.Context, more func() (bool, error)) error {
	begun, told := time.Now(), false
	for {
		if ready, err := more(); ready || err != nil {
			return err
		}
		if ctx.Err() != nil {
			return io.EOF // who listens to a stream ends it so
		}
		if told || time.Since(begun) < r.cfg.Flow.Ahead {
			continue
		}
		told = true
		if r.failed = r.releaseAll(); r.failed == nil && r.cfg.Idle != nil {
			r.failed = r.cfg.Idle()
		}
		if r.failed != nil {
			return r.failed
		}
	}
}
