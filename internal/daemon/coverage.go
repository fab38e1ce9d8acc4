package daemon

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// watchkeeper writes the coverage lines: per namespace and interval, what
// watched and what was lost.
type watchkeeper struct {
	place   Place
	capture *Capture
	line    *Pipeline
	tracker *netns.Tracker
	filter  string
	only    []uint64 // namespaces that are watched; empty: all
	log     *slog.Logger
	gone    endings          // namespaces that went in the interval under way
	lost    uint64           // of the sensor, at its begin
	outRsts map[uint64]int64 // TcpOutRsts per namespace, at its begin

	mu      sync.Mutex
	started time.Time // when the sensor was ready; guarded by mu
	from    time.Time // begin of the interval under way; guarded by mu
}

func newWatchkeeper(place Place, capture *Capture, line *Pipeline, tracker *netns.Tracker, filter string, log *slog.Logger) *watchkeeper {
	return &watchkeeper{log: log, place: place, capture: capture, line: line, tracker: tracker, filter: filter}
}

// begin starts the first interval: the sensor watches from now on.
func (k *watchkeeper) begin(now time.Time) {
	k.mu.Lock()
	k.started, k.from = now, now
	k.mu.Unlock()
	k.outRsts = k.readOutRsts()
}

// lines ends the interval and returns what covered it.
func (k *watchkeeper) lines(now time.Time) []reset.Coverage {
	counts, lost := k.line.TakeNetns(), k.capture.Counts().Lost
	outRsts := k.readOutRsts()
	var list []reset.Coverage
	if k.capture.Coverage != nil {
		list = k.capture.Coverage()
		for i := range list {
			list[i].From = max(list[i].From, reset.TimeOf(k.from))
		}
	} else {
		list = append(k.gone.take(), k.everywhere()...)
	}
	for i := range list {
		c := &list[i]
		c.Time, c.Host, c.BootID, c.Filter = reset.TimeOf(now), k.place.Host, k.place.BootID, k.filter
		c.Sensors = []string{k.capture.Name}
		if c.Until == 0 {
			c.Until = reset.TimeOf(now)
		}
		if k.capture.Coverage == nil {
			c.Lost = lost - k.lost // of the whole host: the ring is shared
		}
		if n := counts[c.Netns.ID]; n != nil {
			c.Resets = n.Resets
			c.SentByTCP = reset.Some(int64(n.SentByTCP))
		} else {
			c.SentByTCP = reset.Some(int64(0))
		}
		if !k.capture.TellsSent {
			c.SentByTCP = reset.Opt[int64]{}
		}
		before, had := k.outRsts[c.Netns.ID]
		if after, has := outRsts[c.Netns.ID]; has && (had || c.UnwatchedNS.OK) {
			c.OutRsts = reset.Some(after - before)
		}
	}
	k.mu.Lock()
	k.from, k.lost, k.outRsts = now, lost, outRsts
	k.mu.Unlock()
	return list
}

// follow notes the namespaces that go, until ctx ends: they too were watched.
func (k *watchkeeper) follow(ctx context.Context) {
	if k.capture.Coverage != nil {
		return // the sensor tells them itself
	}
	err := k.tracker.Follow(ctx, func(event netns.Event) error {
		if event.Kind == netns.Gone && k.watches(event.Namespace.ID) {
			c := k.watched(event.Namespace)
			c.Until = reset.TimeOf(event.At)
			k.gone.add(c)
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		k.log.Warn("following network namespaces", "error", err)
	}
}

// everywhere is the coverage of a sensor that sees every namespace from its
// birth: only those that exist need a line.
func (k *watchkeeper) everywhere() []reset.Coverage {
	var list []reset.Coverage
	for _, n := range k.tracker.List() {
		if k.watches(n.ID) {
			list = append(list, k.watched(n))
		}
	}
	return list
}

func (k *watchkeeper) watches(netns uint64) bool {
	return len(k.only) == 0 || slices.Contains(k.only, netns)
}

func (k *watchkeeper) watched(n netns.Namespace) reset.Coverage {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := reset.Coverage{Netns: n.Record(), From: reset.TimeOf(k.from)}
	if !n.Unfound.IsZero() && n.Unfound.After(k.started) {
		// Born while the sensor watched: nothing of its life was missed.
		c.UnwatchedNS = reset.Some(int64(0))
		if n.Unfound.After(k.from) {
			c.From = reset.TimeOf(n.Unfound)
		}
	}
	return c
}

// readOutRsts reads the kernel's own count of RSTs sent, per namespace.
func (k *watchkeeper) readOutRsts() map[uint64]int64 {
	counts := make(map[uint64]int64)
	for _, n := range k.tracker.List() {
		err := n.Do(func() error {
			file, err := os.Open("/proc/thread-self/net/snmp")
			if err != nil {
				return err
			}
			defer file.Close()
			if v, ok := outRsts(file); ok {
				counts[n.ID] = v
			}
			return nil
		})
		if err != nil {
			continue // it went away
		}
	}
	return counts
}

// outRsts finds TcpOutRsts in the text of /proc/net/snmp, which bears a line
// of names and a line of numbers for each protocol.
func outRsts(r io.Reader) (int64, bool) {
	column := -1
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || fields[0] != "Tcp:" {
			continue
		}
		if column < 0 {
			for i, name := range fields {
				if name == "OutRsts" {
					column = i
				}
			}
			if column < 0 {
				return 0, false
			}
			continue
		}
		if column >= len(fields) {
			return 0, false
		}
		v, err := strconv.ParseInt(fields[column], 10, 64)
		return v, err == nil
	}
	return 0, false
}
