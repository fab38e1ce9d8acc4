package wire

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	batchSize = 256
	// A kernel time this far from now is not the time of a packet of now: some
	// kernels leave the time at which a sent packet may leave where a reader of
	// packets looks for the time at which it passed.
	clockTolerance = 10 * int64(time.Second)
)

// watch is one namespace that is being watched.
type watch struct {
	sensor    *Sensor
	namespace netns.Namespace
	ring      *ring
	sink      func([]reset.Sighting)
	from      time.Time

	told, lost atomic.Uint64

	// The rest is used by the reading goroutine only.
	record  reset.Netns
	now     clock.Pair
	batch   []reset.Sighting
	scratch []byte
	devices *netns.Devices
}

// watch watches one namespace until ctx ends.
func (s *Sensor) watch(ctx context.Context, n netns.Namespace, sink func([]reset.Sighting), watching func()) error {
	size := s.take()
	defer s.giveBack(size)
	w := &watch{
		sensor: s, namespace: n, sink: sink, record: n.Record(),
		batch: make([]reset.Sighting, 0, batchSize),
	}
	err := n.Do(func() (err error) {
		w.ring, err = openRing(s.filter, size, s.cfg.Delay)
		return err
	})
	if err != nil {
		return fmt.Errorf("watching network namespace %s: %w", n, err)
	}
	defer w.ring.close()
	w.devices = netns.NewDevices(w.ring.conn)
	w.from = time.Now()
	s.mu.Lock()
	s.watches[w] = struct{}{}
	s.mu.Unlock()
	watching()

	// A deadline ends a wait; the block that is being filled is handed over
	// within one delay, so that a second one gets the rest.
	stop := context.AfterFunc(ctx, func() { _ = w.ring.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	err = w.read()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = w.ring.file.SetReadDeadline(time.Now().Add(2*s.cfg.Delay + 5*time.Millisecond))
		err = w.read()
	}
	w.account()
	s.mu.Lock()
	delete(s.watches, w)
	s.mu.Unlock()
	if s.deps.Ended != nil {
		s.deps.Ended(w.coverage(time.Now()))
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("reading packets of network namespace %s: %w", n, err)
	}
	return nil
}

// read hands over what comes until the deadline.
func (w *watch) read() error {
	for {
		if err := w.ring.wait(); err != nil {
			return err
		}
		w.now = clock.Now()
		if name, ok := w.sensor.deps.Namespaces.Lookup(w.namespace.ID); ok {
			w.record.Name = name
		}
		w.ring.next(w.add, w.flush)
	}
}

// add puts one packet into the batch.
func (w *watch) add(f *frame) {
	if len(w.batch) == batchSize {
		w.flush()
	}
	w.batch = w.batch[:len(w.batch)+1]
	s := &w.batch[len(w.batch)-1]
	*s = reset.Sighting{}
	var ok bool
	if w.scratch, ok = f.decode(s, w.sensor.cfg.KeepPayload, w.scratch); !ok {
		w.batch = w.batch[:len(w.batch)-1]
		return
	}
	s.Netns = w.record
	s.Time = reset.Time(int64(f.sec)*1e9 + int64(f.nsec))
	if off := int64(w.now.Wall - s.Time); off > clockTolerance || off < -clockTolerance {
		s.Time = w.now.Wall
	}
	s.MonoNS = w.now.MonoAt(s.Time)
	if s.Hook == reset.HookWireOut {
		s.Interface.Out = w.devices.Name(uint32(f.device), w.now.Wall.Std())
	} else {
		s.Interface.In = w.devices.Name(uint32(f.device), w.now.Wall.Std())
	}
}

// flush hands the batch to the sink.
func (w *watch) flush() {
	if len(w.batch) == 0 {
		return
	}
	w.told.Add(uint64(len(w.batch)))
	w.sensor.seen.Add(uint64(len(w.batch)))
	w.sensor.sinkMu.Lock()
	w.sink(w.batch)
	w.sensor.sinkMu.Unlock()
	w.batch, w.scratch = w.batch[:0], w.scratch[:0]
}

// account takes the kernel's count of what did not fit into the ring. Reading
// it sets it to zero, so that whoever asks may ask at any time.
func (w *watch) account() {
	_, lost, err := w.ring.statistics()
	if err != nil {
		w.sensor.deps.Log.Warn("losses are not known", "sensor", Name, "netns", w.namespace.String(), "error", err)
		return
	}
	if lost > 0 {
		w.lost.Add(lost)
		w.sensor.lost.Add(lost)
		w.sensor.seen.Add(lost)
	}
}

// coverage is what was watched until now.
func (w *watch) coverage(until time.Time) reset.Coverage {
	n := w.namespace
	if name, ok := w.sensor.deps.Namespaces.Lookup(n.ID); ok {
		n.Name = name
	}
	c := n.Coverage(Name, reset.AFPacket, w.from, until)
	c.Lost = w.lost.Load()
	return c
}
