package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/rstwatch/rstwatch/internal/explain"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// piped reports whether the resets come from standard input.
func (t *teller) piped(args []string) bool {
	if len(args) > 0 {
		return len(args) == 1 && args[0] == "-"
	}
	file, isFile := t.app.stdin.(interface{ Fd() uintptr })
	return !isFile || !term.IsTerminal(int(file.Fd()))
}

// stream explains the resets that lines of standard input name or are, as they
// come.
func (t *teller) stream(ctx context.Context, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	failed, seen := 0, 0
	t.streams = true
	for lines.Scan() && ctx.Err() == nil {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "==") || foldedLine.MatchString(text) {
			continue
		}
		seen++
		var unreadable *lineError
		if err := t.line(ctx, text); errors.As(err, &unreadable) {
			failed++
			fmt.Fprintf(t.app.stderr, "rstwatch: line %d: %s\n", seen, cleanLines(err.Error()))
		} else if err != nil {
			return err
		}
	}
	switch {
	case lines.Err() != nil:
		return fmt.Errorf("reading standard input: %w", lines.Err())
	case seen == 0 && ctx.Err() == nil:
		return usagef("nothing to explain: no id, no connection, and nothing on standard input\n" +
			"hint: rstwatch explain --help has examples")
	case failed > 0:
		return errSilent
	}
	return nil
}

// lineError is a line that cannot be explained; the next one may be.
type lineError struct{ err error }

func (e *lineError) Error() string { return e.err.Error() }
func (e *lineError) Unwrap() error { return e.err }

// unrecordedError is a line of text where there is no journal: it names a reset, and
// nothing says more of it.
type unrecordedError struct{ err error }

func (e *unrecordedError) Error() string { return e.err.Error() }
func (e *unrecordedError) Unwrap() error { return e.err }

// foldedLine stands for many resets and names none.
var foldedLine = regexp.MustCompile(`^[0-9:.TZ+-]+\s+\.\.\. `)

// line explains one line of "live", "journal cat" or "read".
func (t *teller) line(ctx context.Context, text string) error {
	if strings.HasPrefix(text, "{") {
		entry, err := reset.ParseJSON([]byte(text))
		if err != nil {
			return &lineError{err}
		}
		if entry.Reset == nil {
			return nil // coverage and control lines tell of no reset
		}
		return t.tellPiped(ctx, entry.Reset)
	}
	suffix, at, err := parseLine(text, time.Now())
	if err != nil {
		return &lineError{err}
	}
	r, err := t.lookUp(ctx, suffix, at)
	if errors.Is(err, fs.ErrNotExist) {
		return &unrecordedError{err}
	}
	if err != nil {
		return err
	}
	return t.tell(ctx, r, nil)
}

// tellPiped explains a record that came whole. Where there is no journal to
// read, it stands alone.
func (t *teller) tellPiped(ctx context.Context, r *reset.Reset) error {
	best, around, err := t.surroundings(ctx, r)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		best, around, err = r, nil, nil
	}
	if err != nil {
		return err
	}
	return t.write(best, around, nil)
}

// lookUp finds the reset of a line: first at the line's own time, then anywhere.
func (t *teller) lookUp(ctx context.Context, suffix string, at reset.Time) (*reset.Reset, error) {
	target := explain.Target{Suffix: suffix}
	tries := []explain.Search{{Target: target}}
	if at != 0 {
		tries = []explain.Search{{Target: target, From: at, Until: at + reset.Time(time.Millisecond)}, {Target: target}}
	}
	for i := range tries {
		found, err := t.find(ctx, &tries[i])
		if err != nil {
			return nil, err
		}
		switch {
		case len(found.Resets) == 1:
			return &found.Resets[0], nil
		case len(found.Resets) > 1:
			return nil, &lineError{t.ambiguous(&target, found)}
		}
	}
	return nil, &lineError{fmt.Errorf("no reset #%s in the journal (a \"live\" without the daemon keeps nothing: "+
		"pipe its --output json)", suffix)}
}

// The parts of a line that name its reset.
var (
	lineID   = regexp.MustCompile(`#([0-9A-HJKMNP-TV-Z]{6})(?:\s|$)`)
	lineTime = regexp.MustCompile(`^(\d{2}:\d{2}:\d{2}\.\d{3})\s|^(\d{4}-\d{2}-\d{2}T\S+)\s`)
)

// parseLine finds the end of the id, and the time, in a line of text.
func parseLine(text string, now time.Time) (suffix string, at reset.Time, err error) {
	all := lineID.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return "", 0, fmt.Errorf("no id (# and six characters) in %.60q", text)
	}
	return all[len(all)-1][1], lineMoment(text, now), nil
}

// lineMoment is the time at the begin of a line, or 0. A time of day is today's,
// or yesterday's where today's is still to come.
func lineMoment(text string, now time.Time) reset.Time {
	match := lineTime.FindStringSubmatch(text)
	if match == nil {
		return 0
	}
	if full, err := time.Parse(time.RFC3339, match[2]); err == nil {
		return reset.TimeOf(full.Truncate(time.Millisecond))
	}
	of, err := time.ParseInLocation("15:04:05.000", match[1], time.Local)
	if err != nil {
		return 0
	}
	y, m, d := now.Local().Date()
	at := time.Date(y, m, d, of.Hour(), of.Minute(), of.Second(), of.Nanosecond(), time.Local)
	if at.After(now.Add(time.Minute)) {
		at = at.AddDate(0, 0, -1)
	}
	return reset.TimeOf(at)
}
