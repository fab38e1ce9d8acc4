package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ByteCount is a number of bytes, written "64MiB" or as a plain number.
type ByteCount int64

// The units of a ByteCount.
const (
	KiB ByteCount = 1 << 10
	MiB ByteCount = 1 << 20
	GiB ByteCount = 1 << 30
	TiB ByteCount = 1 << 40
)

// byteUnits are the units that are read, largest first because that is how a count is written too. Only the
// binary ones are written; "M" is not read, since people mean two different things by it.
var byteUnits = [...]struct {
	name string
	size ByteCount
}{
	{"TiB", TiB},
	{"GiB", GiB},
	{"MiB", MiB},
	{"KiB", KiB},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"B", 1},
}

// String writes the count in the largest binary unit that divides it: "64MiB", "192".
func (b ByteCount) String() string {
	for _, unit := range byteUnits[:4] {
		if b != 0 && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// MarshalText writes what String writes.
func (b ByteCount) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

var errByteCount = errors.New(`not a number of bytes; write a whole number with B, KiB, MiB, GiB or TiB, as "64MiB"`)

// UnmarshalText reads a whole number with or without a unit.
func (b *ByteCount) UnmarshalText(text []byte) error {
	number, size := strings.TrimSpace(string(text)), ByteCount(1)
	for _, unit := range byteUnits {
		if before, ok := strings.CutSuffix(number, unit.name); ok {
			number, size = strings.TrimSpace(before), unit.size
			break
		}
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(number, "_", ""), 10, 64)
	if err != nil {
		return errByteCount
	}
	if n > math.MaxInt64/int64(size) || n < math.MinInt64/int64(size) {
		return fmt.Errorf("more than %v", ByteCount(math.MaxInt64))
	}
	*b = ByteCount(n) * size
	return nil
}

// Duration is a time span, written "50ms", "1s", "10m", "1h30m".
type Duration time.Duration

// Std returns it as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes it without the zero parts that time.Duration writes: "10m", not "10m0s".
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText writes what String writes.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

var errDuration = errors.New(`not a time span; write a number with ms, s, m or h, as "1s" or "1h30m"`)

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return errDuration
	}
	*d = Duration(parsed)
	return nil
}
