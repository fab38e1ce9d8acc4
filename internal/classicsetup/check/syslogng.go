package check

import (
	"regexp"
	"slices"
	"strings"
)

// object is a statement of syslog-ng.conf: KIND [NAME] { BODY };
type object struct {
	kind, name string
	line, last int
	body       string
}

// Bounds of one file, and of what is read of a statement that others refer to.
const (
	maxObjects = 2000
	maxBody    = 4096
)

var objectHead = regexp.MustCompile(`^(log|filter|destination|source|rewrite|parser|template|options|block)\b\s*([\w.-]*)\s*$`)

// readObjects splits a file into its statements at the outermost level.
func readObjects(lines []string) []object {
	var all []object
	var head, body strings.Builder
	depth, begun := 0, 0
	quote := rune(0)
	for i, line := range lines {
		if depth == 0 && strings.HasPrefix(strings.TrimSpace(line), "@") {
			continue
		}
		escaped := false
		for _, r := range line + "\n" {
			switch {
			case quote != 0:
				if r == quote && !escaped {
					quote = 0
				}
				escaped = r == '\\' && !escaped && quote == '"'
			case r == '"' || r == '\'':
				quote = r
			case r == '#':
				r = 0
			case r == '{':
				if depth++; depth == 1 {
					begun = i + 1
					continue
				}
			case r == '}':
				if depth = max(depth-1, 0); depth == 0 {
					if found := objectHead.FindStringSubmatch(strings.TrimSpace(head.String())); found != nil && len(all) < maxObjects {
						all = append(all, object{found[1], found[2], begun, i + 1, body.String()})
					}
					head.Reset()
					body.Reset()
					continue
				}
			case r == ';' && depth == 0:
				head.Reset()
				continue
			}
			if r == 0 {
				break // a comment, up to the end of the line
			}
			if depth == 0 {
				head.WriteRune(r)
			} else {
				body.WriteRune(r)
			}
		}
	}
	return all
}

var (
	messageTest = regexp.MustCompile(`\b(?:message|match)\s*\(\s*["']((?:[^"'\\]|\\.)*)["']([^;]*)`)
	references  = regexp.MustCompile(`\b(filter|destination)\s*\(\s*([\w.-]+)\s*\)`)
	ngFile      = regexp.MustCompile(`\bfile\s*\(\s*["']([^"']+)["']`)
	finalFlag   = regexp.MustCompile(`\bflags\s*\([^)]*\bfinal\b`)
)

// judgeSyslogNG follows each log statement to the filter that looks for the kernel's prefix.
func (c *checker) judgeSyslogNG() {
	// Objects of one daemon may be in several files.
	defined := make(map[[2]string]object)
	where := make(map[[2]string]*source)
	for _, s := range c.of(SyslogNG) {
		for _, o := range readObjects(s.lines) {
			defined[[2]string{o.kind, o.name}] = o
			where[[2]string{o.kind, o.name}] = s
		}
	}
	for _, s := range c.of(SyslogNG) {
		if !s.named && len(c.prefixes) == 0 {
			continue
		}
		for _, o := range readObjects(s.lines) {
			if o.kind == "log" {
				c.judgeLog(s, o, defined, where)
			}
		}
	}
}

func (c *checker) judgeLog(s *source, o object, defined map[[2]string]object, where map[[2]string]*source) {
	one := selection{line: o.line}
	body := o.body
	var filters [][2]string
	for _, found := range references.FindAllStringSubmatch(o.body, 100) {
		key := [2]string{found[1], found[2]}
		other := defined[key]
		if found[1] == "filter" {
			filters = append(filters, key)
		}
		body += "\n" + other.body[:min(len(other.body), maxBody)]
	}
	for _, found := range messageTest.FindAllStringSubmatch(body, 100) {
		operator := "regex"
		switch {
		case strings.Contains(found[2], "substring"):
			operator = "contains"
		case strings.Contains(found[2], "prefix"):
			operator = "startswith"
		}
		one.tests = append(one.tests, test{operator, found[1]})
	}
	for _, found := range ngFile.FindAllStringSubmatch(body, 100) {
		one.paths = append(one.paths, found[1])
	}
	if len(one.tests) == 0 || len(one.paths) == 0 || !c.concerned(one) {
		return
	}
	c.concerns(s)
	c.take(one.paths)
	if one.atStart() {
		src, line := s, o.line
		for _, key := range filters {
			if f := defined[key]; where[key] != nil && messageTest.MatchString(f.body) {
				src, line = where[key], f.line
			}
		}
		c.report.add(src, line, StartsWith, substring(one.tests), "the text is looked for at the start of the message only")
	}
	if !finalFlag.MatchString(o.body) {
		c.report.add(s, o.last, SecondCopy, "flags(final);   # in this log statement, before those that write everything",
			"the log statement has no flags(final), so the line goes on to the default logs")
	}
}

// substring is the test that does not mind what stands before.
func substring(tests []test) string {
	at := slices.IndexFunc(tests, func(t test) bool { return t.value != "" })
	if at < 0 {
		return ""
	}
	text := strings.NewReplacer("^", "", `\`, "").Replace(tests[at].value)
	return `message("` + text + `" type(string) flags(substring))`
}
