package classic

import (
	"strconv"
	"time"
)

// AppendSyslogHead appends the head that a syslog daemon writes before a
// kernel message, "Apr 26 15:27:36 vb kernel: ": RFC 3164, section 4.1.2, the
// day padded with a space, the time in t's own zone.
func AppendSyslogHead(b []byte, t time.Time, host string) []byte {
	b = t.AppendFormat(b, time.Stamp)
	b = append(b, ' ')
	b = appendClean(b, host)
	return append(b, " kernel: "...)
}

// AppendPriority appends the priority that a syslog relay expects before the
// head, "<4>": facility kern (0) and the level of o.
func AppendPriority(b []byte, o Options) []byte {
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(min(max(o.Level, 0), 7)), 10)
	return append(b, '>')
}
