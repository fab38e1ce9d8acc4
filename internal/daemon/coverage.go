package daemon

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
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

	started time.Time        // when the sensor was ready
	from    time.Time        // of the interval under way
	lost    uint64           // of the sensor, at its begin
	outRsts map[uint64]int64 // TcpOutRsts per namespace, at its begin
}

func newWatchkeeper(place Place, capture *Capture, line *Pipeline, tracker *netns.Tracker, filter string) *watchkeeper {
	return &watchkeeper{place: place, capture: capture, line: line, tracker: tracker, filter: filter}
}

// begin starts the first interval: the sensor watches from now on.
func (k *watchkeeper) begin(now time.Time) {
	k.started, k.from = now, now
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
		list = k.everywhere(now)
	}
	for i := range list {
		c := &list[i]
		c.Time, c.Host, c.BootID, c.Filter = reset.TimeOf(now), k.place.Host, k.place.BootID, k.filter
		c.Sensors = []string{k.capture.Name}
		c.Until = reset.TimeOf(now)
		if k.capture.Coverage == nil {
			c.Lost = lost - k.lost // of the whole host: the ring is shared
		}
		if n := counts[c.Netns.ID]; n != nil {
			c.Resets = n.Resets
			c.SentByTCP = reset.Some(int64(n.SentByTCP))
		} else {
			c.SentByTCP = reset.Some(int64(0))
		}
		before, had := k.outRsts[c.Netns.ID]
		if after, has := outRsts[c.Netns.ID]; has && (had || c.UnwatchedNS.OK) {
			c.OutRsts = reset.Some(after - before)
		}
	}
	k.from, k.lost, k.outRsts = now, lost, outRsts
	return list
}

// everywhere is the coverage of a sensor that sees every namespace from its
// birth: only those that exist need a line.
func (k *watchkeeper) everywhere(now time.Time) []reset.Coverage {
	var list []reset.Coverage
	for _, n := range k.tracker.List() {
		c := reset.Coverage{Netns: n.Record(), From: reset.TimeOf(k.from)}
		if !n.Unfound.IsZero() && n.Unfound.After(k.started) {
			// Born while the sensor watched: nothing of its life was missed.
			c.UnwatchedNS = reset.Some(int64(0))
			if n.Unfound.After(k.from) {
				c.From = reset.TimeOf(n.Unfound)
			}
		}
		list = append(list, c)
	}
	return list
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
