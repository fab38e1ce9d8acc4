package logfile

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const day = 24 * time.Hour

// latest is when the last line of a file can have been written: by the time at
// which the file was, where that can be.
func (in *Input) latest(cfg *Config) time.Time {
	now := cfg.Now()
	if in.written.Year() < 2001 || in.written.After(now) {
		return now.Add(day)
	}
	return in.written.Add(day)
}

// year is the year of a yearless stamp.
func (t *times) year(s *stamp) int {
	n := t.turn.feed(s)
	if !t.base.OK {
		t.base = reset.Some(yearBefore(s, t.latest, t.zone) - n)
	}
	year := t.base.V + n
	if t.first == 0 {
		t.first, t.last = year, year
	}
	t.first, t.last = min(t.first, year), max(t.last, year)
	return year
}

// span is what the days of a file without years say of them.
type span struct {
	known       bool
	first, last stamp
	turns       int   // from the first line's year to the last's
	leaps       []int // the years with a 29th of February
}

// maxLeaps bounds what is kept of them: two would do for most.
const maxLeaps = 16

// days reads a file through for its days alone.
func (in *Input) days(ctx context.Context) (s span, err error) {
	var unread atomic.Int64
	f, err := in.open(&Config{Zone: time.UTC, Now: time.Now}, &unread)
	if err != nil {
		return s, err
	}
	defer f.close()
	f.lines.wait = ctx.Err
	var turn turns
	var last [6]byte
	for {
		f.lines.leapDay(&last)
		line, err := f.lines.next()
		if err != nil {
			return s, ctx.Err() // what broke the file is told when it is read
		}
		if at, ok := newDay(line, &last); ok {
			s.add(&at, &turn)
		}
	}
}

// add takes the next line of another day.
func (s *span) add(at *stamp, turn *turns) {
	n := turn.feed(at)
	if !s.known {
		s.known, s.first, s.last = true, *at, *at
	}
	if n > s.turns || n == s.turns && daysBefore[at.month-1]+at.day >= daysBefore[s.last.month-1]+s.last.day {
		s.turns, s.last = n, *at
	}
	if at.month == 2 && at.day == 29 && len(s.leaps) < maxLeaps && !slices.Contains(s.leaps, n) {
		s.leaps = append(s.leaps, n)
	}
}

// base finds the year of the first line: the last line's is the latest that is
// not after a time and that gives every 29th of February a leap year. Where the
// file's name has a date, it is the one by which the first or the last line comes
// nearest to that.
func (s *span) base(latest, named time.Time, zone *time.Location) int {
	best, least := math.MinInt, time.Duration(math.MaxInt64)
	newest := latest.In(zone).Year()
	for year := newest; year > newest-12-s.turns; year-- {
		end := s.last.date(year, zone)
		if end.After(latest) || !s.fits(year-s.turns) || s.last.day > daysIn(s.last.month, year) {
			continue
		}
		if named.IsZero() {
			return year - s.turns
		}
		begin := s.first.date(year-s.turns, zone)
		if far := min(begin.Sub(named).Abs(), end.Sub(named).Abs()); far < least {
			best, least = year-s.turns, far
		}
	}
	if best == math.MinInt {
		return yearBefore(&s.last, latest, zone) - s.turns
	}
	return best
}

func (s *span) fits(base int) bool {
	for _, n := range s.leaps {
		if !isLeap(base + n) {
			return false
		}
	}
	return true
}

func (s *stamp) date(year int, zone *time.Location) time.Time {
	return time.Date(year, time.Month(s.month), s.day, s.hour, s.minute, s.second, 0, zone)
}
