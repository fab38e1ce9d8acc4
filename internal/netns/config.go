package netns

import (
	"fmt"
	"time"
)

// Config says how the Tracker looks.
type Config struct {
	// Interval is the longest time between two scans. A namespace that has a
	// mount is found at once; one that has only processes, within the interval.
	Interval time.Duration
}

// DefaultConfig scans once a second.
func DefaultConfig() Config { return Config{Interval: time.Second} }

// Validate reports a configuration that would scan all the time, or never.
func (c Config) Validate() error {
	if c.Interval < 10*time.Millisecond || c.Interval > time.Hour {
		return fmt.Errorf("namespace scan interval %v: not between 10ms and 1h", c.Interval)
	}
	return nil
}
