package owner

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rstwatch/rstwatch/internal/enrich/cgroup"
	"github.com/rstwatch/rstwatch/internal/enrich/lookup"
	"github.com/rstwatch/rstwatch/internal/enrich/process"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// How long answers are believed: a socket's number is not used again for a long
// time, and one whose owner was not found may be found by the next search.
const (
	keepFound   = 5 * time.Minute
	keepUnknown = time.Second
)

// searchEvery is how long after the beginning of a search through all processes
// the next one may begin: of many sockets that nobody holds, each would begin
// its own.
const searchEvery = time.Second

// The bounds of what is remembered.
const (
	maxMet   = 1 << 17 // sockets met in searches: twice as many, where the last two searches met so many
	maxHints = 4096
	maxTried = 64 // processes tried before all are searched
)

// Config is where to look, and how much of it.
type Config struct {
	Proc      string // "/proc"
	Cgroup    string // "/sys/fs/cgroup"
	PerSecond int    // open files that may be read
	Timeout   time.Duration
}

// DefaultConfig reads at most 20000 open files a second, 1.5 µs each: about 3 % of
// a processor, while a socket is looked for.
func DefaultConfig() Config {
	return Config{Proc: "/proc", Cgroup: "/sys/fs/cgroup", PerSecond: 20_000, Timeout: 10 * time.Second}
}

// question is what is known of a socket whose owner is asked for.
type question struct {
	inode  uint64
	cgroup uint64
	place  place
}

// place is where a socket is bound: the one that accepts there owns, most
// likely, what was accepted there.
type place struct {
	netns uint64
	port  uint16
}

// Finder knows the owners of sockets. Its methods may be called by several
// goroutines.
type Finder struct {
	cfg    Config
	mount  string
	now    func() time.Time
	budget *budget
	table  *lookup.Table[question, *reset.Process]

	files, searches, hits, stopped atomic.Uint64

	// The rest belongs to the table's one worker.
	met      map[uint64]*reset.Process // holders of sockets, as the last search through all met them, and since
	metOld   map[uint64]*reset.Process // and the one before
	hints    map[place]uint32          // processes that held a socket there
	searched time.Time                 // when the last search through all began
}

// Counts are the work done and what came of it.
type Counts struct {
	lookup.Counts
	Files    uint64 // open files that were read
	Searches uint64 // through all processes
	Hits     uint64 // found without such a search
	Stopped  uint64 // given up because the time was up
}

// New returns a finder that knows nothing until Run runs.
func New(cfg Config) (*Finder, error) {
	if cfg.PerSecond < 1 {
		return nil, fmt.Errorf("owners of sockets: %d open files a second, not positive", cfg.PerSecond)
	}
	f := &Finder{
		cfg: cfg, mount: cgroup.Mount(cfg.Cgroup), now: time.Now, budget: newBudget(cfg.PerSecond),
		met: make(map[uint64]*reset.Process), hints: make(map[place]uint32),
	}
	var err error
	f.table, err = lookup.New(lookup.Config{Entries: 4096, Queue: 1024, Workers: 1, Timeout: cfg.Timeout}, f.find)
	if err != nil {
		return nil, fmt.Errorf("owners of sockets: %w", err)
	}
	return f, nil
}

// Run looks up until ctx ends.
func (f *Finder) Run(ctx context.Context) { f.table.Run(ctx) }

// Counts returns the account so far.
func (f *Finder) Counts() Counts {
	return Counts{
		Counts: f.table.Counts(), Files: f.files.Load(), Searches: f.searches.Load(),
		Hits: f.hits.Load(), Stopped: f.stopped.Load(),
	}
}

// Socket is what is known of a socket.
type Socket struct {
	Inode  uint64
	Cgroup uint64 // number of its cgroup v2 folder; 0: not known
	Netns  uint64
	Port   uint16 // its own
}

// Owner returns the process that holds the socket, as far as it is known by
// now. It never waits; what is not known is looked for. The process is the
// caller's own.
func (f *Finder) Owner(s Socket) *reset.Process {
	if s.Inode == 0 {
		return nil
	}
	found, ok := f.table.Get(question{s.Inode, s.Cgroup, place{s.Netns, s.Port}})
	if !ok {
		return nil
	}
	p := *found
	return &p
}

// find is asked by the table, one question at a time.
func (f *Finder) find(ctx context.Context, q question) lookup.Answer[*reset.Process] {
	if p := f.recall(q); p != nil {
		f.hits.Add(1)
		return found(p)
	}
	if p := f.try(ctx, q); p != nil {
		f.hits.Add(1)
		return found(p)
	}
	f.search(ctx)
	if p := f.recall(q); p != nil {
		return found(p)
	}
	if ctx.Err() != nil {
		f.stopped.Add(1)
	}
	return lookup.Answer[*reset.Process]{Keep: keepUnknown}
}

func found(p *reset.Process) lookup.Answer[*reset.Process] {
	return lookup.Answer[*reset.Process]{Value: p, Found: true, Keep: keepFound}
}

// recall returns the owner if the socket was met before.
func (f *Finder) recall(q question) *reset.Process {
	p, ok := f.met[q.inode]
	if !ok {
		if p, ok = f.metOld[q.inode]; !ok {
			return nil
		}
	}
	f.hint(q.place, p.PID.V)
	return p
}

func (f *Finder) hint(where place, pid uint32) {
	if len(f.hints) >= maxHints {
		clear(f.hints)
	}
	f.hints[where] = pid
}

// try looks among the processes that are likely to hold it: the one that held
// a socket of the same place, and those of its cgroup.
func (f *Finder) try(ctx context.Context, q question) *reset.Process {
	var likely []uint32
	if pid, ok := f.hints[q.place]; ok {
		likely = append(likely, pid)
	}
	if q.cgroup > 1 {
		if path, err := cgroup.Path(ctx, f.mount, q.cgroup); err == nil {
			pids, _ := cgroup.Processes(f.mount, path)
			likely = append(likely, pids...)
		}
	}
	for _, pid := range likely[:min(len(likely), maxTried)] {
		if f.meet(ctx, pid, q.inode) != nil {
			return nil
		}
		if _, ok := f.met[q.inode]; ok {
			return f.recall(q)
		}
	}
	return nil
}

// meet remembers the sockets that a process holds, up to the one that is
// looked for. What the process is called is read at once: when it is asked, it
// may be too late.
func (f *Finder) meet(ctx context.Context, pid uint32, wanted uint64) error {
	var holder *reset.Process
	return f.sockets(ctx, pid, func(inode uint64) bool {
		if holder == nil {
			p, alive := process.Read(f.cfg.Proc, pid)
			if !alive {
				return false
			}
			holder = &p
		}
		if _, ok := f.met[inode]; !ok && len(f.met) < maxMet {
			f.met[inode] = holder
		}
		return inode != wanted
	})
}

// search meets the sockets of all processes, as far as there is time.
func (f *Finder) search(ctx context.Context) {
	now := f.now()
	if now.Sub(f.searched) < searchEvery {
		return
	}
	f.searched = now
	f.searches.Add(1)
	f.metOld, f.met = f.met, make(map[uint64]*reset.Process, len(f.met))
	for _, pid := range f.processes() {
		if f.meet(ctx, pid, 0) != nil {
			return
		}
	}
}
