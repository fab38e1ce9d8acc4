package firewall

import (
	"fmt"
	"time"

	"github.com/rstwatch/rstwatch/internal/netns"
)

// Config says how the sensor watches.
type Config struct {
	// Group is the number by which our rules and our socket find each other in
	// each namespace. Any that no other program uses will do.
	Group uint16
	// Buffer is the size of each namespace's socket buffer in bytes: what can
	// wait while we are busy. It is only taken while packets wait.
	Buffer int
	// Threshold is how many packets the kernel gathers before it wakes us.
	Threshold uint16
	// Delay is the longest time that a packet waits for others; the kernel counts
	// it in steps of 10 ms.
	Delay time.Duration
	// CopyBytes is how much of each packet is kept, from the IP header.
	CopyBytes uint32
	// KeepPayload keeps the bytes after the TCP header, which may be private.
	KeepPayload bool
	// Bridge adds a table of the bridge family, for packets that a bridge passes
	// without the inet hooks seeing them.
	Bridge bool
	// Select says which namespaces to watch; nil means all.
	Select func(netns.Namespace) bool
}

// DefaultConfig suits a storm: batches of 64, 64 MiB of buffer.
func DefaultConfig() Config {
	return Config{Group: 29303, Buffer: 64 << 20, Threshold: 64, Delay: 10 * time.Millisecond, CopyBytes: 256}
}

// Validate reports values with which the sensor cannot work.
func (c Config) Validate() error {
	switch {
	case c.Group == 0:
		return fmt.Errorf("nflog group 0: belongs to the kernel's own log")
	case c.Buffer < 64<<10 || c.Buffer > 1<<30:
		return fmt.Errorf("nflog buffer of %d bytes: not between 64 KiB and 1 GiB", c.Buffer)
	case c.Threshold == 0 || c.Threshold > 1024:
		return fmt.Errorf("nflog threshold %d: not between 1 and 1024", c.Threshold)
	case c.Delay < 10*time.Millisecond || c.Delay > time.Second:
		return fmt.Errorf("nflog delay %v: not between 10ms and 1s", c.Delay)
	case c.CopyBytes < 80 || c.CopyBytes > 32<<10:
		return fmt.Errorf("nflog copy of %d bytes: not between 80 and 32768", c.CopyBytes)
	}
	return nil
}
