package check

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of what is read.
const (
	maxFile  = 1 << 20
	maxFiles = 5000
	maxDepth = 8
)

// places are where a host keeps such files, and of what kind they are there. Kinds that are left open are told by the
// content.
var places = []struct {
	pattern string
	kind    Kind
}{
	{"etc/iptables/*", Other},
	{"etc/sysconfig/iptables", IPTables},
	{"etc/sysconfig/ip6tables", IPTables},
	{"etc/iptables.*", Other},
	{"etc/rstwatch-classic/*", Other},
	{"etc/nftables.conf", NFTables},
	{"etc/nftables/*.nft", NFTables},
	{"etc/nftables.d/*.nft", NFTables},
	{"etc/sysconfig/nftables.conf", NFTables},
	{"etc/rsyslog.conf", Rsyslog},
	{"etc/rsyslog.d/*", Other},
	{"etc/syslog-ng/*.conf", SyslogNG},
	{"etc/syslog-ng/conf.d/*.conf", SyslogNG},
	{"etc/logrotate.conf", Logrotate},
	{"etc/logrotate.d/*", Logrotate},
	{"etc/rc.local", Shell},
	{"etc/rc.d/rc.local", Shell},
	{"etc/network/if-pre-up.d/*", Shell},
	{"etc/network/if-up.d/*", Shell},
	{"etc/network/interfaces", Shell},
	{"etc/crontab", Shell},
	{"etc/cron.d/*", Shell},
	{"etc/systemd/system/*.service", Systemd},
	{"usr/local/lib/systemd/system/*.service", Systemd},
	{"etc/sysctl.conf", Sysctl},
	{"etc/sysctl.d/*.conf", Sysctl},
}

// collector reads files.
type collector struct {
	report  *Report
	sources []*source
}

// take reads one file of a file system; shown is its name in the report.
func (c *collector) take(files fs.FS, name, shown string, kind Kind, named bool) error {
	info, err := fs.Stat(files, name)
	switch {
	case err != nil:
		return fmt.Errorf("reading %q: %w", shown, pathless(err))
	case !info.Mode().IsRegular():
		return nil
	case info.Size() > maxFile:
		c.report.note("%s is larger than %d bytes and was not read", shown, maxFile)
		return nil
	case len(c.sources) >= maxFiles:
		c.report.note("more than %d files: the rest was not read", maxFiles)
		return nil
	}
	file, err := files.Open(name)
	if err != nil {
		return fmt.Errorf("reading %q: %w", shown, pathless(err))
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return fmt.Errorf("reading %q: %w", shown, pathless(err))
	}
	c.keep(newSource(shown, content), kind, named)
	return nil
}

// keep gives the source its kind. A rotation among other files is one wherever it lies.
func (c *collector) keep(s *source, kind Kind, named bool) {
	s.kind, s.named = kind, named
	if kind == Other {
		s.kind = kindOf(s.text)
	}
	if s.kind == Other || slices.ContainsFunc(c.sources, func(o *source) bool { return o.name == s.name }) {
		return
	}
	c.sources = append(c.sources, s)
}

// pathless takes the path out of an error whose sentence has it already.
func pathless(err error) error {
	var where *fs.PathError
	if errors.As(err, &where) {
		return where.Err
	}
	return err
}

// host reads the places of a host, below a root. What may not be read there is a note: the rest is judged all the same.
func (c *collector) host(files fs.FS, root string) {
	from := len(c.sources)
	defer func() { c.follow(files, root, from) }()
	for _, place := range places {
		names, err := fs.Glob(files, place.pattern)
		if err != nil {
			continue // the patterns are ours and well formed
		}
		slices.Sort(names)
		for _, name := range names {
			base := path.Base(name)
			if strings.HasSuffix(base, "~") || strings.HasPrefix(base, ".") || strings.HasSuffix(base, ".dpkg-old") {
				continue
			}
			err := c.take(files, name, path.Join(root, name), place.kind, false)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				c.report.note("%v", err)
			}
		}
	}
}

// folder reads every file below one that is no host's root.
func (c *collector) folder(files fs.FS, root string) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return fmt.Errorf("reading %q: %w", root, pathless(err))
		case err != nil:
			c.report.note("reading %q: %v", path.Join(root, name), pathless(err))
			return nil
		case entry.IsDir() && (strings.Count(name, "/") >= maxDepth || name != "." && strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case len(c.sources) >= maxFiles:
			c.report.note("more than %d files in %s: the rest was not read", maxFiles, root)
			return fs.SkipAll
		}
		if err := c.take(files, name, path.Join(root, name), Other, true); err != nil {
			c.report.note("%v", err)
		}
		return nil
	})
}

// path reads what one argument names.
func (c *collector) path(name string) (fs.FS, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, pathless(err))
	}
	if !info.IsDir() {
		return nil, c.take(os.DirFS(filepath.Dir(name)), filepath.Base(name), name, Other, true)
	}
	if filepath.Clean(name) == "/" {
		files := os.DirFS("/")
		c.host(files, "/")
		return files, nil
	}
	root, err := os.OpenRoot(name) // links inside of it lead nowhere else
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, pathless(err))
	}
	files := root.FS()
	if etc, err := fs.Stat(files, "etc"); err == nil && etc.IsDir() {
		c.host(files, name)
		return files, nil
	}
	return nil, c.folder(files, name)
}
