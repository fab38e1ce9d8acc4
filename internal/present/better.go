package present

import (
	"unicode/utf8"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Verdict is the part of a record that a line says and that a later revision may
// improve.
type Verdict struct {
	Sender     reset.Sender
	Cause      reset.Cause
	Confidence reset.Confidence
}

// VerdictOf takes the verdict out of a record.
func VerdictOf(r *reset.Reset) Verdict { return Verdict{r.Sender, r.Cause, r.Confidence} }

// AppendBetter appends the line of a reset whose verdict was another one before,
// without a newline. At its end stands what it was: "was ?path", "was ?path
// ?forged"; a word that did not change is left out.
func (t *Text) AppendBetter(b []byte, r *reset.Reset, before Verdict) []byte {
	tail := was(r, before)
	if tail == "" {
		return t.Append(b, r)
	}
	narrower := *t
	if t.Width > 0 {
		narrower.Width = max(t.Width-1-utf8.RuneCountInString(tail), 1)
	}
	return append(append(narrower.Append(b, r), ' '), tail...)
}

func was(r *reset.Reset, before Verdict) string {
	text := ""
	if before.Sender != r.Sender || before.Confidence.Sender != r.Confidence.Sender {
		text += " " + marked(before.Confidence.Sender, before.Sender.String())
	}
	if before.Cause != r.Cause || before.Confidence.Cause != r.Confidence.Cause {
		text += " " + marked(before.Confidence.Cause, before.Cause.String())
	}
	if text == "" {
		return ""
	}
	return "was" + text
}

// marked is a word behind its mark; what is certain has none.
func marked(level reset.Level, word string) string {
	if word == "" {
		word = "-"
	}
	if mark := marks[level]; mark != ' ' {
		return string(mark) + word
	}
	return word
}
