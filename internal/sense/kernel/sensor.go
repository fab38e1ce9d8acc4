package kernel

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Sensor is the BPF sensor.
type Sensor struct {
	cfg Config
	log *slog.Logger

	mu    sync.Mutex
	probe *probe // nil unless running
	final Counts // what a probe that ended had counted

	malformed atomic.Uint64
	swept     atomic.Int64 // sightings told by sweep and not by the ring
}

// Counts is the sensor's account: every sighting is seen, then lost, filtered
// or told.
type Counts struct {
	Seen     uint64 // sightings that the programs had to tell, filtered ones included
	Lost     uint64 // the ring was full, or a sample could not be read
	Filtered uint64 // left out in the kernel by the settings
	Missed   uint64 // runs that the kernel skipped since the same program was interrupted; not among Seen
}

// New returns a sensor that does nothing until Run.
func New(cfg Config, log *slog.Logger) (*Sensor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("kernel sensor: %w", err)
	}
	return &Sensor{cfg: cfg, log: log}, nil
}

// Probe loads and attaches the programs and takes them off again: it says by
// trying whether Run can work here.
func (s *Sensor) Probe() error {
	p, err := load(s.cfg)
	if err != nil {
		return err
	}
	p.close()
	return nil
}

// batchSize is how many sightings go to the sink at once, at most: enough to
// spread the cost of a call, few enough to stay in the processor's cache.
const batchSize = 256

// idleAfter is how long the reader polls after the last sighting before it
// sleeps until it is woken; above the window of the joining, and far above the
// millisecond in which the programs wake it at most once.
const (
	idleAfter    = 100 * time.Millisecond
	longestSleep = 250 * time.Millisecond
	sweepEvery   = 10 * time.Millisecond
	unfinished   = int64(5 * time.Millisecond) // a reply is made within microseconds
)

// Run captures until the context ends. It calls sink with batches of sightings;
// a batch and everything in it is valid only until sink returns. For some time
// after the last sighting it also calls sink with a watermark, every PollInterval,
// so that what waits for further sightings can be let go. ready is called once,
// when all programs are attached.
func (s *Sensor) Run(ctx context.Context, ready func(), sink func([]reset.Sighting)) error {
	p, err := load(s.cfg)
	if err != nil {
		return err
	}
	defer s.stop(p)
	r, err := newRing(p.objects.Maps["ring"])
	if err != nil {
		return err
	}
	defer r.close()
	s.mu.Lock()
	s.probe = p
	s.mu.Unlock()
	cancel := context.AfterFunc(ctx, r.interrupt)
	defer cancel()

	decoder := newDecoder(p.features, kernelHZ())
	decoder.keepStack = s.cfg.KeepStack
	if decoder.stacks.symbols, err = readSymbols(); err != nil {
		s.log.Warn("the functions that lead to a reset have no names", "error", err)
	}
	reader := &reader{
		sensor: s, probe: p, ring: r, sink: sink,
		decoder: decoder,
		batch:   make([]reset.Sighting, 0, batchSize),
		told:    make(map[uint32]uint64),
	}
	// Reading the kernel's type information left megabytes behind that nothing
	// needs any more.
	debug.FreeOSMemory()
	if ready != nil {
		ready()
	}
	return reader.run(ctx)
}

// stop takes the programs off and keeps their last counts.
func (s *Sensor) stop(p *probe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, attached := range p.links {
		attached.Close()
	}
	p.links = nil
	s.final = s.counts(p)
	s.probe = nil
	p.close()
}

// Counts returns the account so far; safe for concurrent use.
func (s *Sensor) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe == nil {
		return s.final
	}
	return s.counts(s.probe)
}

func (s *Sensor) counts(p *probe) Counts {
	var c Counts
	for index, into := range map[uint32]*uint64{0: &c.Seen, 1: &c.Lost, 2: &c.Filtered} {
		var values []uint64
		if err := p.objects.Maps["counters"].Lookup(index, &values); err == nil {
			for _, v := range values {
				*into += v
			}
		}
	}
	for _, program := range p.objects.Programs {
		if stats, err := program.Stats(); err == nil {
			c.Missed += stats.RecursionMisses
		}
	}
	c.Seen += c.Filtered
	c.Seen = uint64(int64(c.Seen) + s.swept.Load())
	c.Lost += s.malformed.Load()
	return c
}

