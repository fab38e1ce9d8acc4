package check

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// selection is a rule of a syslog daemon that looks for a text.
type selection struct {
	line  int
	tests []test
	paths []string // of files that it writes
	stops bool
	last  int // its last line, behind which a stop would stand
	block bool
}

// test is one comparison.
type test struct{ operator, value string }

var (
	// propertyFilter is :PROPERTY, [!]OPERATION, "VALUE" ACTION.
	propertyFilter = regexp.MustCompile(`^:\s*(?:msg|rawmsg|msg-nocr)\s*,\s*!?(\w+)\s*,\s*"((?:[^"\\]|\\.)*)"\s*(.*)$`)
	// comparison is a test within an expression.
	comparison = regexp.MustCompile(`\$(?:msg|rawmsg)\s+(!?\w+)\s+["']((?:[^"'\\]|\\.)*)["']`)
	// matching is a regular expression within an expression.
	matching   = regexp.MustCompile(`re_(?:match|extract)(?:_i)?\s*\(\s*\$(?:msg|rawmsg)\s*,\s*["']((?:[^"'\\]|\\.)*)["']`)
	fileOption = regexp.MustCompile(`\bfile\s*=\s*"([^"]*)"`)
	plainFile  = regexp.MustCompile(`^-?(/[^\s;]+)`)
	stopWord   = regexp.MustCompile(`(?:^|[\s{;&])(?:stop|~|discard)(?:$|[\s};])`)
	thenWord   = regexp.MustCompile(`\bthen\b`)
)

// maxStatement bounds the lines of one statement.
const maxStatement = 200

// readRsyslog finds the rules that look for a text. Whatever else a file has is passed over.
func readRsyslog(lines []string) []selection {
	var all []selection
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		switch {
		case strings.HasPrefix(line, "#"):
		case propertyFilter.MatchString(line):
			all = append(all, readProperty(lines, i))
		case strings.HasPrefix(line, "if ") || strings.HasPrefix(line, "if(") || strings.HasPrefix(line, "} else if "):
			s := readExpression(lines, i)
			if len(s.tests) > 0 {
				all = append(all, s)
				i = max(i, s.last-1)
			}
		}
	}
	return all
}

// readProperty reads a filter of the old kind. Lines that begin with & go on with the same messages.
func readProperty(lines []string, at int) selection {
	found := propertyFilter.FindStringSubmatch(strings.TrimSpace(lines[at]))
	s := selection{line: at + 1, last: at + 1, tests: []test{{found[1], found[2]}}}
	actions := []string{found[3]}
	for i := at + 1; i < len(lines) && i < at+maxStatement; i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rest, goesOn := strings.CutPrefix(line, "&")
		if !goesOn {
			break
		}
		actions, s.last = append(actions, strings.TrimSpace(rest)), i+1
	}
	for _, action := range actions {
		s.act(action)
	}
	return s
}

// act reads one action.
func (s *selection) act(action string) {
	if found := plainFile.FindStringSubmatch(action); found != nil {
		s.paths = append(s.paths, found[1])
	}
	for _, found := range fileOption.FindAllStringSubmatch(action, 100) {
		s.paths = append(s.paths, found[1])
	}
	s.stops = s.stops || stopWord.MatchString(withoutStrings(action))
}

