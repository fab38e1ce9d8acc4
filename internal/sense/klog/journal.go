package klog

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	maxField   = 64 << 10
	maxEntries = 1 << 20 // bytes of one entry: what is longer is no kernel message
)

// followJournal runs journalctl and reads its export format
// (https://systemd.io/JOURNAL_EXPORT_FORMATS). journald matches the transport
// itself, so that no process can write such an entry.
func (s *Sensor) followJournal(ctx context.Context, ready func()) error {
	cmd := exec.CommandContext(ctx, s.cfg.Journalctl,
		"--dmesg", "--follow", "--lines=0", "--output=export", "--no-pager", "--quiet")
	cmd.WaitDelay = time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var stderr strings.Builder
	cmd.Stderr = &limitedWriter{w: &stderr, left: 4 << 10}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting journalctl: %w", err)
	}
	ready()
	readErr := s.readJournal(stdout)
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("journalctl: %w: %q", err, stderr.String())
	}
	if readErr == nil && ctx.Err() == nil {
		return errors.New("journalctl ended")
	}
	return readErr
}

// limitedWriter keeps the beginning of what is written to it.
type limitedWriter struct {
	w    io.Writer
	left int
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if _, err := l.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// readJournal reads entries until the stream ends.
func (s *Sensor) readJournal(stream io.Reader) error {
	in := bufio.NewReaderSize(stream, maxField)
	var e entry
	for {
		name, value, err := readField(in)
		if errors.Is(err, io.EOF) {
			e.finish(s) // the stream may end without the empty line
			return nil
		}
		if err != nil {
			return err
		}
		if name == "" {
			e.finish(s)
			e = entry{}
			if in.Buffered() == 0 {
				s.flush()
			}
			continue
		}
		e.set(name, value)
	}
}

// entry is what is kept of one journal entry.
type entry struct {
	message  []byte
	host     string
	realtime uint64 // microseconds since 1970
}

func (e *entry) set(name string, value []byte) {
	switch name {
	case "MESSAGE":
		e.message = append([]byte(nil), value...)
	case "_HOSTNAME":
		e.host = string(value)
	case "__REALTIME_TIMESTAMP":
		if v, err := strconv.ParseUint(string(value), 10, 64); err == nil && v < maxUsec {
			e.realtime = v
		}
	}
}

func (e *entry) finish(s *Sensor) {
	if e.message != nil {
		s.line(e.message, reset.Sighting{Time: reset.Time(e.realtime * 1000), Host: e.host})
	}
}

// readField reads "NAME=value\n", or "NAME\n", eight bytes of length, the
// value and "\n". The end of an entry, an empty line, has no name.
func readField(in *bufio.Reader) (name string, value []byte, err error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		name, _, _ := strings.Cut(string(line[:min(len(line), 64)]), "=")
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n') // longer than any kernel message
		}
		return name, nil, err
	}
	if err != nil {
		return "", nil, err
	}
	line = line[:len(line)-1]
	if len(line) == 0 {
		return "", nil, nil
	}
	if name, value, ok := strings.Cut(string(line), "="); ok {
		return name, []byte(value), nil
	}
	name = string(line)
	var head [8]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return "", nil, err
	}
	length := binary.LittleEndian.Uint64(head[:])
	if length > maxEntries {
		return "", nil, fmt.Errorf("journal field %q of %d bytes", name, length)
	}
	value = make([]byte, length+1)
	if _, err := io.ReadFull(in, value); err != nil {
		return "", nil, err
	}
	return name, value[:length], nil
}
