package klog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Name is how the sensor is called in configuration, coverage and ledger.
const Name = "klog"

// Deps is what the sensor needs from others.
type Deps struct{ Log *slog.Logger }

// Sensor follows a kernel log.
type Sensor struct {
	cfg  Config
	deps Deps
	sink func([]reset.Sighting)

	seen, lost, filtered, torn atomic.Uint64

	batch []reset.Sighting // used by Run only
}

// Counts is the sensor's account: every sighting is seen, then lost, filtered
// or told.
type Counts struct {
	Seen uint64 // resets that were logged, as far as they are known of
	// Lost are records of /dev/kmsg that were overwritten before they could be
	// read. The number is exact, but how many of them were resets is not known;
	// each is counted as one.
	Lost     uint64
	Filtered uint64 // resets with another prefix
	Torn     uint64 // lines about a packet that were cut or mixed up, which may have been resets; not among Seen
}

// New returns a sensor that does nothing until Run.
func New(cfg Config, deps Deps) (*Sensor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("klog sensor: %w", err)
	}
	return &Sensor{cfg: cfg, deps: deps, batch: make([]reset.Sighting, 0, batchSize)}, nil
}

// ProbeError says why the sensor cannot work here.
type ProbeError struct {
	Missing string // what is missing, for people
	Err     error
}

// Error names what is missing and the system's answer.
func (e *ProbeError) Error() string {
	return fmt.Sprintf("following the kernel log needs %s: %v", e.Missing, e.Err)
}

// Unwrap returns the system's answer.
func (e *ProbeError) Unwrap() error { return e.Err }

// Probe says by trying whether the log can be read here. Whether any rule logs
// to it cannot be known. The error is a *ProbeError.
func (s *Sensor) Probe() error {
	switch s.cfg.Path {
	case Journal:
		if _, err := exec.LookPath(s.cfg.Journalctl); err != nil {
			return &ProbeError{Missing: "journalctl", Err: err}
		}
		return nil
	case Kmsg:
		f, err := openKmsg()
		if err != nil {
			return &ProbeError{Missing: "read access to /dev/kmsg (CAP_SYSLOG where dmesg_restrict is set)", Err: err}
		}
		return f.Close()
	default:
		f, err := os.Open(s.cfg.Path)
		if err != nil {
			return &ProbeError{Missing: "the file, readable", Err: err}
		}
		return f.Close()
	}
}

// Run follows the log from its present end until ctx ends, and then returns
// nil. It calls sink with batches of sightings; a batch and everything in it is
// valid only until sink returns. ready, which may be nil, is called once, when
// whatever is logged from then on is seen.
func (s *Sensor) Run(ctx context.Context, ready func(), sink func([]reset.Sighting)) error {
	s.sink = sink
	if ready == nil {
		ready = func() {}
	}
	var err error
	switch s.cfg.Path {
	case Journal:
		err = s.followJournal(ctx, ready)
	case Kmsg:
		err = s.followKmsg(ctx, ready)
	default:
		err = s.followFile(ctx, ready)
	}
	s.flush()
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("following kernel log %q: %w", s.cfg.Path, err)
	}
	return nil
}

// Counts returns the account so far; safe for concurrent use.
func (s *Sensor) Counts() Counts {
	return Counts{Seen: s.seen.Load(), Lost: s.lost.Load(), Filtered: s.filtered.Load(), Torn: s.torn.Load()}
}

const batchSize = 256

// line takes one line of the log. What the line does not say, the time above
// all, base says.
func (s *Sensor) line(text []byte, base reset.Sighting) {
	if len(s.batch) == batchSize {
		s.flush()
	}
	prefix, err := classic.ParseLine(text, &base)
	switch {
	case errors.Is(err, classic.ErrTorn):
		s.torn.Add(1)
	case err != nil: // not about a reset
	case s.cfg.Prefix != "" && strings.TrimRight(prefix, " ") != strings.TrimRight(s.cfg.Prefix, " "):
		s.seen.Add(1)
		s.filtered.Add(1)
	default:
		s.batch = append(s.batch, base)
	}
}

// flush hands the batch to the sink.
func (s *Sensor) flush() {
	if len(s.batch) == 0 {
		return
	}
	s.seen.Add(uint64(len(s.batch)))
	s.sink(s.batch)
	s.batch = s.batch[:0]
}

// addLost counts records that nobody can read any more.
func (s *Sensor) addLost(records uint64) {
	s.lost.Add(records)
	s.seen.Add(records)
}

func openKmsg() (*os.File, error) {
	return os.OpenFile(Kmsg, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}
