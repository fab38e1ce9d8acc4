package kernel

import (
	"fmt"
	"time"
)

// Config is what can be chosen of the sensor.
type Config struct {
	Light       bool     // no packet hooks: ordinary packets cost nothing, and the wire is not seen
	RingBytes   int      // size of the ring buffer: a power of two, at least 64 KiB
	SnapBytes   int      // bytes of each RST to keep, from its IP header: 40 to 192
	Connections int      // lines of the table of connections; half and a quarter as many of ports and peers
	KeepPayload bool     // keep payload bytes too, up to SnapBytes
	KeepStack   bool     // put the kernel's functions of an abort into the record too
	Netns       []uint64 // watch only these namespaces, by inode number; empty: all
	Ports       []uint64 // a bit a port: tell only RSTs with one of these ports; empty: all
	// PollInterval is how often the ring is looked at while sightings come; a
	// lone one wakes the reader at once.
	PollInterval time.Duration
}

// DefaultConfig returns the settings for a host about which nothing is known.
func DefaultConfig() Config {
	return Config{RingBytes: 16 << 20, SnapBytes: 192, Connections: 65536, PollInterval: 2 * time.Millisecond}
}

// snapMax is RAW_MAX of bpf/sighting.h.
const snapMax = 192

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.RingBytes < 64<<10 || c.RingBytes&(c.RingBytes-1) != 0 {
		return fmt.Errorf("ring of %d bytes: not a power of two of at least 65536", c.RingBytes)
	}
	if c.SnapBytes < 40 || c.SnapBytes > snapMax {
		return fmt.Errorf("%d bytes of each RST: not between 40 and %d", c.SnapBytes, snapMax)
	}
	if c.Connections < 1024 || c.Connections > 1<<22 {
		return fmt.Errorf("a table of %d connections: not between 1024 and %d", c.Connections, 1<<22)
	}
	if len(c.Ports) != 0 && len(c.Ports) != 1024 {
		return fmt.Errorf("a set of ports of %d words: not 1024", len(c.Ports))
	}
	if c.PollInterval <= 0 {
		return fmt.Errorf("poll interval %v: not above zero", c.PollInterval)
	}
	return nil
}
