package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Name is how the sensor is called in configuration, coverage and ledger.
const Name = "wire"

// Deps is what the sensor needs from others.
type Deps struct {
	Namespaces *netns.Tracker // must be running while the sensor runs
	Log        *slog.Logger
	// Ended is told what was watched of a namespace, when its watch ends; may be
	// nil. It may be called from several goroutines.
	Ended func(reset.Coverage)
}

// Sensor is the AF_PACKET sensor.
type Sensor struct {
	cfg    Config
	deps   Deps
	filter []unix.SockFilter

	seen, lost, filtered atomic.Uint64

	sinkMu sync.Mutex // held while the sink runs

	mu        sync.Mutex
	memory    int                 // of RingMemory, not given away yet; guarded by mu
	watches   map[*watch]struct{} // guarded by mu
	unwatched map[uint64]error    // namespaces that could not be watched; guarded by mu
}

// Counts is the sensor's account: every sighting is seen, then lost, filtered
// or told.
type Counts struct {
	Seen     uint64 // resets that the packet filter passed, lost ones included
	Lost     uint64 // the ring was full; one with four IPv6 extension headers or more may not have been a reset
	Filtered uint64 // left out by the settings: none, the sensor has no filter of that kind
}

// New returns a sensor that does nothing until Run.
func New(cfg Config, deps Deps) (*Sensor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("wire sensor: %w", err)
	}
	keep := uint32(headersOnly)
	if cfg.KeepPayload {
		keep = wholePacket
	}
	filter, err := buildFilter(keep)
	if err != nil {
		return nil, fmt.Errorf("wire sensor: %w", err)
	}
	return &Sensor{
		cfg: cfg, deps: deps, filter: filter, memory: cfg.RingMemory,
		watches: make(map[*watch]struct{}), unwatched: make(map[uint64]error),
	}, nil
}

// ProbeError says why the sensor cannot work here.
type ProbeError struct {
	Missing string // what is missing, for people: "CAP_NET_RAW", "AF_PACKET in the kernel", …
	Err     error
}

// Error names what is missing and the kernel's answer.
func (e *ProbeError) Error() string {
	return fmt.Sprintf("watching with AF_PACKET needs %s: %v", e.Missing, e.Err)
}

// Unwrap returns the kernel's answer.
func (e *ProbeError) Unwrap() error { return e.Err }

// Probe says by trying whether Run can work here: it opens a socket with
// filter and ring in the process's own namespace and closes it again. The error
// is a *ProbeError.
func (s *Sensor) Probe() error {
	r, err := openRing(s.filter, leastRing, s.cfg.Delay)
	if err != nil {
		return &ProbeError{Missing: missing(err), Err: err}
	}
	r.close()
	own, err := netns.Current()
	if err == nil {
		err = own.Do(func() error { return nil })
	}
	if err != nil {
		return &ProbeError{Missing: "CAP_SYS_ADMIN, to enter network namespaces", Err: err}
	}
	return nil
}

func missing(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return "CAP_NET_RAW"
	case errors.Is(err, unix.EAFNOSUPPORT):
		return "a kernel with packet sockets (CONFIG_PACKET)"
	case errors.Is(err, unix.ENOMEM):
		return "more memory for its ring"
	default:
		return "a packet socket with a TPACKET_V3 ring"
	}
}

// Run watches every namespace that is selected, those to come included, until
// ctx ends, and then returns nil. It calls sink with batches of sightings,
// never two at once; a batch and everything in it is valid only until sink
// returns. ready, which may be nil, is called once, when the namespaces that
// were known at the start are watched. A namespace that cannot be watched is
// logged and told by Unwatched.
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

// failed records a namespace that is not watched. None of these errors ends
// the sensor: other namespaces are as good as before.
func (s *Sensor) failed(n netns.Namespace, err error) (fatal bool) {
	if errors.Is(err, netns.ErrGone) {
		return false
	}
	s.deps.Log.Warn("namespace is not watched", "sensor", Name, "netns", n.String(), "error", err)
	s.mu.Lock()
	s.unwatched[n.ID] = err
	s.mu.Unlock()
	return false
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
	s.mu.Lock()
	for w := range s.watches {
		w.account()
	}
	s.mu.Unlock()
	return Counts{Seen: s.seen.Load(), Lost: s.lost.Load(), Filtered: s.filtered.Load()}
}

// Coverage returns what is being watched, up to now.
func (s *Sensor) Coverage() []reset.Coverage {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]reset.Coverage, 0, len(s.watches))
	for w := range s.watches {
		w.account()
		list = append(list, w.coverage(time.Now()))
	}
	return list
}

// take gives a namespace its share of the memory for rings.
func (s *Sensor) take() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := max(s.memory/4/blockSize*blockSize, leastRing)
	s.memory -= size
	return size
}

func (s *Sensor) giveBack(size int) {
	s.mu.Lock()
	s.memory += size
	s.mu.Unlock()
}
