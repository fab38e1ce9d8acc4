package explain

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Text writes stories for people.
type Text struct {
	Width  int            // columns; 0: 80
	Colour bool           // bold headings
	Zone   *time.Location // nil: local
}

// The widths that lines keep to.
const (
	usualWidth = 80
	leastWidth = 40
)

func (t *Text) width() int {
	if t.Width == 0 {
		return usualWidth
	}
	return min(max(t.Width, leastWidth), 100)
}

func (t *Text) zone() *time.Location {
	if t.Zone == nil {
		return time.Local
	}
	return t.Zone
}

// writer gathers lines of a width.
type writer struct {
	b     []byte
	width int
	bold  bool
}

func (w *writer) line(text string) {
	w.b = append(append(w.b, strings.TrimRight(text, " ")...), '\n')
}

func (w *writer) blank() { w.b = append(w.b, '\n') }

// heading begins a section.
func (w *writer) heading(text string) {
	w.blank()
	w.line(w.strong(text))
}

func (w *writer) strong(text string) string {
	if w.bold {
		return "\x1b[1m" + text + "\x1b[0m"
	}
	return text
}

// wrapped writes words, the first line behind first and the others behind an
// indent as wide. A word that is wider than the line stands alone.
func (w *writer) wrapped(first, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(first))
	for i, line := range wrap(text, w.width-utf8.RuneCountInString(first)) {
		if i == 0 {
			w.line(first + line)
		} else {
			w.line(indent + line)
		}
	}
}

// wrap cuts a text into lines of at most width columns, between words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// flow writes parts with three spaces between, as many as fit on a line.
func (w *writer) flow(parts ...string) {
	line := ""
	for _, part := range parts {
		switch {
		case part == "":
		case line == "":
			line = part
		case utf8.RuneCountInString(line)+3+utf8.RuneCountInString(part) <= w.width:
			line += "   " + part
		default:
			w.fitted(line)
			line = part
		}
	}
	if line != "" {
		w.fitted(line)
	}
}

// fitted writes a line as it is, or wrapped where it is too wide.
func (w *writer) fitted(line string) {
	if utf8.RuneCountInString(line) <= w.width {
		w.line(line)
	} else {
		w.wrapped("", line)
	}
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-utf8.RuneCountInString(text), 0))
}

// Append writes a story.
func (t *Text) Append(b []byte, s *Story) []byte {
	w := &writer{b: b, width: t.width(), bold: t.Colour}
	zone := t.zone()
	when := "time unknown"
	if !s.at.IsZero() {
		when = s.at.Std().In(zone).Format("Mon 2006-01-02 15:04:05.000 -07:00")
	}
	w.flow("Reset "+strings.TrimPrefix(s.Name, "#"), when, strings.Join(s.Place, ", "), s.Status)
	w.flow(s.Tuple, s.Process)
	if s.NAT != "" {
		w.wrapped("translated: ", s.NAT)
	}
	w.blank()
	w.wrapped("", s.Paragraph)
	w.blank()
	w.claim("WHO", s.Who)
	w.claim("WHY", s.Why)
	w.claim("HARM", s.Harm)
	if s.Rule != "" {
		w.wrapped("RULE  ", s.Rule)
	}
	if s.Claim != "" {
		w.wrapped("SAYS  ", s.Claim+" (the RST's own payload; nobody checked it)")
	}
	w.evidence(s)
	w.list("Connection, at that moment", "  ", s.Connection)
	w.timeLine(s, zone)
	w.list("Revisions", "  ", s.Revisions)
	w.advice(s)
	w.commands(s.Next)
	if s.Page != "" {
		w.line("  Page: " + s.Page + "   (rstwatch causes " + s.Why.Word + ")")
	}
	return w.b
}

