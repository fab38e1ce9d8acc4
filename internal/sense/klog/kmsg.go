package klog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// record is one record of /dev/kmsg
// (Documentation/ABI/testing/dev-kmsg):
//
//	6,1234,5678901,-,caller=T12;[drds] IN=eth0 OUT= …
//	│ │    │       └ flags, then what later kernels add
//	│ │    └ microseconds of the kernel's log clock
//	│ └ number of the record
//	└ facility * 8 + level; facility 0 is the kernel
type record struct {
	priority uint64
	number   uint64
	usec     uint64
	text     []byte
}

// maxUsec keeps a time in the range of nanoseconds in an int64.
const maxUsec = 1 << 53

// parseRecord reads what one read of /dev/kmsg returns. Lines after the first
// are the record's dictionary and are left out.
func parseRecord(raw []byte) (record, bool) {
	head, text, ok := bytes.Cut(raw, []byte{';'})
	if !ok {
		return record{}, false
	}
	fields := bytes.SplitN(head, []byte{','}, 5)
	if len(fields) < 4 {
		return record{}, false
	}
	var r record
	for i, into := range []*uint64{&r.priority, &r.number, &r.usec} {
		v, err := strconv.ParseUint(string(fields[i]), 10, 64)
		if err != nil {
			return record{}, false
		}
		*into = v
	}
	if r.usec > maxUsec {
		return record{}, false
	}
	r.text, _, _ = bytes.Cut(text, []byte{'\n'})
	return r, true
}

// drainWait is how much longer than ctx the log is read, so that what was
// logged before ctx ended is told.
const drainWait = 20 * time.Millisecond

func (s *Sensor) followKmsg(ctx context.Context, ready func()) error {
	f, err := openKmsg()
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("going to the end: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Now().Add(drainWait)) })
	defer stop()
	ready()
	k := kmsg{sensor: s}
	buffer := make([]byte, 16<<10) // PRINTK_MESSAGE_MAX is 2 KiB; every byte may be written as four
	for {
		n, err := s.readKmsg(f, buffer)
		switch {
		case errors.Is(err, unix.EPIPE):
			continue // overwritten: the next record's number says how many
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		k.take(buffer[:n])
	}
}

// readKmsg reads one record. Before it waits for one, it hands over what it
// has.
func (s *Sensor) readKmsg(f *os.File, buffer []byte) (n int, err error) {
	if len(s.batch) == 0 {
		return f.Read(buffer)
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	readErr := conn.Read(func(fd uintptr) bool {
		n, err = unix.Read(int(fd), buffer)
		return true
	})
	if readErr != nil {
		return 0, readErr
	}
	if err == unix.EAGAIN {
		s.flush()
		return f.Read(buffer)
	}
	return n, err
}

// kmsg turns records into sightings.
type kmsg struct {
	sensor *Sensor
	next   reset.Opt[uint64] // number of the record that should come
	drift  drift
}

func (k *kmsg) take(raw []byte) {
	r, ok := parseRecord(raw)
	if !ok {
		return
	}
	if k.next.OK && r.number > k.next.V {
		k.sensor.addLost(r.number - k.next.V)
	}
	k.next = reset.Some(r.number + 1)
	if facility := r.priority >> 3; facility != 0 {
		return // a process wrote it
	}
	now := clock.Now()
	mono := k.drift.monotonic(int64(r.usec)*1000, now.Mono)
	k.sensor.line(classic.Unescape(r.text), reset.Sighting{Time: now.WallAt(mono), MonoNS: mono})
}

// drift follows how far the clock of the kernel's log, which nothing adjusts,
// is from the monotonic clock. A record is read some time after it was
// written, and the shortest of such delays is nearly none: so the least
// difference of the last minute or two is the clocks'.
type drift struct {
	least, before int64 // of this window and of the one before
	until         int64 // end of this window on the monotonic clock
	known         bool
}

const driftWindow = int64(time.Minute)

// monotonic returns the monotonic time of a record that is read at now.
func (d *drift) monotonic(logged, now int64) int64 {
	difference := now - logged
	switch {
	case !d.known:
		d.least, d.before, d.until, d.known = difference, difference, now+driftWindow, true
	case now > d.until:
		d.before, d.least, d.until = d.least, difference, now+driftWindow
	default:
		d.least = min(d.least, difference)
	}
	return logged + min(d.least, d.before, difference)
}
