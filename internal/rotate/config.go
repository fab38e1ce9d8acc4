package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The kinds of compression.
const (
	CompressNone = "none"
	CompressGzip = "gzip"
	CompressZstd = "zstd"
)

// Config describes one rotating log. With Daily off and MaxBytes 0 the writer
// leaves rotation, compression and removal to others and only appends.
type Config struct {
	// Path is the live file. Its directory is made if it is missing.
	Path string `toml:"path"`
	// Keep is how many rotated files are kept; 0 keeps all.
	Keep int `toml:"keep"`
	// MaxBytes rotates before the file grows beyond it; 0 is no limit. One
	// write larger than it gets a file of its own.
	MaxBytes int64 `toml:"max_bytes"`
	// Daily rotates at the first line of a new day, local time.
	Daily bool `toml:"daily"`
	// Compress is none, gzip or zstd.
	Compress string `toml:"compress"`
	// DateFormat is what a rotated file's name gets: text with %Y, %m and %d
	// once each, without other digits.
	DateFormat string `toml:"date_format"`
	// AppendOnly sets the attribute that `chattr +a` sets, where the file
	// system has it and the process may.
	AppendOnly bool `toml:"append_only"`
	// Mode is the permission of the files.
	Mode fs.FileMode `toml:"mode"`
	// Group owns the files, by name or number; empty leaves it alone.
	Group string `toml:"group"`
	// Timeout bounds how long a call waits for a disk that hangs.
	Timeout time.Duration `toml:"timeout"`

	Now func() time.Time `toml:"-"` // nil: time.Now
	Log *slog.Logger     `toml:"-"` // nil: silent

	// crash is a test's power switch: asked before every step, true means that
	// the process is dead from here on.
	crash func(step string) bool
}

// DefaultConfig is what the classic set-up keeps: a file a day, 30 of them,
// compressed, append-only.
func DefaultConfig(path string) Config {
	return Config{
		Path: path, Keep: 30, Daily: true, Compress: CompressGzip, DateFormat: "-%Y%m%d",
		AppendOnly: true, Mode: 0o640, Timeout: 10 * time.Second,
	}
}

// Validate reports the first setting that makes no sense.
func (c *Config) Validate() error {
	switch {
	case c.Path == "":
		return errors.New("rotating log: path is empty")
	case c.Keep < 0:
		return fmt.Errorf("rotating log %q: keep %d is negative", c.Path, c.Keep)
	case c.MaxBytes < 0:
		return fmt.Errorf("rotating log %q: max_bytes %d is negative", c.Path, c.MaxBytes)
	case c.Mode&^fs.ModePerm != 0 || c.Mode&0o200 == 0:
		return fmt.Errorf("rotating log %q: mode %#o is not a file's that its owner may write", c.Path, c.Mode)
	}
	switch c.Compress {
	case CompressNone, CompressGzip, CompressZstd, "":
	default:
		return fmt.Errorf("rotating log %q: compress %q is none of none, gzip, zstd", c.Path, c.Compress)
	}
	if _, err := dateLayout(c.DateFormat); err != nil {
		return fmt.Errorf("rotating log %q: %w", c.Path, err)
	}
	return nil
}

// rotates reports whether rotation is this writer's business.
func (c *Config) rotates() bool { return c.Daily || c.MaxBytes > 0 }

func (c *Config) complete() (Config, int, error) {
	cfg := *c
	if cfg.DateFormat == "" {
		cfg.DateFormat = "-%Y%m%d"
	}
	if cfg.Mode == 0 {
		cfg.Mode = 0o640
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.Validate(); err != nil {
		return cfg, -1, err
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return cfg, -1, fmt.Errorf("rotating log %q: %w", cfg.Path, err)
	}
	cfg.Path = path
	gid, err := groupID(cfg.Group)
	return cfg, gid, err
}

func groupID(group string) (int, error) {
	if group == "" {
		return -1, nil
	}
	if gid, err := strconv.ParseUint(group, 10, 31); err == nil {
		return int(gid), nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return -1, fmt.Errorf("rotating log: group %q: %w", group, err)
	}
	return strconv.Atoi(g.Gid)
}

// dateLayout turns %Y%m%d into the time package's layout.
func dateLayout(format string) (string, error) {
	rest := format
	for _, verb := range []string{"%Y", "%m", "%d"} {
		if strings.Count(rest, verb) != 1 {
			return "", fmt.Errorf("date_format %q: want %%Y, %%m and %%d once each", format)
		}
		rest = strings.Replace(rest, verb, "", 1)
	}
	if strings.ContainsAny(rest, "%/0123456789\x00.") || strings.ContainsAny(rest, "_JFMASOND") {
		return "", fmt.Errorf("date_format %q: only '-', lower-case words and the like may stand around the date", format)
	}
	return strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02").Replace(format), nil
}
