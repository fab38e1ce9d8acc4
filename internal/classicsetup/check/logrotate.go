package check

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// stanza is what logrotate does with some files.
type stanza struct {
	line       int
	patterns   []string
	directives map[string]directive
	scripts    map[string][]directive // by their names, prerotate for example: their lines
	last       int
}

// directive is a line within a stanza.
type directive struct {
	line int
	text string
}

// scriptNames are the directives that begin a script, which endscript ends.
var scriptNames = []string{"prerotate", "postrotate", "firstaction", "lastaction", "preremove"}

// maxStanzas bounds one file.
const maxStanzas = 2000

// readLogrotate reads a file. The first result has what stands outside of stanzas and holds for those that follow.
func readLogrotate(lines []string) (global stanza, all []stanza) {
	global = newStanza(0)
	var patterns []string
	begins := 0 // the line of the first path
	current := &global
	script := ""
	for i, line := range lines {
		line = strings.TrimSpace(line)
		word, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		switch {
		case script != "" && line == "endscript":
			script = ""
		case script != "":
			current.scripts[script] = append(current.scripts[script], directive{i + 1, line})
		case line == "" || line[0] == '#':
		case current == &global && (line[0] == '/' || line[0] == '"' || line[0] == '\'' || line[0] == '{'):
			before, _, opens := strings.Cut(line, "{")
			if begins == 0 {
				begins = i + 1
			}
			patterns = append(patterns, fields(before)...)
			if opens && len(all) < maxStanzas {
				all = append(all, newStanza(begins))
				current = &all[len(all)-1]
				current.patterns, patterns, begins = patterns, nil, 0
			}
		case line[0] == '}':
			current.last = i + 1
			current = &global
		case slices.Contains(scriptNames, word):
			script = word
		default:
			current.directives[word] = directive{i + 1, line}
		}
	}
	return global, all
}

func newStanza(line int) stanza {
	return stanza{line: line, directives: make(map[string]directive), scripts: make(map[string][]directive)}
}

// fields are the paths before a bracket, which may stand in quotation marks.
func fields(text string) []string {
	var all []string
	for _, found := range pathWord.FindAllStringSubmatch(text, 200) {
		all = append(all, strings.Trim(found[0], `"'`))
	}
	return all
}

var pathWord = regexp.MustCompile(`"[^"]*"|'[^']*'|[^\s"']+`)

// has tells whether a directive holds for the stanza.
func (s stanza) has(global stanza, word string) (directive, bool) {
	if d, ok := s.directives[word]; ok {
		return d, true
	}
	d, ok := global.directives[word]
	return d, ok
}

// rotates tells whether a stanza is about one of the logs. Where no log is known, a stanza of a file that was named is.
func (c *checker) rotates(s *source, one stanza) bool {
	if len(c.logs) == 0 {
		return s.named
	}
	for _, log := range c.logs {
		for _, pattern := range one.patterns {
			if matched, err := path.Match(pattern, log); pattern == log || err == nil && matched {
				return true
			}
		}
	}
	return false
}

// judgeLogrotate judges the rotation of the logs. Rotations are looked for among the syslog daemon's files too.
func (c *checker) judgeLogrotate() {
	main := newStanza(0)
	for _, s := range c.of(Logrotate) {
		if global, _ := readLogrotate(s.lines); path.Base(s.name) == "logrotate.conf" {
			main = global
		}
	}
	for _, s := range c.of(Logrotate) {
		global, all := readLogrotate(s.lines)
		for word, d := range main.directives {
			if _, ok := global.directives[word]; !ok {
				global.directives[word] = d
			}
		}
		for _, one := range all {
			if !c.rotates(s, one) {
				continue
			}
			c.concerns(s)
			c.judgePlace(s, one)
			c.judgeRotation(s, global, one)
			c.judgeDirectory(s, global, one)
		}
	}
}

