package capture

import (
	"context"
	"errors"
	"io"
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
	begun, told := time.Now(), false
	for {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, awaitStep)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case n > 0 || err != nil:
			return nil // reading says what is wrong
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