func (w *writer) claim(label string, c Claim) {
	word := c.Word
	if word == "" {
		word = "-"
	}
	first := pad(w.strong(label), 6+len(w.strong(label))-len(label)) + pad(word, 20)
	if label != "HARM" {
		first += pad(c.Level, 10)
	}
	if c.Meaning == "" {
		w.line(first)
		return
	}
	visible := 6 + max(utf8.RuneCountInString(word), 20)
	if label != "HARM" {
		visible += max(len(c.Level), 10)
	}
	for i, line := range wrap(c.Meaning, w.width-visible) {
		if i == 0 {
			w.line(first + line)
		} else {
			w.line(strings.Repeat(" ", visible) + line)
		}
	}
}

// evidence writes a table: what was found, what it is about, how much it counts.
func (w *writer) evidence(s *Story) {
	if len(s.Evidence) == 0 {
		w.heading("Evidence")
		w.line("  none that says who or why")
		w.unknown(s)
		return
	}
	about := len("about")
	for _, item := range s.Evidence {
		about = max(about, utf8.RuneCountInString(item.For))
	}
	about = min(about, w.width/4)
	left := w.width - about - len("decisive") - 2
	w.blank()
	w.line(w.strong("Evidence") + strings.Repeat(" ", left-len("Evidence")+1) + pad("about", about) + " weight")
	for _, item := range s.Evidence {
		sign := "  + "
		if item.Against {
			sign = "  - "
		}
		for i, line := range wrap(item.Text, left-len(sign)) {
			if i > 0 {
				w.line("    " + line)
				continue
			}
			w.line(pad(sign+line, left) + " " + pad(clip(item.For, about), about) + " " + item.Weight)
		}
	}
	w.unknown(s)
}

// clip cuts a text that is wider than its column.
func clip(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "~"
}

func (w *writer) unknown(s *Story) {
	for i, text := range s.Unknown {
		first := "Not known: "
		if i > 0 {
			first = "           "
		}
		w.wrapped(first, text)
	}
}

func (w *writer) list(heading, indent string, lines []string) {
	if len(lines) == 0 {
		return
	}
	w.heading(heading)
	for _, line := range lines {
		w.wrapped(indent, line)
	}
}

// timeLine writes the steps: the time of day, how long after the step before,
// and what came.
func (w *writer) timeLine(s *Story, zone *time.Location) {
	if len(s.TimeLine) < 2 {
		return // the RST alone: the head has its time
	}
	w.heading("Time line")
	before := reset.Time(0)
	for _, m := range s.TimeLine {
		at := ""
		if !m.At.IsZero() {
			at = dayTime(m.At, s.at, zone)
		}
		gap := ""
		if m.At != before {
			gap = step(before, m.At)
		}
		w.wrapped("  "+pad(at, 16)+pad(gap, 14), m.Text)
		if !m.At.IsZero() {
			before = m.At
		}
	}
}

// dayTime is the time of day, or the day where it is another one.
func dayTime(at, of reset.Time, zone *time.Location) string {
	local, day := at.Std().In(zone), of.Std().In(zone)
	if local.YearDay() != day.YearDay() || local.Year() != day.Year() {
		return local.Format("Jan 02 15:04:05")
	}
	return local.Format("15:04:05.000")
}

func (w *writer) advice(s *Story) {
	if len(s.Advice) == 0 {
		return
	}
	w.heading("What to do")
	for _, text := range s.Advice {
		w.wrapped("  - ", text)
	}
}

// commands writes each with its question: beside it where all fit, else above.
func (w *writer) commands(list []Command) {
	if len(list) == 0 {
		w.blank()
		return
	}
	w.heading("Next")
	w.commandLines(list)
}

func (w *writer) commandLines(list []Command) {
	longest, fits := 0, true
	for _, c := range list {
		longest = max(longest, len(c.Command))
	}
	for _, c := range list {
		fits = fits && 2+longest+4+utf8.RuneCountInString(c.Question) <= w.width
	}
	for _, c := range list {
		if fits {
			w.line("  " + pad(c.Command, longest) + "  # " + c.Question)
			continue
		}
		for _, line := range wrap(c.Question, w.width-4) {
			w.line("  # " + line)
		}
		w.line("  " + c.Command)
	}
}