// judgePlace asks whether logrotate reads the file at all.
func (c *checker) judgePlace(s *source, one stanza) {
	dir := path.Dir(s.name)
	beside := slices.ContainsFunc(c.sources, func(o *source) bool {
		return (o.kind == Rsyslog || o.kind == SyslogNG) && path.Dir(o.name) == dir
	})
	base := path.Base(dir)
	if beside && base != "etc" || base == "rsyslog.d" || base == "syslog-ng" {
		name := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.name), ".conf"), ".logrotate")
		c.report.add(s, one.line, RotationNotRead, "mv "+s.name+" /etc/logrotate.d/"+name, "the rotation lies beside the syslog daemon's rules")
	}
}

var lifts, protects = regexp.MustCompile(`\bchattr\b.*\s-[RVf]*[ai]`), regexp.MustCompile(`\bchattr\b.*\s\+[ai]`)

// find returns the first line of a script that is meant.
func (s stanza) find(word *regexp.Regexp, scripts ...string) (directive, bool) {
	for _, name := range scripts {
		for _, d := range s.scripts[name] {
			if word.MatchString(d.text) && !strings.HasPrefix(d.text, "#") {
				return d, true
			}
		}
	}
	return directive{}, false
}

func (c *checker) judgeRotation(s *source, global, one stanza) {
	truncates, isTruncated := one.has(global, "copytruncate")
	if isTruncated {
		at := truncates.line
		if one.directives["copytruncate"].line != at {
			at = one.line // it holds for all files
		}
		c.report.add(s, at, CopyTruncate, strings.Join([]string{
			"delaycompress", "create 0640 root root", "postrotate", "    " + hangUp, "endscript",
		}, "\n"), "the log is copied, then emptied")
	}
	lift, lifted := one.find(lifts, "prerotate", "firstaction")
	if _, again := one.find(protects, "lastaction"); lifted && !again {
		set := strings.NewReplacer(" -a ", " +a ", " -i ", " +i ").Replace(lift.text)
		c.report.add(s, lift.line, ProtectionLost, "lastaction\n    "+set+"\nendscript",
			"the attribute is lifted here, and set again by postrotate at best: a rotation that fails never gets there; lastaction runs in any case")
	}
	_, copies := one.has(global, "copy")
	if _, told := one.find(signals, "postrotate", "lastaction"); !isTruncated && !copies && !told {
		c.report.add(s, one.line, KeepsOldFile, "postrotate\n    "+hangUp+"\nendscript", "nothing tells the daemon to open the new file")
	}
}

const hangUp = "systemctl kill --kill-who=main --signal=HUP rsyslog.service"

// signals are ways to have a daemon open its files again.
var signals = regexp.MustCompile(`\bHUP\b|-1\b|rsyslog-rotate|\breload\b|\brestart\b|\bpkill\b|\bkillall\b|syslog-ng-ctl|\brotate\b`)

// judgeDirectory looks at the directories that can be seen, with logrotate's own test: it skips a log whose directory
// is writable for everybody, or for a group that is not root's, unless "su" says as whom to work there.
func (c *checker) judgeDirectory(s *source, global, one stanza) {
	if _, ok := one.has(global, "su"); ok {
		return
	}
	for _, pattern := range one.patterns {
		dir := strings.TrimPrefix(path.Dir(path.Clean(pattern)), "/")
		if !fs.ValidPath(dir) || strings.ContainsAny(dir, "*?[") {
			continue
		}
		for _, files := range c.roots {
			info, err := fs.Stat(files, dir)
			if err != nil || !info.IsDir() {
				continue
			}
			mode, group := info.Mode().Perm(), uint32(0)
			if owner, ok := info.Sys().(*syscall.Stat_t); ok {
				group = owner.Gid
			}
			switch {
			case mode&0o002 != 0:
				c.report.add(s, one.line, InsecureDirectory, "chmod o-w /"+dir, "everybody may write to /%s", dir)
			case mode&0o020 != 0 && group != 0:
				c.report.add(s, one.line, InsecureDirectory, "su root GROUP   # the directory's group, in this stanza; or: chmod g-w /"+dir,
					"group %d may write to /%s, and no \"su\" says as whom to work there", group, dir)
			}
		}
	}
}
