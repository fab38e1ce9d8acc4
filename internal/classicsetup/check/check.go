package check

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// Options says what to check.
type Options struct {
	// Paths are files and folders; a folder with an "etc" in it is the root of a host. None, or "/", is this host.
	Paths []string
	// Stdin is read for the path "-".
	Stdin io.Reader
	// Proc is where this host's kernel tells of itself, usually /proc. It is asked only for this host.
	Proc string
}

// checker is one check.
type checker struct {
	report   *Report
	sources  []*source
	roots    []fs.FS // of the hosts that were read: their directories can be looked at
	host     *kernel // nil where files alone are judged
	rulesets []ruleset
	prefixes []string         // what the kernel's lines begin with
	logs     []string         // where the syslog daemon puts them
	loaded   map[*source]bool // rules for which a line that loads them was judged
	defaults map[*source]int  // the first line that writes the kernel's messages to a default log, see firstDefault
}

func newChecker() *checker {
	return &checker{
		report: &Report{Files: []Read{}, Faults: []Fault{}}, loaded: make(map[*source]bool), defaults: make(map[*source]int),
	}
}

// Run reads and judges. An error is a path that could not be read at all.
func Run(o Options) (*Report, error) {
	c := newChecker()
	if len(o.Paths) == 0 {
		o.Paths = []string{"/"}
	}
	collected := &collector{report: c.report}
	for _, name := range o.Paths {
		if name == "-" {
			content, err := io.ReadAll(io.LimitReader(o.Stdin, maxFile))
			if err != nil {
				return nil, fmt.Errorf("reading standard input: %w", err)
			}
			collected.keep(newSource("-", content), Other, true)
			continue
		}
		files, err := collected.path(name)
		if err != nil {
			return nil, err
		}
		if files != nil {
			c.roots = append(c.roots, files)
		}
	}
	if slices.Contains(o.Paths, "/") {
		c.host = readKernel(os.DirFS(o.Proc))
	}
	c.judge(collected.sources)
	return c.report, nil
}

// judge goes along the way of a line: from the rules through the daemon to the rotation.
func (c *checker) judge(sources []*source) {
	c.sources = sources
	for _, s := range sources {
		if s.named {
			c.report.Files = append(c.report.Files, Read{s.name, s.kind})
		}
	}
	c.readRules()
	c.judgeLoaders()
	c.judgeRules()
	c.judgeKernel()
	c.judgeRsyslog()
	c.judgeSyslogNG()
	c.judgeTaken()
	c.judgeLogrotate()
	c.report.sort()
}

// judgeTaken asks whether any daemon that was read looks for what the kernel's lines begin with.
func (c *checker) judgeTaken() {
	daemons := append(c.of(Rsyslog), c.of(SyslogNG)...)
	if len(c.rulesets) == 0 || len(daemons) == 0 || len(c.logs) > 0 {
		return
	}
	set := c.rulesets[0]
	first := set.loggings()[0]
	c.report.add(set.from(), first.line, NotTaken, ":msg, contains, \""+cmp.Or(first.prefix, "[rst] ")+"\" -/var/log/rst.log\n& stop",
		"no rule of the syslog daemon looks for %q", first.prefix)
}

// isMeant tells whether a file with rules says that a fault of the host is meant.
func (c *checker) isMeant(word Word) bool {
	return slices.ContainsFunc(c.rulesets, func(set ruleset) bool { return set.from().meant[word] })
}

// of returns the sources of a kind.
func (c *checker) of(kind Kind) []*source {
	var all []*source
	for _, s := range c.sources {
		if s.kind == kind {
			all = append(all, s)
		}
	}
	return all
}

// concerns lists a file of a host in the report, once something in it turned out to be part of the set-up.
func (c *checker) concerns(s *source) {
	read := Read{s.name, s.kind}
	if !slices.Contains(c.report.Files, read) {
		c.report.Files = append(c.report.Files, read)
	}
}
