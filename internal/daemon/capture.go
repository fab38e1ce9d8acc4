package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/rules"
)

// Sensor is where sightings come from. Run captures until the context ends;
// it calls ready once when it watches, and sink with batches that are valid
// only until sink returns. Probe says by trying whether Run can work here.
type Sensor interface {
	Probe() error
	Run(ctx context.Context, ready func(), sink func([]reset.Sighting)) error
}

// SensorCounts is a sensor's own account.
type SensorCounts struct {
	Seen     uint64 `json:"seen"`
	Lost     uint64 `json:"lost"`
	Filtered uint64 `json:"filtered"`
	// Missed are runs of a BPF program that the kernel skipped; not among Seen.
	Missed uint64 `json:"missed"`
}

// Capture is a sensor that was made ready, and what can be said of it.
type Capture struct {
	Name   string
	Sensor Sensor
	Counts func() SensorCounts
	// Table says how the table of connections fares; nil: the sensor keeps none.
	Table func() *TableStatus
	// Knows says whether the local end of a connection is in a namespace, where the
	// sensor would have seen a RST leave; nil: the sensor cannot tell.
	Knows func(netns reset.Netns, local, remote reset.Endpoint) bool
	// Coverage says what is being watched; nil: every namespace of the host,
	// from its birth.
	Coverage func() []reset.Coverage
	// Fields and Rules are what filters and rules may read of its resets.
	Fields query.Fields
	Rules  rules.Fields
	// TellsSent: it hears of every RST that TCP itself sends.
	TellsSent bool
	// Unwatched is what every record of it must say; nil: nothing.
	Unwatched *reset.Evidence
	// Blind says in one sentence what it cannot see.
	Blind string
}

// Attempt is one sensor that was tried.
type Attempt struct {
	Sensor string `json:"sensor"`
	Works  bool   `json:"works"`
	Error  string `json:"error,omitempty"`
	Blind  string `json:"blind,omitempty"`
}

// ErrNoSensor says that nothing can watch here; the attempts say why.
var ErrNoSensor = errors.New("no sensor works here")

// Choices are the sensors that a setting stands for, the best first.
func Choices(setting string) []string {
	if setting == "auto" || setting == "" {
		return []string{"bpf", "packet", "bpf-light", "klog"}
	}
	return []string{setting}
}

// lower leaves out the first sensors: after an unclean reboot shortly after
// start, the next start begins one sensor lower. The last one stays.
func lower(choices []string, by int) []string {
	return choices[min(by, len(choices)-1):]
}

// choose takes the first of the choices that works, and fits filter and rules.
func choose(choices []string, cfg *config.Config, tracker *netns.Tracker, want wants, log *slog.Logger) (*Capture, []Attempt, error) {
	var attempts []Attempt
	for _, name := range choices {
		capture, err := newCapture(name, cfg, tracker, want, log)
		if err != nil {
			return nil, attempts, fmt.Errorf("sensor %s: %w", name, err)
		}
		if err := capture.Sensor.Probe(); err != nil {
			attempts = append(attempts, Attempt{Sensor: name, Error: err.Error()})
			log.Warn("sensor does not work here", "sensor", name, "error", err)
			continue
		}
		attempts = append(attempts, Attempt{Sensor: name, Works: true, Blind: capture.Blind})
		if err := want.check(capture); err != nil {
			return nil, attempts, err
		}
		return capture, attempts, nil
	}
	return nil, attempts, noSensor(attempts)
}

func noSensor(attempts []Attempt) error {
	var b strings.Builder
	for _, a := range attempts {
		fmt.Fprintf(&b, "\n  %s: %s", a.Sensor, a.Error)
	}
	return fmt.Errorf("%w:%s", ErrNoSensor, b.String())
}

// Try probes every sensor and says what each could do here.
func Try(ctx context.Context, cfg *config.Config, log *slog.Logger) []Attempt {
	tracker, err := netns.New(netns.DefaultConfig(), log)
	if err != nil {
		return nil
	}
	go tracker.Run(ctx)
	var attempts []Attempt
	for _, name := range SensorNames() {
		capture, err := newCapture(name, cfg, tracker, wants{}, log)
		if err == nil {
			err = capture.Sensor.Probe()
		}
		attempt := Attempt{Sensor: name, Works: err == nil}
		if err != nil {
			attempt.Error = err.Error()
		} else {
			attempt.Blind = capture.Blind
		}
		attempts = append(attempts, attempt)
	}
	return attempts
}
