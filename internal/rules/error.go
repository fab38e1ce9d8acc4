package rules

import (
	"errors"
	"fmt"
	"strings"
)

// Error is a line that cannot be honoured.
type Error struct {
	File   string
	Line   int    // from 1; 0 where the whole file is meant
	Text   string // the line
	Reason string
	Hint   string // what to do, may be empty
	// Ours says that rstwatch cannot honour the line, which a kernel may well: it is no mistake of the file.
	Ours bool
}

// Error puts place, reason and line in one sentence; the hint is left to
// whoever shows it.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s: %q", e.File, e.Line, e.Reason, e.Text)
}

// maxErrors bounds what one file can say.
const maxErrors = 20

// failures collects the errors of a file.
type failures []*Error

func (f failures) err() error {
	if len(f) == 0 {
		return nil
	}
	all := make([]error, 0, min(len(f), maxErrors))
	for _, e := range f[:min(len(f), maxErrors)] {
		all = append(all, e)
	}
	return errors.Join(all...)
}

// Notice is something worth a word that is no error.
type Notice struct {
	Line int
	Text string // the line
	Say  string // what there is to say
	Hint string // what to do, may be empty
}

// String puts both in one sentence.
func (n Notice) String() string { return fmt.Sprintf("line %d: %s: %q", n.Line, n.Say, n.Text) }

// problem is an error without its place.
type problem struct {
	reason, hint string
	ours         bool
}

func (p *problem) Error() string { return p.reason }

func bad(format string, args ...any) *problem { return &problem{reason: fmt.Sprintf(format, args...)} }

func (p *problem) with(hint string) *problem {
	p.hint = hint
	p.ours = p.ours || hint == unsupported
	return p
}

// unhonoured marks what a kernel does and rstwatch does not.
func (p *problem) unhonoured() *problem {
	p.ours = true
	return p
}

// shorten keeps a hostile line from filling a screen.
func shorten(text string) string {
	const limit = 300
	text = strings.TrimRight(text, " \t\r")
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}
