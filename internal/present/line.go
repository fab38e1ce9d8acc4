package present

import (
	"strconv"
	"time"

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
	Width    int            // columns of the terminal; 0: unlimited. Narrow ones lose id, process, direction
	// Names adds the namespace's name in front of the tuple.
	Netns bool
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

// Append appends the line of a reset, without a newline.
func (t *Text) Append(b []byte, r *reset.Reset) []byte {
	start := len(b)
	b = t.appendTime(b, r.Time)
	b = append(b, ' ')
	if t.Colour {
		b = append(b, "\x1b["...)
		b = append(b, colours[r.Sender]...)
		b = append(b, 'm')
	}
	b = append(b, marks[r.Confidence.Sender])
	b = pad(append(b, dash(r.Sender.String())...), len(dash(r.Sender.String())), 14)
	b = append(b, ' ', marks[r.Confidence.Cause])
	b = pad(append(b, dash(r.Cause.String())...), len(dash(r.Cause.String())), 18)
	if t.Colour {
		b = append(b, "\x1b[0m"...)
	}
	b = append(b, ' ')
	b = pad(append(b, harmWords[r.Harm]...), len(harmWords[r.Harm]), 4)
	if t.Width == 0 || t.Width >= 60 {
		b = append(b, ' ')
		b = pad(append(b, directionWords[r.Direction]...), len(directionWords[r.Direction]), 3)
	}
	b = append(b, ' ')
	at := len(b)
	if t.Netns && r.Netns.Name != "" {
		b = append(b, Clean(r.Netns.Name)...)
		b = append(b, ": "...)
	}
	b = append(b, endpoint(r.Src)...)
	b = append(b, " > "...)
	b = append(b, endpoint(r.Dst)...)
	b = pad(b, len(b)-at, 41)
	if t.Width == 0 || t.Width >= 110 {
		b = append(b, ' ', ' ')
		at = len(b)
		b = t.appendProcess(b, r)
		b = pad(b, len(b)-at, 12)
	}
	if t.Width == 0 || t.Width >= 120 {
		b = append(b, " #"...)
		b = append(b, r.ID.Short()...)
	}
	return trimRight(b, start)
}

func (t *Text) appendTime(b []byte, at reset.Time) []byte {
	if at.IsZero() {
		return append(b, "-           "...)
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

func (t *Text) appendProcess(b []byte, r *reset.Reset) []byte {
	if r.Process == nil || r.Process.Comm == "" && !r.Process.PID.OK {
		return append(b, '-')
	}
	b = append(b, Clean(r.Process.Comm)...)
	if r.Process.PID.OK {
		b = append(b, '/')
		b = strconv.AppendUint(b, uint64(r.Process.PID.V), 10)
	}
	return b
}

func endpoint(e reset.Endpoint) string {
	if e.IsZero() {
		return "?"
	}
	return e.String()
}

func dash(word string) string {
	if word == "" {
		return "-"
	}
	return word
}

func pad(b []byte, have, want int) []byte {
	for ; have < want; have++ {
		b = append(b, ' ')
	}
	return b
}

func trimRight(b []byte, start int) []byte {
	for len(b) > start && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}
