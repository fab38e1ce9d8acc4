package klog

import (
	"errors"
	"fmt"
	"time"
)

// Places other than files.
const (
	Kmsg    = "/dev/kmsg"
	Journal = "journal"
)

// Config says what is followed.
type Config struct {
	// Path is Kmsg, Journal, or the path of a file.
	Path string
	// Prefix is the --log-prefix of the rules, without the space at its end;
	// lines with another are passed over. Empty: every line counts.
	Prefix string
	// Poll is how often a file is looked at.
	Poll time.Duration
	// Journalctl is the program that reads journald.
	Journalctl string
}

// DefaultConfig follows /dev/kmsg, whatever the prefix.
func DefaultConfig() Config {
	return Config{Path: Kmsg, Poll: 100 * time.Millisecond, Journalctl: "journalctl"}
}

// Validate reports values with which the sensor cannot work.
func (c Config) Validate() error {
	if c.Path == "" {
		return errors.New("kernel log: no path")
	}
	if c.Poll < time.Millisecond || c.Poll > time.Minute {
		return fmt.Errorf("kernel log poll interval %v: not between 1ms and 1m", c.Poll)
	}
	return nil
}
