package firewall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/netlink/nflog"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Name is how the sensor is called in configuration, coverage and ledger.
const Name = "nflog"

// Deps is what the sensor needs from others.
type Deps struct {
	Namespaces *netns.Tracker // must be running while the sensor runs
	Log        *slog.Logger
	// Ended is told what was watched of a namespace, when its watch ends; may be
	// nil. It may be called from several goroutines.
	Ended func(reset.Coverage)
}

// Sensor is the NFLOG sensor.
type Sensor struct {
	cfg  Config
	deps Deps

	seen, lost, filtered atomic.Uint64

	sinkMu sync.Mutex // held while the sink runs

	mu        sync.Mutex
	watches   map[*watch]struct{} // guarded by mu
	unwatched map[uint64]error    // namespaces that could not be watched; guarded by mu
}

// Counts is the sensor's account: every sighting is seen, then lost, filtered
// or told.
type Counts struct {
	Seen     uint64 // packets that our rules logged, lost ones included
	Lost     uint64 // the socket's buffer was full; exact, by the kernel's sequence numbers, once a later packet has come
	Filtered uint64 // left out by the settings: none, the sensor has no filter of that kind
}

// New returns a sensor that does nothing until Run.
func New(cfg Config, deps Deps) (*Sensor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("nflog sensor: %w", err)
	}
	return &Sensor{
		cfg: cfg, deps: deps,
		watches: make(map[*watch]struct{}), unwatched: make(map[uint64]error),
	}, nil
}

// ProbeError says why the sensor cannot work here.
type ProbeError struct {
	Missing string // what is missing, for people
	Err     error
}

// Error names what is missing and the kernel's answer.
func (e *ProbeError) Error() string {
	return fmt.Sprintf("watching with NFLOG needs %s: %v", e.Missing, e.Err)
}

// Unwrap returns the kernel's answer.
func (e *ProbeError) Unwrap() error { return e.Err }

// Probe says by trying whether Run can work here, without touching the rules
// of the namespace that it runs in: it binds an nflog group there, which no
// rule uses, and writes the table in a namespace that it makes for this and
// that ends with the call. The error is a *ProbeError.
func (s *Sensor) Probe() error {
	own, err := netns.Current()
	if err != nil {
		return &ProbeError{Missing: "/proc", Err: err}
	}
	err = own.Do(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return &ProbeError{Missing: "CAP_SYS_ADMIN, to enter network namespaces", Err: err}
		}
		conn, err := nflog.Open(s.nflogConfig())
		if err != nil {
			return &ProbeError{Missing: "CAP_NET_ADMIN and nfnetlink_log in the kernel", Err: err}
		}
		defer conn.Close()
		t, err := makeTable(s.cfg, comment(os.Getpid()))
		if err != nil {
			return &ProbeError{Missing: "nf_tables with its log expression in the kernel", Err: err}
		}
		return t.close()
	})
	var probe *ProbeError
	if err != nil && !errors.As(err, &probe) {
		return &ProbeError{Missing: "access to its own network namespace", Err: err}
	}
	return err
}

func (s *Sensor) nflogConfig() nflog.Config {
	return nflog.Config{
		Group: s.cfg.Group, CopyBytes: s.cfg.CopyBytes, Threshold: uint32(s.cfg.Threshold),
		Timeout: s.cfg.Delay, BatchSize: 64 << 10, Buffer: s.cfg.Buffer,
	}
}

// Run watches every namespace that is selected, those to come included, until
// ctx ends, and then returns nil; the rules are gone by then. It calls sink
// with batches of sightings, never two at once; a batch and everything in it
// is valid only until sink returns. ready, which may be nil, is called once,
// when the namespaces that were known at the start are watched. A namespace
// that cannot be watched is logged and told by Unwatched; the process's own is
// an error, a *TableTakenError among others.
func (s *Sensor) Run(ctx context.Context, ready func(), sink func([]reset.Sighting)) error {
	if err := s.Probe(); err != nil {
		return err
	}
	return s.deps.Namespaces.Each(ctx, netns.Job{
		Ready:  ready,
		Failed: s.failed,
		Run: func(ctx context.Context, n netns.Namespace, watching func()) error {
			if s.cfg.Select != nil && !s.cfg.Select(n) {
				return nil
			}
			return s.watch(ctx, n, sink, watching)
		},
	})
}

// failed records a namespace that is not watched.
func (s *Sensor) failed(n netns.Namespace, err error) (fatal bool) {
	if errors.Is(err, netns.ErrGone) {
		return false
	}
	s.deps.Log.Warn("namespace is not watched", "sensor", Name, "netns", n.String(), "error", err)
	s.mu.Lock()
	s.unwatched[n.ID] = err
	s.mu.Unlock()
	own, ownErr := netns.Current()
	return ownErr == nil && own.ID == n.ID
}

// Unwatched returns the namespaces that could not be watched, by inode number,
// and why.
func (s *Sensor) Unwatched() map[uint64]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make(map[uint64]error, len(s.unwatched))
	for id, err := range s.unwatched {
		list[id] = err
	}
	return list
}

// Counts returns the account so far; safe for concurrent use.
func (s *Sensor) Counts() Counts {
	return Counts{Seen: s.seen.Load(), Lost: s.lost.Load(), Filtered: s.filtered.Load()}
}

// Coverage returns what is being watched, up to now.
func (s *Sensor) Coverage() []reset.Coverage {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]reset.Coverage, 0, len(s.watches))
	for w := range s.watches {
		list = append(list, w.coverage(time.Now()))
	}
	return list
}
