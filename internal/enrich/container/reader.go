package container

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rstwatch/rstwatch/internal/enrich/cgroup"
	"github.com/rstwatch/rstwatch/internal/enrich/lookup"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// How long answers are believed.
const (
	keepCgroup  = 5 * time.Minute // a cgroup's number is not used again, and its name stays
	keepUnknown = 10 * time.Second
	keepProcess = time.Second // a process's number is
)

// Config is where to look.
type Config struct {
	Root    string   // of the file system; "" is the host's own
	Sockets []string // of Docker and podman
	Ask     bool     // whether runtimes are asked for names: their files, then their sockets
	Timeout time.Duration
}

// DefaultConfig asks the runtimes where they are by default.
func DefaultConfig() Config {
	return Config{
		Sockets: []string{"/var/run/docker.sock", "/run/podman/podman.sock"}, Ask: true, Timeout: 2 * time.Second,
	}
}

// Reader knows containers by the socket's cgroup or by the process. Its methods
// may be called by several goroutines.
type Reader struct {
	cfg       Config
	mount     string
	sources   []source
	cgroups   *lookup.Table[uint64, *reset.Container]
	processes *lookup.Table[uint32, *reset.Container]
	names     *lookup.Table[string, details]
}

// Counts are the look-ups so far: by cgroup, by process, and those that asked a
// runtime.
type Counts struct{ Cgroups, Processes, Names lookup.Counts }

// New returns a reader that knows nothing until Run runs.
func New(cfg Config) (*Reader, error) {
	r := &Reader{cfg: cfg, mount: cgroup.Mount(cfg.Root + "/sys/fs/cgroup")}
	if cfg.Ask {
		r.sources = stateFiles(cfg.Root)
		for _, socket := range cfg.Sockets {
			r.sources = append(r.sources, newEngine(cfg.Root+socket))
		}
	}
	bounds := lookup.Config{Entries: 2048, Queue: 1024, Workers: 1, Timeout: cfg.Timeout}
	var err error
	if r.cgroups, err = lookup.New(bounds, r.ofCgroup); err != nil {
		return nil, fmt.Errorf("containers: %w", err)
	}
	if r.processes, err = lookup.New(bounds, r.ofProcess); err != nil {
		return nil, fmt.Errorf("containers: %w", err)
	}
	if r.names, err = lookup.New(bounds, r.askRuntimes); err != nil {
		return nil, fmt.Errorf("containers: %w", err)
	}
	return r, nil
}

// Run looks up until ctx ends.
func (r *Reader) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { r.cgroups.Run(ctx) })
	running.Go(func() { r.processes.Run(ctx) })
	running.Go(func() { r.names.Run(ctx) })
	running.Wait()
}

// Counts returns the account so far.
func (r *Reader) Counts() Counts {
	return Counts{Cgroups: r.cgroups.Counts(), Processes: r.processes.Counts(), Names: r.names.Counts()}
}

// Enrich sets the container of the record as far as it is known by now; what is
// not yet known is looked up, for the next time. It never waits. The record
// shares what it gets and must not change it.
func (r *Reader) Enrich(record *reset.Reset, c *reset.Context) {
	var found *reset.Container
	if c != nil && c.Cgroup > 1 { // 1 is the root
		found, _ = r.cgroups.Get(c.Cgroup)
	}
	if found == nil && record.Process != nil && record.Process.PID.OK {
		found, _ = r.processes.Get(record.Process.PID.V)
	}
	if found == nil {
		return
	}
	record.Container = r.named(found)
}

// named adds what the runtime said.
func (r *Reader) named(c *reset.Container) *reset.Container {
	if len(r.sources) == 0 || c.Runtime == systemd {
		return c
	}
	d, ok := r.names.Get(c.ID)
	if !ok {
		return c
	}
	full := *c
	full.Name, full.Image, full.Namespace = d.name, d.image, d.namespace
	if d.pod != "" {
		full.Pod = d.pod
	}
	if full.Runtime == "" {
		full.Runtime = d.runtime
	}
	return &full
}

func (r *Reader) ofCgroup(ctx context.Context, number uint64) lookup.Answer[*reset.Container] {
	path, err := cgroup.Path(ctx, r.mount, number)
	if err != nil {
		return lookup.Answer[*reset.Container]{Keep: keepUnknown}
	}
	return r.answer(path, Parse, keepCgroup)
}

// answer makes one of what a path or file says, and has the name asked.
func (r *Reader) answer(text string, parse func(string) (reset.Container, bool), keep time.Duration) lookup.Answer[*reset.Container] {
	c, ok := parse(text)
	if !ok {
		return lookup.Answer[*reset.Container]{Keep: keep}
	}
	r.named(&c)
	return lookup.Answer[*reset.Container]{Value: &c, Found: true, Keep: keep}
}

func (r *Reader) ofProcess(_ context.Context, pid uint32) lookup.Answer[*reset.Container] {
	text, err := cgroupFile(r.cfg.Root+"/proc", pid)
	if err != nil {
		return lookup.Answer[*reset.Container]{Keep: keepProcess}
	}
	return r.answer(text, ParseFile, keepProcess)
}

// askRuntimes asks one after the other who knows the container.
func (r *Reader) askRuntimes(ctx context.Context, id string) lookup.Answer[details] {
	for _, s := range r.sources {
		if ctx.Err() != nil {
			break
		}
		if d, ok := s.details(ctx, id); ok {
			return lookup.Answer[details]{Value: d, Found: true, Keep: keepCgroup}
		}
	}
	return lookup.Answer[details]{Keep: keepUnknown}
}
