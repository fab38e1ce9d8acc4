package logfile

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Config is what can be chosen of the reading.
type Config struct {
	// Zone is that of times that name none; nil is this host's.
	Zone *time.Location
	// Boot is when the kernel started whose seconds since boot are read; 0: not
	// known, but for this host's own /dev/kmsg.
	Boot reset.Time
	// Now tells the time; nil is the clock. No line is later than a day after it.
	Now func() time.Time
	// Idle is called before a stream is waited for; it may be nil.
	Idle func() error
}

func (c *Config) defaults() {
	if c.Zone == nil {
		c.Zone = time.Local
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Found is one reset. All of it is valid until the sink returns.
type Found struct {
	ID       reset.ID
	Sighting *reset.Sighting
	BootID   string // where the log says it
	File     string
	Line     uint64 // in the file, from 1
}
