package correlate

import (
	"fmt"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Config is what can be chosen of the joining.
type Config struct {
	// Window is how long a reset waits for further sightings of its RST.
	Window time.Duration
	// MaxPending bounds the resets that wait; above it the oldest go first.
	MaxPending int
}

// DefaultConfig returns a window above what a queue on one host delays, and
// room for a burst.
func DefaultConfig() Config { return Config{Window: 50 * time.Millisecond, MaxPending: 1 << 14} }

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.Window <= 0 || c.Window > 10*time.Second {
		return fmt.Errorf("join window %v: not above zero and up to 10s", c.Window)
	}
	if c.MaxPending < 1 {
		return fmt.Errorf("%d pending resets: not at least 1", c.MaxPending)
	}
	return nil
}

// Counts says what became of the sightings that were added, exactly:
// Added = Primary + Joined + Pending.
type Counts struct {
	Added   uint64
	Primary uint64 // became a reset
	Joined  uint64 // were joined to one
	Pending uint64 // belong to resets that still wait
}

// Joined is what the joining knows of a reset beside its record.
type Joined struct {
	Origin    reset.Origination // who owned the packet when it left
	Sightings uint64            // how many became this reset
	Context   *reset.Context    // what the sightings knew around it; nil: nothing
	// Foreign marks a frame for another host's link address that a device took
	// only because it listens to all, and that nothing here passed on: this
	// namespace's stack has not met it.
	Foreign bool
}

// Correlator joins sightings. It is not safe for concurrent use.
type Correlator struct {
	cfg     Config
	emit    func(*reset.Reset, Joined)
	counts  Counts
	index   index
	waiting queue
	direct  pending // the reset of a sighting that needs no waiting
}

// New returns a correlator that hands each finished reset to emit, with what
// the joining knows beside it. The reset and everything in it is valid
// only until emit returns.
func New(cfg Config, emit func(*reset.Reset, Joined)) (*Correlator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("correlate: %w", err)
	}
	return &Correlator{cfg: cfg, emit: emit, index: newIndex(cfg.Window)}, nil
}

// Counts returns the account so far.
func (c *Correlator) Counts() Counts { return c.counts }

// Waiting returns how many resets wait for further sightings.
func (c *Correlator) Waiting() int { return c.waiting.length }

// Add takes the next sightings, roughly in the order of their time; one without
// a hook says that all before its time were told. It keeps nothing of the batch.
func (c *Correlator) Add(batch []reset.Sighting) {
	for i := range batch {
		c.add(&batch[i])
	}
}

func (c *Correlator) add(s *reset.Sighting) {
	c.Flush(s.MonoNS)
	if s.Hook == reset.HookNone {
		return // a watermark
	}
	c.counts.Added++
	p := c.index.find(s)
	switch {
	case p != nil:
		c.counts.Pending++
		p.join(s)
		c.index.move(p)
		c.index.note(p, s)
	case s.Complete:
		c.direct.begin(s)
		c.counts.Primary++
		c.emit(&c.direct.record, c.direct.joined())
		return
	default:
		c.counts.Pending++
		p = c.waiting.push()
		p.begin(s)
		c.index.add(p, s)
	}
	if s.Complete || p.complete() {
		c.finish(p)
	}
	for c.waiting.length > c.cfg.MaxPending {
		c.finish(c.waiting.oldest)
	}
}

// Flush lets go of every reset that has waited for the window at the given
// monotonic time, in nanoseconds.
func (c *Correlator) Flush(mono int64) {
	for p := c.waiting.oldest; p != nil && mono-p.first >= int64(c.cfg.Window); p = c.waiting.oldest {
		c.finish(p)
	}
}

// Drain lets go of every reset: no further sighting will come.
func (c *Correlator) Drain() {
	for c.waiting.oldest != nil {
		c.finish(c.waiting.oldest)
	}
}

// finish hands the reset on and frees its place.
func (c *Correlator) finish(p *pending) {
	c.counts.Pending -= p.sightings
	c.counts.Primary++
	c.counts.Joined += p.sightings - 1
	if p.saw(reset.HookRefused) && p.record.Direction != reset.In {
		p.record.Kernel.Verdict = reset.Dropped // it never reached a device
	}
	c.emit(&p.record, p.joined())
	c.index.remove(p)
	c.waiting.remove(p)
}
