package check

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A host's files name others, wherever they lie: rules that rc.local loads, what a daemon includes.

// maxFollowed bounds how many files of a host are read because others name them.
const maxFollowed = 500

var (
	includes = map[Kind]*regexp.Regexp{
		Rsyslog:   regexp.MustCompile(`^\s*\$IncludeConfig\s+(\S+)|^\s*include\s*\(\s*file\s*=\s*"([^"]+)"`),
		SyslogNG:  regexp.MustCompile(`^\s*@include\s+"([^"]+)"`),
		Logrotate: regexp.MustCompile(`^\s*include\s+(\S+)`),
	}
	nftFile = regexp.MustCompile(`(?:^|[\s/=;&|])nft\s+(?:-\S+\s+)*(?:-\w*f|--file)[\s=]+(\S+)`)
)

// follow reads the files that the host's files name, and those that they name, and so on.
func (c *collector) follow(files fs.FS, root string, from int) {
	for i := from; i < len(c.sources) && len(c.sources) < from+maxFollowed; i++ {
		s := c.sources[i]
		for _, line := range s.lines {
			for _, named := range namedIn(s.kind, line) {
				c.takeNamed(files, root, named.file, named.kind)
			}
		}
	}
}

// naming is a file that another one names.
type naming struct {
	file string
	kind Kind
}

func namedIn(kind Kind, line string) []naming {
	var all []naming
	switch kind {
	case Shell, Systemd:
		for _, l := range loadsIn(line) {
			all = append(all, naming{l.file, IPTables})
		}
		if found := nftFile.FindStringSubmatch(line); found != nil && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			all = append(all, naming{strings.Trim(found[1], `"'`), NFTables})
		}
	case Rsyslog, SyslogNG, Logrotate:
		if found := includes[kind].FindStringSubmatch(line); found != nil {
			file := strings.Join(found[1:], "")
			if kind == SyslogNG && !path.IsAbs(file) {
				file = "/etc/syslog-ng/" + file
			}
			all = append(all, naming{file, kind})
		}
	}
	return all
}

// takeNamed reads a file, those of a directory, or those that a pattern fits. Start-up scripts begin in the root, so a
// relative path means the same there.
func (c *collector) takeNamed(files fs.FS, root, name string, kind Kind) {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" || strings.Contains(name, "$") {
		return
	}
	if info, err := fs.Stat(files, name); err == nil && info.IsDir() {
		name += "/*"
	}
	names, err := fs.Glob(files, name)
	if err != nil {
		return // no pattern
	}
	for _, one := range names[:min(len(names), maxFollowed)] {
		shown := path.Join(root, one)
		if slices.ContainsFunc(c.sources, func(s *source) bool { return s.name == shown }) {
			continue
		}
		if kind == Rsyslog {
			kind = Other // a rotation may lie beside the rules
		}
		if err := c.take(files, one, shown, kind, false); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.report.note("%v", err)
		}
	}
}