// withoutStrings empties what stands in quotation marks.
func withoutStrings(text string) string { return quoted.ReplaceAllString(text, `""`) }

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`)

// readExpression reads "if … then …", up to the end of its block.
func readExpression(lines []string, at int) selection {
	s := selection{line: at + 1, last: at + 1}
	var text strings.Builder
	for i := at; i < len(lines) && i < at+maxStatement; i++ {
		line := strings.TrimSpace(lines[i])
		if !strings.HasPrefix(line, "#") {
			text.WriteString(line + "\n")
		}
		s.last = i + 1
		if isWhole(text.String()) {
			break
		}
	}
	// The first "then" outside of quotation marks ends the test: what is replaced is as long as what was there.
	whole := text.String()
	masked := quoted.ReplaceAllStringFunc(whole, func(q string) string { return strings.Repeat("_", len(q)) })
	then := thenWord.FindStringIndex(masked)
	if then == nil {
		return s
	}
	for _, found := range comparison.FindAllStringSubmatch(whole[:then[0]], 100) {
		s.tests = append(s.tests, test{found[1], found[2]})
	}
	for _, found := range matching.FindAllStringSubmatch(whole[:then[0]], 100) {
		s.tests = append(s.tests, test{"regex", found[1]})
	}
	body := strings.TrimSpace(whole[then[1]:])
	s.block = strings.HasPrefix(body, "{")
	s.act(strings.TrimSpace(strings.TrimLeft(body, "{ \n")))
	for line := range strings.Lines(body) {
		if found := plainFile.FindStringSubmatch(strings.TrimSpace(line)); found != nil && !slices.Contains(s.paths, found[1]) {
			s.paths = append(s.paths, found[1])
		}
	}
	return s
}

// isWhole tells whether a statement has ended: an action stands behind its "then", and every bracket is closed.
func isWhole(text string) bool {
	masked := withoutStrings(text)
	then := thenWord.FindStringIndex(masked)
	if then == nil || strings.TrimSpace(masked[then[1]:]) == "" {
		return false
	}
	for _, pair := range []string{"{}", "()"} {
		if strings.Count(masked, pair[:1]) > strings.Count(masked, pair[1:]) {
			return false
		}
	}
	return true
}

// concerned tells whether a selection is about the kernel's lines: where their prefixes are known, by these.
func (c *checker) concerned(s selection) bool {
	if len(c.prefixes) == 0 {
		return true
	}
	for _, t := range s.tests {
		value := strings.NewReplacer(`\`, "", "^", "").Replace(strings.TrimSpace(t.value))
		if value == "" {
			continue
		}
		for _, p := range c.prefixes {
			if strings.Contains(p, value) || strings.Contains(value, p) {
				return true
			}
		}
	}
	return false
}

// atStart tells whether a selection fails where something stands before the prefix.
func (s selection) atStart() bool {
	for _, t := range s.tests {
		switch strings.ToLower(strings.TrimPrefix(t.operator, "!")) {
		case "contains", "contains_i":
			return false
		case "regex", "ereregex", "isequal":
			if !strings.HasPrefix(t.value, "^") || strings.Contains(t.value, `\[ *[0-9`) || strings.HasPrefix(t.value, "^.*") || strings.Contains(t.value, ")?") {
				return false
			}
		}
	}
	return len(s.tests) > 0
}

// judgeRsyslog judges the rules that take the kernel's lines.
func (c *checker) judgeRsyslog() {
	for _, s := range c.of(Rsyslog) {
		if !s.named && len(c.prefixes) == 0 {
			continue
		}
		for _, one := range readRsyslog(s.lines) {
			if !c.concerned(one) || len(one.paths) == 0 && !one.stops {
				continue
			}
			c.concerns(s)
			c.take(one.paths)
			if one.atStart() {
				c.report.add(s, one.line, StartsWith, contains(s.line(one.line)), "the text is looked for at the start of the message only")
			}
			if at := c.before(s, one.line); one.stops && at != "" {
				c.report.add(s, one.line, SecondCopy, "mv "+s.name+" "+path.Join(path.Dir(s.name), "00-"+path.Base(s.name)),
					"%s has written the line to a default log before this rule stops it", at)
			}
			if !one.stops {
				c.report.add(s, one.last, SecondCopy, withStop(s, one), "no \"stop\" follows, so the line goes on to the default logs")
			}
		}
	}
}

// writesAll is a rule by facility that takes the kernel's messages.
var writesAll = regexp.MustCompile(`^(?:[\w,]*\bkern|\*)[\w,*]*\.(?:\*|debug)[^\s]*\s+-?/`)

// before finds such a rule that comes first: earlier in the file, or in one that is read earlier, because their names
// are in order.
func (c *checker) before(s *source, line int) string {
	for _, o := range c.of(Rsyslog) {
		if o != s && (path.Dir(o.name) != path.Dir(s.name) || !strings.HasSuffix(o.name, ".conf") || o.name > s.name || path.Base(o.name) == "rsyslog.conf") {
			continue
		}
		if at := c.firstDefault(o); at > 0 && (o != s || at < line) {
			return fmt.Sprintf("%s:%d", o.name, at)
		}
	}
	return ""
}

// firstDefault returns the line of the first rule of a file that takes the kernel's messages by their facility, or 0.
func (c *checker) firstDefault(s *source) int {
	at, known := c.defaults[s]
	if !known {
		at = 1 + slices.IndexFunc(s.lines, func(line string) bool { return writesAll.MatchString(strings.TrimSpace(line)) })
		c.defaults[s] = at
	}
	return at
}

// take keeps the paths of logs that the set-up writes.
func (c *checker) take(paths []string) {
	c.logs = append(c.logs, paths[:min(len(paths), max(maxLogs-len(c.logs), 0))]...)
}

// maxLogs is more than any set-up has.
const maxLogs = 200

var startsWord = regexp.MustCompile(`(?i)\bstartswith(?:_i)?\b`)

// contains looks for the text anywhere.
func contains(line string) string {
	line = strings.TrimSpace(line)
	if !startsWord.MatchString(line) {
		return strings.Replace(line, `"^`, `"`, 1)
	}
	return startsWord.ReplaceAllString(line, "contains")
}

// withStop ends the way of the message behind the rule.
func withStop(s *source, one selection) string {
	if one.block {
		return "\tstop\n}"
	}
	line := strings.TrimSpace(s.line(one.last))
	if one.atStart() && one.last == one.line {
		line = contains(line)
	}
	return line + "\n& stop"
}
