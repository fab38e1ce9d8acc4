package present

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Text prints resets as aligned lines:
//
//	time(12) mark sender(14) mark cause(18) harm(4) dir(3) src > dst(41, grows)  comm/pid(12) #id
//
// The marks say how sure the two words are: none certain, ~ likely, ? possible.
type Text struct {
	Colour   bool
	FullTime bool           // RFC 3339 instead of the time of day
	Zone     *time.Location // nil: local
	Width    int            // columns of the terminal; 0: unlimited
	Netns    bool           // the namespace's name, where it has one, in front of the addresses
}

var marks = [...]byte{reset.LevelNone: ' ', reset.Possible: '?', reset.Likely: '~', reset.Certain: ' '}

var harmWords = [...]string{
	reset.HarmAbsent: "-", reset.HarmNone: "none", reset.FailedConnect: "fail",
	reset.LostData: "lost", reset.HarmUnknown: "unkn",
}

var directionWords = [...]string{"-", "in", "out", "fwd", "via"}

// colours are the terminal's own sixteen, so that they suit its ground.
var colours = [...]string{
	reset.LocalApp: "33", reset.LocalKernel: "36", reset.LocalFirewall: "35", reset.LocalInject: "31",
	reset.Peer: "34", reset.Path: "31", reset.SenderUnknown: "2", reset.SenderNone: "2",
}

// Append appends the line of a reset, without a newline. What does not fit
// into the width is left out in this order: id, process, direction.
func (t *Text) Append(b []byte, r *reset.Reset) []byte {
	start := len(b)
	b = t.appendTime(b, r.Time)
	columns := len(b) - start
	b = append(b, ' ')
	if t.Colour {
		b = append(b, "\x1b["...)
		b = append(b, colours[r.Sender]...)
		b = append(b, 'm')
	}
	b = appendMarked(b, r.Confidence.Sender, r.Sender.String(), 14)
	b = append(b, ' ')
	b = appendMarked(b, r.Confidence.Cause, r.Cause.String(), 18)
	if t.Colour {
		b = append(b, "\x1b[0m"...)
	}
	b = append(b, ' ')
	b = appendPadded(b, harmWords[r.Harm], 4)
	tuple := t.tuple(r)
	columns += 1 + 1 + 14 + 1 + 1 + 18 + 1 + 4 + 1 + utf8.RuneCountInString(tuple)
	if t.fits(columns + 4) {
		columns += 4
		b = append(b, ' ')
		b = appendPadded(b, directionWords[r.Direction], 3)
	}
	b = append(b, ' ')
	wide := max(41-utf8.RuneCountInString(tuple), 0)
	who := process(r)
	if !t.fits(columns + wide + 1 + max(utf8.RuneCountInString(who), 12)) {
		return append(b, tuple...)
	}
	columns += wide + 1 + max(utf8.RuneCountInString(who), 12)
	b = append(appendPadded(b, tuple, 41), ' ')
	b = appendPadded(b, who, 12)
	if !r.ID.IsZero() && t.fits(columns+8) {
		b = append(b, " #"...)
		b = append(b, r.ID.Short()...)
	}
	return trimRight(b, start)
}

// fits reports whether so many columns are there.
func (t *Text) fits(columns int) bool { return t.Width == 0 || columns <= t.Width }

func (t *Text) tuple(r *reset.Reset) string {
	text := endpoint(r.Src) + " > " + endpoint(r.Dst)
	if t.Netns && r.Netns.Name != "" {
		return Clean(r.Netns.Name) + ": " + text
	}
	return text
}

func appendMarked(b []byte, level reset.Level, word string, width int) []byte {
	if word == "" {
		word = "-"
	}
	return appendPadded(append(b, marks[level]), word, width)
}

// appendPadded fills up to a width in characters; what is wider stays whole.
func appendPadded(b []byte, text string, width int) []byte {
	b = append(b, text...)
	for have := utf8.RuneCountInString(text); have < width; have++ {
		b = append(b, ' ')
	}
	return b
}

func (t *Text) appendTime(b []byte, at reset.Time) []byte {
	if at.IsZero() {
		width := 12
		if t.FullTime {
			width = 24
		}
		return appendPadded(b, "-", width)
	}
	zone := t.Zone
	if zone == nil {
		zone = time.Local
	}
	if t.FullTime {
		return at.Std().In(zone).AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	}
	return at.Std().In(zone).AppendFormat(b, "15:04:05.000")
}

// process is comm/pid of the socket's owner; where only who destroyed the socket
// is known, "by" and that one.
func process(r *reset.Reset) string {
	if r.Process == nil {
		return "-"
	}
	if owner := processName(r.Process); owner != "" {
		return owner
	}
	if r.Process.By != nil {
		if hand := processName(r.Process.By); hand != "" {
			return "by " + hand
		}
	}
	return "-"
}

func processName(p *reset.Process) string {
	text := Clean(p.Comm)
	if p.PID.OK {
		text += "/" + strconv.FormatUint(uint64(p.PID.V), 10)
	}
	return text
}

func endpoint(e reset.Endpoint) string {
	if e.IsZero() {
		return "?"
	}
	return e.String()
}

func trimRight(b []byte, start int) []byte {
	for len(b) > start && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}
