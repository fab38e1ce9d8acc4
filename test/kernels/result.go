package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// result is what one kernel did.
type result struct {
	kernel  kernel
	release string
	took    time.Duration
	output  string // file with all that the suites said
	suites  []*suiteResult
	lost    []string // what the tests say that this kernel does not tell
	judged  []string // how good the verdicts were
	doctor  []string // what the program itself says of its sensors here
}

// suiteResult is what one suite did.
type suiteResult struct {
	name                    string
	ended                   string // "passed", or how its process ended; "" if it never did
	passed, failed, skipped []string
}

var (
	begins  = regexp.MustCompile(`^=== suite (\S+) begins$`)
	ends    = regexp.MustCompile(`^=== suite (\S+) ends after \S+ (.*)$`)
	verdict = regexp.MustCompile(`^ *--- (PASS|FAIL|SKIP): (\S+)`)
	judging = regexp.MustCompile(`\.go:\d+: verdicts: (.*)$`)
	losing  = regexp.MustCompile(`\.go:\d+: lost here: (.*)$`)
	sensor  = regexp.MustCompile(`^sensor (\S+) +(.*)$`)
)

// read takes the result from what the machine said.
func (r *result) read() error {
	data, err := os.ReadFile(r.output)
	if err != nil {
		return err
	}
	var now *suiteResult
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if m := begins.FindStringSubmatch(line); m != nil {
			now = &suiteResult{name: m[1]}
			r.suites = append(r.suites, now)
		}
		if m := ends.FindStringSubmatch(line); m != nil && now != nil {
			now.ended, now = m[2], nil
		}
		if now != nil {
			r.line(now, line)
		}
	}
	return nil
}

func (r *result) line(now *suiteResult, line string) {
	if m := verdict.FindStringSubmatch(line); m != nil {
		into := map[string]*[]string{"PASS": &now.passed, "FAIL": &now.failed, "SKIP": &now.skipped}[m[1]]
		*into = append(*into, m[2])
	}
	if m := losing.FindStringSubmatch(line); m != nil {
		r.lost = append(r.lost, m[1])
	}
	if m := judging.FindStringSubmatch(line); m != nil {
		r.judged = append(r.judged, m[1])
	}
	if m := sensor.FindStringSubmatch(line); m != nil {
		r.doctor = append(r.doctor, m[1]+": "+m[2])
	}
}

// surprises are the differences from what is written down: every failure, every
// test that could not be made and is not in the table of gaps, every gap that is
// none, every suite that did not end well.
func (r *result) surprises(want []string, gaps []gap) []string {
	var all []string
	if len(r.suites) == 0 {
		return []string{"the machine said nothing"}
	}
	for _, name := range want {
		at := slices.IndexFunc(r.suites, func(s *suiteResult) bool { return s.name == name })
		switch {
		case at < 0:
			all = append(all, name+": never began")
		case r.suites[at].ended == "":
			all = append(all, name+": never ended: the kernel died, or the time was over")
		case r.suites[at].ended != "passed":
			all = append(all, name+": "+r.suites[at].ended)
		}
	}
	used := make([]bool, len(gaps))
	for _, s := range r.suites {
		for _, test := range s.failed {
			all = append(all, s.name+": failed: "+test)
		}
		for _, test := range s.skipped {
			at := slices.IndexFunc(gaps, func(g gap) bool { return g.of(r.kernel) && g.tests.MatchString(test) })
			if at < 0 {
				all = append(all, s.name+": skipped: "+test)
				continue
			}
			used[at] = true
		}
	}
	for i, g := range gaps {
		if g.of(r.kernel) && !used[i] {
			all = append(all, "written down as impossible here, and yet done: "+g.what)
		}
	}
	return all
}

// print says how one kernel did.
func (r *result) print(w io.Writer, verbose bool) {
	fmt.Fprintf(w, "%s: %s, %s\n", r.kernel.name, r.release, r.took.Round(time.Second))
	for _, s := range r.suites {
		if n := len(s.passed) + len(s.failed) + len(s.skipped); n > 0 {
			fmt.Fprintf(w, "  %-8s %4d passed %4d failed %4d skipped\n", s.name, len(s.passed), len(s.failed), len(s.skipped))
		}
	}
	if verbose {
		if data, err := os.ReadFile(r.output); err == nil {
			_, _ = w.Write(data)
		}
	}
}

// printMatrix prints the kernels side by side, and then what each lacks.
func printMatrix(w io.Writer, results []result, want []string) {
	fmt.Fprintf(w, "\n%-28s", "kernel")
	for _, name := range want {
		fmt.Fprintf(w, " %-10s", name)
	}
	fmt.Fprintln(w)
	for _, r := range results {
		fmt.Fprintf(w, "%-28s", r.release)
		for _, name := range want {
			fmt.Fprintf(w, " %-10s", r.word(name))
		}
		fmt.Fprintln(w)
	}
	for _, r := range results {
		fmt.Fprintf(w, "\n%s\n", r.release)
		for _, line := range r.doctor {
			fmt.Fprintln(w, "  sensor   ", line)
		}
		for _, line := range r.lost {
			fmt.Fprintln(w, "  lost     ", line)
		}
		for _, line := range r.judged {
			fmt.Fprintln(w, "  verdicts ", line)
		}
		for _, g := range gaps {
			if g.of(r.kernel) {
				fmt.Fprintln(w, "  not tried", g.what)
			}
		}
		for _, line := range r.surprises(want, gaps) {
			fmt.Fprintln(w, "  SURPRISE ", line)
		}
	}
}

// word is the short result of a suite.
func (r *result) word(name string) string {
	for _, s := range r.suites {
		switch {
		case s.name != name:
		case s.ended == "passed":
			return fmt.Sprintf("ok %d", len(s.passed))
		default:
			return "FAILED"
		}
	}
	return "-"
}
