package wire

import (
	"fmt"
	"time"

	"github.com/rstwatch/rstwatch/internal/netns"
)

// Config says how the sensor watches.
type Config struct {
	// RingMemory bounds the memory of all rings together, in bytes. It is taken
	// when a namespace is met, and not swapped. The first namespace gets a
	// quarter of it, the next a quarter of what is left, and so on; none gets
	// less than 256 KiB, so that with very many namespaces the sum is larger.
	// One RST takes about 140 bytes.
	RingMemory int
	// Delay is the longest time that a RST waits in the ring for company.
	Delay time.Duration
	// KeepPayload keeps the bytes after the TCP header, which may be private.
	KeepPayload bool
	// Select says which namespaces to watch; nil means all.
	Select func(netns.Namespace) bool
}

// DefaultConfig watches everything, keeps no payload and gives 16 MiB to rings.
func DefaultConfig() Config {
	return Config{RingMemory: 16 << 20, Delay: 5 * time.Millisecond}
}

// Validate reports values with which the sensor cannot work.
func (c Config) Validate() error {
	if c.RingMemory < leastRing || c.RingMemory > 1<<30 {
		return fmt.Errorf("ring memory of %d bytes: not between %d and %d", c.RingMemory, leastRing, 1<<30)
	}
	if c.Delay < time.Millisecond || c.Delay > time.Second {
		return fmt.Errorf("delay %v: not between 1ms and 1s", c.Delay)
	}
	return nil
}