// reader drains one ring.
type reader struct {
	sensor  *Sensor
	probe   *probe
	ring    *ring
	decoder *decoder
	sink    func([]reset.Sighting)
	batch   []reset.Sighting
	mark    [1]reset.Sighting // no hook: a watermark
	told    map[uint32]uint64 // per CPU, the time of the reply that sweep told
}

func (r *reader) run(ctx context.Context) error {
	lastSeen, lastSweep := time.Now(), time.Now()
	for ctx.Err() == nil {
		before := clock.Now()
		if r.drain() {
			lastSeen = time.Now()
			continue
		}
		now := time.Now()
		if now.Sub(lastSweep) >= sweepEvery {
			r.decoder.now = before
			r.sweep(unfinished)
			lastSweep = now
		}
		// The ring was empty after that moment: nothing older will come.
		r.mark[0].MonoNS = before.Mono
		r.sink(r.mark[:])
		if now.Sub(lastSeen) < idleAfter {
			time.Sleep(r.sensor.cfg.PollInterval)
			continue
		}
		if err := r.ring.wait(longestSleep); err != nil {
			return err
		}
	}
	// What is seen until the programs are off belongs to the record.
	r.sensor.detach(r.probe)
	for r.drain() {
	}
	r.sweep(0)
	return nil
}

// detach takes the programs off while the ring can still be read.
func (s *Sensor) detach(p *probe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, attached := range p.links {
		attached.Close()
	}
	p.links = nil
}

// drain hands one batch to the sink and reports whether there was anything.
func (r *reader) drain() bool {
	r.batch = r.batch[:0]
	for len(r.batch) < batchSize {
		sample := r.ring.next()
		if sample == nil {
			break
		}
		r.add(sample)
	}
	if len(r.batch) == 0 {
		r.ring.release()
		return false
	}
	r.sink(r.batch)
	r.ring.release()
	return true
}

func (r *reader) add(sample []byte) {
	if len(sample) < headSize {
		r.sensor.malformed.Add(1)
		return
	}
	head := (*probeSighting)(unsafe.Pointer(&sample[0]))
	if head.Kind == kindReply && r.told[head.Cpu] == head.MonoNs {
		delete(r.told, head.Cpu) // sweep was faster
		r.sensor.swept.Add(-1)
		return
	}
	r.append(head, sample[headSize:])
}

func (r *reader) append(head *probeSighting, tail []byte) {
	at := len(r.batch)
	r.batch = r.batch[:at+1]
	if err := r.decoder.decode(head, tail, &r.batch[at], at); err != nil {
		r.batch = r.batch[:at]
		r.sensor.malformed.Add(1)
	}
}

// sweep tells the replies that no drop event ended (Multipath TCP frees the
// refused packet without one), once they are older than age nanoseconds.
func (r *reader) sweep(age int64) {
	var replies []probeReply
	if err := r.probe.objects.Maps["replies"].Lookup(uint32(0), &replies); err != nil {
		r.sensor.log.Warn("reading unfinished replies", "error", err)
		return
	}
	r.batch = r.batch[:0]
	for cpu := range replies {
		reply := &replies[cpu]
		if reply.Used == 0 || clock.Now().Mono-int64(reply.S.MonoNs) < age || r.told[uint32(cpu)] == reply.S.MonoNs {
			continue
		}
		if len(r.batch) == cap(r.batch) {
			r.sink(r.batch)
			r.batch = r.batch[:0]
		}
		r.told[uint32(cpu)] = reply.S.MonoNs
		r.sensor.swept.Add(1)
		r.append(&reply.S, reply.S.Tail[:])
	}
	if len(r.batch) > 0 {
		r.sink(r.batch)
	}
}
