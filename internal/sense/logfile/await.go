package logfile

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
)

// awaitStep is how long a stream is waited for between two looks at the
// context, in milliseconds.
const awaitStep = 200

// await returns when a stream has something to read, or has ended. If nothing
// is there yet, idle is told first.
func (in *Input) await(ctx context.Context, idle func() error) error {
	if in.pipe == nil || in.held() > 0 {
		return nil
	}
	for first := true; ; first = false {
		wait := awaitStep
		if first {
			wait = 0
		}
		ready := []unix.PollFd{{Fd: int32(in.pipe.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, wait)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case n > 0 || err != nil:
			return nil //nolint:nilerr // reading says what is wrong
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if first && idle != nil {
			if err := idle(); err != nil {
				return err
			}
		}
	}
}
