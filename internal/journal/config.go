package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Config is what the user chooses about the journal.
type Config struct {
	// Dir is the journal's directory. It is made if it is not there.
	Dir string `toml:"dir"`
	// BlockBytes is the size at which a block is cut and written, in bytes of
	// its payload. A batch that is larger becomes several blocks.
	BlockBytes int `toml:"block_bytes"`
	// BlockInterval is how long entries may wait in memory for a block to fill.
	// 0 writes at the end of each batch: then kill -9 loses nothing.
	BlockInterval time.Duration `toml:"block_interval"`
	// SyncInterval is how often what was written is synced to the disk, and so
	// what loss of power can cost. 0 syncs at the end of each batch.
	SyncInterval time.Duration `toml:"sync_interval"`
	// SegmentBytes is the size from which a segment is closed and a new one
	// begun. At midnight UTC a new one is begun whatever its size.
	SegmentBytes int64 `toml:"segment_bytes"`
	// Compress says whether closed segments are compressed (zstd).
	Compress bool `toml:"compress"`
	// MaxAge removes segments whose last entry is older. 0: never.
	MaxAge time.Duration `toml:"max_age"`
	// MaxSegments removes the oldest segments beyond this number. 0: any number.
	MaxSegments int `toml:"max_segments"`
	// MaxBytes removes the oldest segments while all together take more bytes on
	// disk. 0: no bound. The segment being written is never removed.
	MaxBytes int64 `toml:"max_bytes"`
	// HoldBytes is how much may wait in memory while the disk is full. What does
	// not fit is lost, and counted.
	HoldBytes int `toml:"hold_bytes"`
	// AppendOnly sets the append-only attribute (chattr +a) on the segments,
	// where the file system has it.
	AppendOnly bool `toml:"append_only"`
	// HeadsInterval is how often the chain's head is told to whoever keeps it
	// elsewhere; it is told at the end of each segment too. 0: only there.
	HeadsInterval time.Duration `toml:"heads_interval"`
}

// DefaultConfig returns the configuration for a host that sets nothing.
func DefaultConfig() Config {
	return Config{
		Dir:           "/var/lib/rstwatch",
		BlockBytes:    256 << 10,
		SyncInterval:  time.Second,
		SegmentBytes:  256 << 20,
		Compress:      true,
		MaxAge:        30 * 24 * time.Hour,
		MaxBytes:      10 << 30,
		HoldBytes:     64 << 20,
		AppendOnly:    true,
		HeadsInterval: 10 * time.Minute,
	}
}

// Validate returns every reason why the configuration cannot be used, joined.
func (c *Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Dir != "", "dir: empty")
	check(c.BlockBytes >= 4<<10 && c.BlockBytes <= 1<<20, "block_bytes: %d is not between 4096 and 1048576", c.BlockBytes)
	check(c.BlockInterval >= 0, "block_interval: negative")
	check(c.SyncInterval >= 0, "sync_interval: negative")
	check(c.SegmentBytes >= 64<<10 && c.SegmentBytes <= 1<<36,
		"segment_bytes: %d is not between 65536 and 68719476736", c.SegmentBytes)
	check(c.MaxAge >= 0, "max_age: negative")
	check(c.MaxSegments >= 0, "max_segments: negative")
	check(c.MaxBytes >= 0, "max_bytes: negative")
	check(c.HoldBytes >= 0, "hold_bytes: negative")
	check(c.HeadsInterval >= 0, "heads_interval: negative")
	return errors.Join(errs...)
}

// Deps are what the journal is given. All may be left at their zero.
type Deps struct {
	// FS is the file system; nil is the real one.
	FS FS
	// Logger is told what goes wrong in the background; nil is silence.
	Logger *slog.Logger
	// Now tells the time; nil is the clock.
	Now func() time.Time
	// Heads is told the chain's head, to keep it where this host's root cannot
	// change it: the segment's name, the hash of its last block, and when. It is
	// called by one goroutine at a time and may block.
	Heads func(segment string, head [32]byte, at reset.Time)
	// Host, BootID and Version are put into the control entries that the journal
	// writes itself.
	Host, BootID, Version string
}

func (d *Deps) defaults() {
	if d.FS == nil {
		d.FS = Disk{}
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
}
