package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Life is one daemon from its start over rest and load to a storm.
type Life struct {
	Rest      Weight    `json:"rest"`
	RestCPU   float64   `json:"rest_cpu"` // share of one processor
	Latency   []Latency `json:"latency"`
	Storm     Weight    `json:"after_storm"`
	StormCPU  float64   `json:"storm_cpu_ns"` // of the daemon, a reset
	ResetSize float64   `json:"bytes_per_reset"`
}

// Weight is the memory of a process, in bytes.
type Weight struct {
	RSS     uint64 `json:"rss"`
	PSS     uint64 `json:"pss"`
	Private uint64 `json:"private"`
	Peak    uint64 `json:"peak_rss"` // since the start
}

// Latency is the time from the kernel's event to the return of the write(2)
// that puts its record into the journal's file, in microseconds, rounded up by
// the time that inotify takes to tell us.
type Latency struct {
	Load   string  `json:"load"`
	Count  int     `json:"count"`
	Median float64 `json:"median_us"`
	P99    float64 `json:"p99_us"`
	Worst  float64 `json:"worst_us"`

	from, until int64 // monotonic time
}

// Life follows one daemon.
func (b *Bench) Life() (life Life, err error) {
	err = b.run(Watcher{"rstwatch, bpf", rstwatch("bpf")}, func(w watching) error {
		appends, err := followAppends(w.dir)
		if err != nil {
			return err
		}
		defer appends.close()
		if err := b.rest(w, &life); err != nil {
			return err
		}
		slow := Latency{Load: "one a second"}
		if err := b.paced(&slow, b.sizes.LatencySlow, b.sizes.slowGap); err != nil {
			return err
		}
		fast := Latency{Load: "a thousand a second"}
		if err := b.paced(&fast, b.sizes.LatencyFast, time.Millisecond); err != nil {
			return err
		}
		storm := Latency{Load: "storm"}
		if err := b.weighedStorm(w, &life, &storm); err != nil {
			return err
		}
		if _, err := w.recorded(); err != nil { // the daemon has ended
			return err
		}
		life.Latency = []Latency{slow, fast, storm}
		return b.latencies(w.dir, appends, &life)
	})
	return life, err
}

func (b *Bench) rest(w watching, life *Life) error {
	time.Sleep(b.sizes.Rest / 4) // what starting left behind
	before, err := processorTime(w.pid)
	if err != nil {
		return err
	}
	start := time.Now()
	time.Sleep(b.sizes.Rest)
	after, err := processorTime(w.pid)
	if err != nil {
		return err
	}
	life.RestCPU = (after - before).Seconds() / time.Since(start).Seconds()
	life.Rest, err = weigh(w.pid)
	return err
}

// paced makes n resets, one each gap.
func (b *Bench) paced(l *Latency, n int, gap time.Duration) error {
	l.from = monotonic()
	next := time.Now()
	for range n {
		if _, err := b.pair.Storm(reset.IPv4, 1); err != nil {
			return err
		}
		next = next.Add(gap)
		time.Sleep(time.Until(next))
	}
	l.until = monotonic()
	return nil
}

func (b *Bench) weighedStorm(w watching, life *Life, l *Latency) error {
	time.Sleep(200 * time.Millisecond) // nothing is under way
	before, err := processorTime(w.pid)
	if err != nil {
		return err
	}
	l.from = monotonic()
	load, err := b.pair.Storm(reset.IPv4, b.sizes.Storm)
	if err != nil {
		return err
	}
	l.until = monotonic()
	time.Sleep(b.sizes.Rest / 10) // it writes the last of them
	after, err := processorTime(w.pid)
	if err != nil {
		return err
	}
	life.StormCPU = float64((after - before).Nanoseconds()) / float64(load.Packets)
	life.Storm, err = weigh(w.pid)
	return err
}

// latencies reads the journal and finds when each record was written.
func (b *Bench) latencies(dir string, a *appends, life *Life) error {
	samples := make([][]float64, len(life.Latency))
	r, err := journal.NewReader(dir, journal.ReadOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		entry, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if entry.Reset == nil || entry.Reset.Revision != 1 || entry.Reset.Netns.ID != b.pair.Target.Inode {
			continue
		}
		at := r.Position()
		written, ok := a.written(at.Segment, at.Offset)
		made := entry.Reset.MonoNS.V
		for i, l := range life.Latency {
			if ok && made >= l.from && made < l.until {
				samples[i] = append(samples[i], float64(written-made)/1e3)
			}
		}
	}
	for i := range life.Latency {
		l := &life.Latency[i]
		if len(samples[i]) == 0 {
			return fmt.Errorf("no record of the load %q was found", l.Load)
		}
		l.Count = len(samples[i])
		l.Median, l.P99, l.Worst = median(samples[i]), quantile(samples[i], 0.99), quantile(samples[i], 1)
		b.logf("packet to journal, %s: %d resets, median %.0f us, 99 %% %.0f us, worst %.0f us", l.Load, l.Count, l.Median, l.P99, l.Worst)
	}
	infos, err := journal.List(context.Background(), nil, dir)
	if err != nil {
		return err
	}
	var size, entries float64
	for _, info := range infos {
		size, entries = size+float64(info.Bytes), entries+float64(info.Entries)
	}
	life.ResetSize = size / entries
	b.logf("at rest %.1f MB RSS, %.2f %% CPU; storm %.0f ns CPU a reset, %.1f bytes a reset, then %.1f MB RSS",
		float64(life.Rest.RSS)/1e6, life.RestCPU*100, life.StormCPU, life.ResetSize, float64(life.Storm.RSS)/1e6)
	return nil
}

func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0 // cannot happen with this clock
	}
	return ts.Nano()
}

// weigh reads smaps_rollup and status of a process.
func weigh(pid int) (w Weight, err error) {
	for file, into := range map[string]map[string]*uint64{
		"smaps_rollup": {"Rss:": &w.RSS, "Pss:": &w.PSS, "Private_Clean:": &w.Private, "Private_Dirty:": &w.Private},
		"status":       {"VmHWM:": &w.Peak},
	} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil {
			return w, err
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) < 2 || into[f[0]] == nil {
				continue
			}
			kilobytes, err := strconv.ParseUint(f[1], 10, 64)
			if err != nil {
				return w, fmt.Errorf("reading %s of %d: %w", file, pid, err)
			}
			*into[f[0]] += kilobytes << 10
		}
	}
	return w, nil
}

// processorTime is what a process and its threads have used so far, from the
// scheduler's own account.
func processorTime(pid int) (sum time.Duration, err error) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0, err
	}
	for _, thread := range threads {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, thread.Name()))
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseInt(strings.Fields(string(data))[0], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading schedstat of %d: %w", pid, err)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}
