package logfile

import "bytes"

// stampKind says what a line tells of its time.
type stampKind uint8

const (
	noStamp   stampKind = iota
	absolute            // nanoseconds since 1970
	uptime              // nanoseconds since boot
	localTime           // a date and time without a zone
	yearless            // the same without a year
)

// stamp is a time as a line bears it.
type stamp struct {
	kind   stampKind
	ns     int64 // since 1970, since boot, or within the second
	year   int
	month  int
	day    int
	hour   int
	minute int
	second int
}

// maxSeconds keeps a time in the range of nanoseconds in an int64.
const maxSeconds = 9_000_000_000

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

// month reads the three letters of a month; 0 is none.
func month(text []byte) int {
	if len(text) < 3 {
		return 0
	}
	for m := range 12 {
		if name := monthNames[3*m : 3*m+3]; text[0] == name[0] && text[1] == name[1] && text[2] == name[2] {
			return m + 1
		}
	}
	return 0
}

// digits reads a number of exactly n digits.
func digits(text []byte, n int) (v int, ok bool) {
	if len(text) < n {
		return 0, false
	}
	for _, c := range text[:n] {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

// number reads decimal digits up to any other byte.
func number(text []byte, most int64) (v int64, rest []byte, ok bool) {
	i := 0
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		if v = v*10 + int64(text[i]-'0'); v > most {
			return 0, nil, false
		}
	}
	return v, text[i:], i > 0
}

// fraction reads ".123456" or ",123456" into nanoseconds; there may be none.
func fraction(text []byte) (ns int64, rest []byte) {
	if len(text) < 2 || text[0] != '.' && text[0] != ',' || text[1] < '0' || text[1] > '9' {
		return 0, text
	}
	scale := int64(1e8)
	i := 1
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		ns += int64(text[i]-'0') * scale
		scale /= 10
	}
	return ns, text[i:]
}

// clockTime reads "15:27:36" with a fraction into s.
func clockTime(text []byte, s *stamp) (rest []byte, ok bool) {
	if len(text) < 8 || text[2] != ':' || text[5] != ':' {
		return nil, false
	}
	var okHour, okMinute, okSecond bool
	s.hour, okHour = digits(text, 2)
	s.minute, okMinute = digits(text[3:], 2)
	s.second, okSecond = digits(text[6:], 2)
	if !okHour || !okMinute || !okSecond || s.hour > 23 || s.minute > 59 || s.second > 60 {
		return nil, false
	}
	s.ns, rest = fraction(text[8:])
	return rest, true
}

// bsdStamp reads "Apr 26 15:27:36", with a fraction as journalctl writes it.
func bsdStamp(text []byte, s *stamp) (rest []byte, ok bool) {
	if len(text) < 15 || text[3] != ' ' || text[6] != ' ' {
		return nil, false
	}
	if s.month = month(text); s.month == 0 {
		return nil, false
	}
	if text[4] == ' ' {
		s.day, ok = digits(text[5:], 1)
	} else {
		s.day, ok = digits(text[4:], 2)
	}
	if !ok || s.day < 1 || s.day > 31 {
		return nil, false
	}
	s.kind = yearless
	return clockTime(text[7:], s)
}

// ctimeStamp reads "Wed Nov 25 09:32:31 2026".
func ctimeStamp(text []byte, s *stamp) (rest []byte, ok bool) {
	if len(text) < 24 || text[3] != ' ' || !isWeekday(text) {
		return nil, false
	}
	if rest, ok = bsdStamp(text[4:], s); !ok || len(rest) < 5 || rest[0] != ' ' {
		return nil, false
	}
	if s.year, ok = digits(rest[1:], 4); !ok {
		return nil, false
	}
	s.kind = localTime
	return rest[5:], true
}

func isWeekday(text []byte) bool {
	for _, name := range [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} {
		if bytes.HasPrefix(text, []byte(name)) {
			return true
		}
	}
	return false
}

// isoStamp reads "2026-11-25T09:32:31.123456+01:00", or with a space for the T,
// without a fraction, and without a zone or with one of four digits.
func isoStamp(text []byte, s *stamp) (rest []byte, ok bool) {
	if len(text) < 19 || text[4] != '-' || text[7] != '-' || text[10] != 'T' && text[10] != ' ' {
		return nil, false
	}
	var okYear, okMonth, okDay bool
	s.year, okYear = digits(text, 4)
	s.month, okMonth = digits(text[5:], 2)
	s.day, okDay = digits(text[8:], 2)
	if !okYear || !okMonth || !okDay || s.month < 1 || s.month > 12 || s.day < 1 || s.day > 31 {
		return nil, false
	}
	if rest, ok = clockTime(text[11:], s); !ok {
		return nil, false
	}
	offset, rest, zoned := zone(rest)
	s.kind = localTime
	switch {
	case s.year < 1971 || s.year > 2261:
		s.kind = noStamp // beyond what 64 bits of nanoseconds can say, or a clock that was never set
	case zoned:
		s.kind = absolute
		s.ns += (unixOf(s) - offset) * 1e9
	}
	return rest, true
}

// zone reads "Z", "+01:00" or "+0100" into seconds east of Greenwich.
func zone(text []byte) (offset int64, rest []byte, ok bool) {
	if len(text) > 0 && text[0] == 'Z' {
		return 0, text[1:], true
	}
	if len(text) < 5 || text[0] != '+' && text[0] != '-' {
		return 0, text, false
	}
	hours, ok := digits(text[1:], 2)
	if !ok {
		return 0, text, false
	}
	rest = text[3:]
	if rest[0] == ':' {
		rest = rest[1:]
	}
	minutes, ok := digits(rest, 2)
	if !ok || hours > 23 || minutes > 59 {
		return 0, text, false
	}
	offset = int64(hours*3600 + minutes*60)
	if text[0] == '-' {
		offset = -offset
	}
	return offset, rest[2:], true
}

// secondsStamp reads "12345.678901".
func secondsStamp(text []byte, kind stampKind, s *stamp) (rest []byte, ok bool) {
	seconds, rest, ok := number(text, maxSeconds)
	if !ok || len(rest) == 0 || rest[0] != '.' {
		return nil, false
	}
	ns, after := fraction(rest)
	if len(after) == len(rest) {
		return nil, false
	}
	s.kind, s.ns = kind, seconds*1e9+ns
	return after, true
}
