package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
)

// A machine on which others work or watch spoils the comparison: a sensor of
// somebody else's makes "nothing watching" a lie.

// busyShare is how much of all processors others may use in a calm moment.
const busyShare = 0.08

// calm waits for a moment in which nobody else works or watches, as long as
// there is patience left for the whole run, and counts what it did not get.
func (b *Bench) calm() {
	b.moments++
	for {
		began := time.Now()
		busy, err := busyFor(b.sizes.calmLook)
		if err != nil || busy <= busyShare && othersWatching() == 0 {
			return
		}
		if b.patience -= time.Since(began); b.patience <= 0 {
			b.disturbed++
			return
		}
	}
}

// busyFor returns the share of all processors that was used for the time.
func busyFor(d time.Duration) (float64, error) {
	if d == 0 {
		return 0, nil
	}
	idle, all, err := processors()
	if err != nil {
		return 0, err
	}
	time.Sleep(d)
	idleAfter, allAfter, err := processors()
	if err != nil || allAfter == all {
		return 0, err
	}
	return 1 - float64(idleAfter-idle)/float64(allAfter-all), nil
}

// processors reads the first line of /proc/stat: ticks of all processors,
// those without work (idle, iowait) and all.
func processors() (idle, all uint64, err error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	for i, field := range strings.Fields(line)[1:] {
		ticks, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("reading /proc/stat: %w", err)
		}
		all += ticks
		if i == 3 || i == 4 {
			idle += ticks
		}
	}
	return idle, all, nil
}

// othersWatching counts the programs at the drop tracepoint that some rstwatch
// has loaded. None of ours runs when it is asked.
func othersWatching() (n int) {
	for id, err := ebpf.ProgramGetNextID(0); err == nil; id, err = ebpf.ProgramGetNextID(id) {
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue // it went away
		}
		if info, err := p.Info(); err == nil && strings.HasPrefix(info.Name, "skb_dropped") {
			n++
		}
		p.Close()
	}
	return n
}
