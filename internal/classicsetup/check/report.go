package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong.
type Fault struct {
	Word    Word   `json:"fault"`
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"` // from 1; absent where the whole file or the host is meant
	Text    string `json:"text,omitempty"` // the line
	Problem string `json:"problem"`        // what is wrong
	Why     string `json:"why"`            // why it matters
	Fix     string `json:"fix,omitempty"`  // the line, or the lines, as they should be
}

// Read is a file that was read, and as what.
type Read struct {
	File string `json:"file"`
	Kind Kind   `json:"kind"`
}

// Report is what was found.
type Report struct {
	Files  []Read   `json:"files"`
	Faults []Fault  `json:"faults"`
	Notes  []string `json:"notes,omitempty"` // what was left out of the judgement
	Meant  int      `json:"meant"`           // faults that a file says are meant
}

// maxFaults bounds a report: a hostile file could have one on each line.
const maxFaults = 500

// add takes a fault unless its file says that it is meant, or it is there already.
func (r *Report) add(src *source, line int, word Word, fix, format string, args ...any) {
	f := Fault{Word: word, Line: line, Problem: fmt.Sprintf(format, args...), Why: reasons[word], Fix: fix}
	if src != nil {
		if src.meant[word] {
			r.Meant++
			return
		}
		f.File = src.name
		f.Text = src.line(line)
	}
	same := func(o Fault) bool {
		return o.Word == f.Word && o.File == f.File && o.Line == f.Line && o.Problem == f.Problem
	}
	if !slices.ContainsFunc(r.Faults, same) && len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, f)
	}
}

func (r *Report) note(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	if !slices.Contains(r.Notes, note) && len(r.Notes) < maxFaults {
		r.Notes = append(r.Notes, note)
	}
}

// sort puts the faults in the order of the files that were read, then of their lines.
func (r *Report) sort() {
	order := make(map[string]int)
	for i, f := range r.Files {
		order[f.File] = i + 1
	}
	slices.SortStableFunc(r.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line))
	})
}

// maxShown bounds what is quoted of a line.
const maxShown = 500

func shorten(text string) string {
	text = strings.TrimRight(text, " \t\r\n")
	if len(text) > maxShown {
		return strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}
