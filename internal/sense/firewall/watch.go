package firewall

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/netlink/nflog"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

const batchSize = 256

// watch is one namespace that is being watched.
type watch struct {
	sensor    *Sensor
	namespace netns.Namespace
	conn      *nflog.Conn
	sink      func([]reset.Sighting)
	from      time.Time

	lost atomic.Uint64

	// The rest is used by the reading goroutine only.
	record  reset.Netns
	now     clock.Pair
	batch   []reset.Sighting
	devices *netns.Devices
	next    reset.Opt[uint32] // sequence number that the next packet should have
}

// watch watches one namespace until ctx ends. The socket is there before the
// rules are, and for a while after they have gone, so that nothing that they
// log is missed.
func (s *Sensor) watch(ctx context.Context, n netns.Namespace, sink func([]reset.Sighting), watching func()) error {
	w := &watch{
		sensor: s, namespace: n, sink: sink, record: n.Record(),
		batch: make([]reset.Sighting, 0, batchSize), next: reset.Some(uint32(0)),
	}
	var rules *table
	err := n.Do(func() error {
		removed, err := removeStale()
		if err != nil {
			return err
		}
		if removed > 0 {
			s.deps.Log.Info("removed rules that a crash had left behind", "sensor", Name, "netns", n.String())
		}
		if w.conn, err = nflog.Open(s.nflogConfig()); err != nil {
			return err
		}
		rules, err = makeTable(s.cfg, comment(os.Getpid()))
		return err
	})
	if w.conn != nil {
		defer w.conn.Close()
	}
	if err != nil {
		return fmt.Errorf("watching network namespace %s: %w", n, err)
	}
	w.devices = netns.NewDevices(w.conn.SyscallConn())
	w.from = time.Now()
	s.mu.Lock()
	s.watches[w] = struct{}{}
	s.mu.Unlock()
	watching()
	err = w.run(ctx, rules)
	s.mu.Lock()
	delete(s.watches, w)
	s.mu.Unlock()
	if s.deps.Ended != nil {
		s.deps.Ended(w.coverage(time.Now()))
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("reading logged packets of network namespace %s: %w", n, err)
	}
	return nil
}

// run reads until ctx ends, removes the rules and reads what is left.
func (w *watch) run(ctx context.Context, rules *table) error {
	stop := context.AfterFunc(ctx, func() { _ = w.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	err := w.read()
	closeErr := rules.close()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = w.conn.SetReadDeadline(time.Now().Add(2*w.sensor.cfg.Delay + 10*time.Millisecond))
		err = w.read()
	}
	if closeErr != nil && !errors.Is(closeErr, unix.ENOENT) {
		return closeErr
	}
	return err
}

func (w *watch) read() error {
	for {
		err := w.conn.Receive(w.add)
		w.flush()
		w.now = clock.Pair{}
		if errors.Is(err, nflog.ErrMalformed) {
			w.sensor.deps.Log.Warn("unreadable batch of packets", "sensor", Name, "netns", w.namespace.String(), "error", err)
			continue // its packets are missed by their sequence numbers
		}
		if err != nil {
			return err
		}
	}
}

// add puts one packet into the batch.
func (w *watch) add(p *nflog.Packet) {
	if w.now == (clock.Pair{}) {
		w.now = clock.Now()
		if name, ok := w.sensor.deps.Namespaces.Lookup(w.namespace.ID); ok {
			w.record.Name = name
		}
	}
	w.countLost(p)
	if len(w.batch) == batchSize {
		w.flush()
	}
	w.batch = w.batch[:len(w.batch)+1]
	s := &w.batch[len(w.batch)-1]
	*s = reset.Sighting{}
	if !decode(p, s, w.sensor.cfg.KeepPayload) {
		w.batch = w.batch[:len(w.batch)-1] // a rule of somebody else uses our group
		return
	}
	s.Netns = w.record
	if s.Time.IsZero() {
		s.Time = w.now.Wall
	}
	s.MonoNS = w.now.MonoAt(s.Time)
	now := w.now.Wall.Std()
	s.Interface = reset.Interface{
		In: w.devices.Name(p.In, now), Out: w.devices.Name(p.Out, now),
		PhysIn: w.devices.Name(p.PhysIn, now), PhysOut: w.devices.Name(p.PhysOut, now),
	}
}

// countLost counts the packets between the last one and this one.
func (w *watch) countLost(p *nflog.Packet) {
	if !p.Sequence.OK {
		return
	}
	if lost := uint64(p.Sequence.V - w.next.V); lost > 0 && lost < 1<<31 {
		w.lost.Add(lost)
		w.sensor.lost.Add(lost)
		w.sensor.seen.Add(lost)
	}
	w.next = reset.Some(p.Sequence.V + 1)
}

// flush hands the batch to the sink.
func (w *watch) flush() {
	if len(w.batch) == 0 {
		return
	}
	w.sensor.seen.Add(uint64(len(w.batch)))
	w.sensor.sinkMu.Lock()
	w.sink(w.batch)
	w.sensor.sinkMu.Unlock()
	w.batch = w.batch[:0]
}

// decode fills a sighting with what the packet says, as slices of it. It
// reports false for what is not a reset.
func decode(p *nflog.Packet, s *reset.Sighting, keepPayload bool) bool {
	src, dst, err := packet.Decode(p.Payload, &s.Packet)
	if s.Packet.Flags&reset.RST == 0 {
		return false
	}
	headers := packet.HeaderLength(p.Payload)
	if err == nil && keepPayload {
		if payload := packet.PayloadOf(p.Payload); len(payload) > 0 {
			s.Packet.Payload = payload
			headers += len(payload)
		}
	}
	s.Packet.Raw = p.Payload[:headers:headers]
	s.Packet.Captured = reset.Some(uint32(headers))
	s.Packet.Mark = p.Mark
	if p.HardwareType == unix.ARPHRD_ETHER || p.HardwareType == unix.ARPHRD_LOOPBACK {
		s.Packet.LinkHeader = p.HardwareHeader
		packet.DecodeLink(p.HardwareHeader, &s.Packet)
	}
	s.Source, s.Hook, s.Src, s.Dst = reset.NFLog, hookOf(p), src, dst
	if p.UID.OK || p.GID.OK {
		s.Process = &reset.Process{UID: p.UID, GID: p.GID}
	}
	if p.Sec != 0 && p.Sec < 1<<33 {
		s.Time = reset.Time(p.Sec*1e9 + p.Usec*1e3)
	}
	return true
}

func hookOf(p *nflog.Packet) reset.Hook {
	switch p.Hook {
	case unix.NF_INET_LOCAL_IN:
		return reset.HookLocalIn
	case unix.NF_INET_LOCAL_OUT:
		return reset.HookLocalOut
	default:
		return reset.HookForward
	}
}

// coverage is what was watched until now.
func (w *watch) coverage(until time.Time) reset.Coverage {
	n := w.namespace
	if name, ok := w.sensor.deps.Namespaces.Lookup(n.ID); ok {
		n.Name = name
	}
	c := n.Coverage(Name, reset.NFLog, w.from, until)
	c.Lost = w.lost.Load()
	return c
}
