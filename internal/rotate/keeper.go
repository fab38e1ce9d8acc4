package rotate

import (
	"os"
	"time"
)

// keeper compresses rotated files and removes those beyond Keep. It works on
// names alone, so that a crash leaves nothing to remember.
type keeper struct {
	cfg    Config
	gid    int
	names  naming
	count  *counters
	due    chan struct{}
	quit   chan struct{}
	done   chan struct{}
	killed bool
}

func newKeeper(cfg Config, gid int, count *counters) *keeper {
	return &keeper{
		cfg: cfg, gid: gid, names: newNaming(cfg.Path, cfg.DateFormat), count: count,
		due: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
}

// wake asks for one round; it never waits.
func (k *keeper) wake() {
	select {
	case k.due <- struct{}{}:
	default:
	}
}

func (k *keeper) run() {
	defer close(k.done)
	for {
		select {
		case <-k.quit:
			return
		case <-k.due:
			if k.cfg.rotates() {
				k.round()
			}
			if k.killed {
				return
			}
		}
	}
}

func (k *keeper) stop(limit time.Duration) {
	close(k.quit)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-k.done:
	case <-timer.C:
	}
}

func (k *keeper) stopping() bool {
	select {
	case <-k.quit:
		return true
	default:
		return k.killed
	}
}

// round removes leftovers, then compresses, then removes the oldest.
func (k *keeper) round() {
	all, partial, err := k.names.list()
	if err != nil {
		k.cfg.Log.Warn("listing rotated logs", "path", k.cfg.Path, "error", err)
		return
	}
	for _, a := range partial {
		k.remove(a.name)
	}
	for i, a := range all {
		if k.stopping() {
			return
		}
		switch {
		case a.suffix == "" && i+1 < len(all) && all[i+1].sameLines(a):
			k.settle(a, all[i+1])
		case a.suffix == "" && k.suffix() != "":
			k.compress(a)
		}
	}
	k.retain()
}

func (k *keeper) suffix() string {
	switch k.cfg.Compress {
	case CompressGzip:
		return ".gz"
	case CompressZstd:
		return ".zst"
	}
	return ""
}

// settle ends a compression that a crash had cut between its last two steps.
// Where the two hold different lines, as when an outside logrotate uses the
// same names, the plain file gets a name of its own.
func (k *keeper) settle(plain, compressed archive) {
	same, err := sameContent(k.names.path(plain.name), k.names.path(compressed.name))
	switch {
	case err != nil:
		k.cfg.Log.Warn("comparing rotated logs", "path", k.names.path(plain.name), "error", err)
	case same:
		k.remove(plain.name)
	default:
		name, _, err := k.names.next(plain.day)
		if err == nil {
			err = rename(k.names.path(plain.name), k.names.path(name))
		}
		k.cfg.Log.Warn("rotated log had another's name", "path", k.names.path(plain.name), "now", name, "error", err)
	}
}

func (k *keeper) retain() {
	if k.cfg.Keep == 0 {
		return
	}
	all, _, err := k.names.list()
	if err != nil {
		return
	}
	for i := 0; i < len(all)-k.cfg.Keep && !k.stopping(); i++ {
		if k.remove(all[i].name) {
			k.count.removed.Add(1)
		}
	}
}

func (k *keeper) remove(name string) bool {
	if k.crash("before removal") {
		return false
	}
	if err := os.Remove(k.names.path(name)); err != nil {
		k.cfg.Log.Warn("removing rotated log", "path", k.names.path(name), "error", err)
		return false
	}
	return true
}

func (k *keeper) crash(step string) bool {
	if k.cfg.crash != nil && k.cfg.crash(step) {
		k.killed = true
	}
	return k.killed
}
