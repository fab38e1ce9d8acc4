package explain

import (
	"strings"

	"github.com/rstwatch/rstwatch/internal/causes"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// AppendPage writes a cause's page for people.
func (t *Text) AppendPage(b []byte, p *causes.Page) []byte {
	w := &writer{b: b, width: t.width(), bold: t.Colour}
	w.wrapped("", w.strong(p.Cause.String())+": "+p.Title)
	w.blank()
	w.wrapped("", causes.Plain(p.Meaning))
	w.prose("What happened", p.Happened)
	w.prose("How it is recognised", p.Recognised)
	w.rules(p.Rules)
	w.items("What usually leads to it", p.Leads)
	w.items("What to do", p.Advice)
	w.checks(p)
	w.items("Goes with", p.Senders)
	w.items("Stands on", p.Basis)
	return w.b
}

func (w *writer) prose(heading string, paragraphs []string) {
	w.heading(heading)
	for i, text := range paragraphs {
		if i > 0 {
			w.blank()
		}
		w.wrapped("  ", causes.Plain(text))
	}
}

// rules writes the rows of the rule base, each on lines of its own.
func (w *writer) rules(list []causes.Rule) {
	if len(list) == 0 {
		return
	}
	w.heading("The rules, of which the first that holds decides")
	for _, r := range list {
		text := r.Where + ", " + r.Sender + ", " + r.Sure + ": " + r.Needs
		if r.Doubts != "" {
			text += "; against it: " + r.Doubts
		}
		w.wrapped("  - ", text)
	}
}

func (w *writer) items(heading string, list []string) {
	w.heading(heading)
	for _, text := range list {
		w.wrapped("  - ", causes.Plain(text))
	}
}

// checks writes the commands with their placeholders, by the way of the RST.
func (w *writer) checks(p *causes.Page) {
	titles := []struct {
		direction reset.Direction
		heading   string
	}{
		{reset.DirectionUnknown, "What to check next"},
		{reset.Out, "What to check next, where the RST was sent"},
		{reset.In, "What to check next, where it was received"},
		{reset.Forward, "What to check next, where it only passed through"},
	}
	for _, title := range titles {
		var list []Command
		for _, check := range p.Checks {
			if check.Direction == title.direction {
				list = append(list, Command{check.Command, check.Question})
			}
		}
		if len(list) > 0 {
			w.heading(title.heading)
			w.commandLines(list)
		}
	}
}

// Summary is a cause in one line, for lists.
func Summary(p *causes.Page) string {
	word := p.Cause.String()
	return word + strings.Repeat(" ", max(20-len(word), 1)) + p.Title
}
