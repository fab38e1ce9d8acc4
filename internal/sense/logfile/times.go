package logfile

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// times turns the stamps of one file into times.
type times struct {
	zone *time.Location
	boot reset.Time
	base reset.Opt[int] // the year of the file's first line
	turn turns
	// What the years are bounded by where the file was not looked through before.
	latest time.Time

	minute     [5]int // the last one that was asked for
	minuteUnix int64
	first      int // the years that were met
	last       int
}

// at returns the time; 0 is not known.
func (t *times) at(s *stamp) reset.Time {
	switch s.kind {
	case absolute:
		return plausible(s.ns)
	case uptime:
		if t.boot == 0 {
			return 0
		}
		return plausible(int64(t.boot) + s.ns)
	case localTime:
		return t.local(s, s.year)
	case yearless:
		return t.local(s, t.year(s))
	}
	return 0
}

// plausible leaves out what no log can bear.
func plausible(ns int64) reset.Time {
	if ns <= 0 {
		return 0
	}
	return reset.Time(ns)
}

// local is a date and time in the zone; 0 where there is no such date.
func (t *times) local(s *stamp, year int) reset.Time {
	if year < 1971 || year > 2261 || s.day > daysIn(s.month, year) {
		return 0
	}
	minute := [5]int{year, s.month, s.day, s.hour, s.minute}
	if minute != t.minute {
		t.minute = minute
		t.minuteUnix = time.Date(year, time.Month(s.month), s.day, s.hour, s.minute, 0, 0, t.zone).Unix()
	}
	return plausible((t.minuteUnix+int64(s.second))*1e9 + s.ns)
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysIn(month, year int) int {
	switch month {
	case 2:
		if isLeap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// unixOf is a stamp's date and time as if it were in UTC, without the fraction.
func unixOf(s *stamp) int64 {
	// Days since 1970 by counting from March, as the civil calendar repeats every
	// 400 years.
	y, m := s.year, s.month
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	ofEra := y - era*400
	ofYear := (153*(m-3)+2)/5 + s.day - 1
	days := era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
	return int64(days)*86400 + int64(s.hour*3600+s.minute*60+s.second)
}

// lateDays is how far a line may lag behind the one before it, in days, without
// the year having turned.
const lateDays = 7

// turns counts how often the year has turned, by the order of the lines.
type turns struct {
	begun bool
	day   int // of the year, of the furthest line; every February has 29
	count int // of turns up to it
}

var daysBefore = [...]int{0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335}

// feed takes the next line and returns in which year it is: 0 is the first one's.
func (t *turns) feed(s *stamp) int {
	day := daysBefore[s.month-1] + s.day
	if !t.begun {
		t.begun, t.day = true, day
		return 0
	}
	switch ahead := day - t.day; {
	case ahead > 366-lateDays:
		return t.count - 1 // a line of the old year that came late
	case ahead >= 0:
		t.day = day
	case ahead < -lateDays:
		t.count++
		t.day = day
	}
	return t.count
}

// yearBefore is the latest year in which a yearless stamp is not after a time.
func yearBefore(s *stamp, latest time.Time, zone *time.Location) int {
	year := latest.In(zone).Year()
	for range 9 { // a 29th of February may be eight years back
		at := time.Date(year, time.Month(s.month), s.day, s.hour, s.minute, s.second, 0, zone)
		if s.day <= daysIn(s.month, year) && !at.After(latest) {
			return year
		}
		year--
	}
	return latest.In(zone).Year()
}
