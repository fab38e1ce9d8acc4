package deploy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// fit makes the set-up that of this machine: who writes the log, who may read it, and what its directory asks for.
func (i *installation) fit() error {
	s := &i.Setup
	if _, err := i.number("group", "adm"); err == nil {
		s.Group = "adm" // Debian's group of those who read logs
	}
	if err := i.fitDaemon(); err != nil {
		return err
	}
	dir := path.Dir(s.Path)
	info, err := os.Stat(i.at(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil // it will be made
	}
	if err != nil {
		return fmt.Errorf("looking at %q: %w", dir, err)
	}
	mode := info.Mode().Perm()
	switch {
	case !info.IsDir():
		return fmt.Errorf("logging to %q: %s is no directory", s.Path, dir)
	case mode&0o002 != 0:
		return fmt.Errorf("logging to %q: everybody may write to %s, so logrotate would refuse, and anybody could take the log away; choose a directory such as /var/log", s.Path, dir)
	case mode&0o020 != 0:
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok || owner.Gid == 0 {
			return nil
		}
		if s.Su, err = i.name("group", owner.Gid); err != nil {
			return fmt.Errorf("logging to %q: group %d may write to %s, and has no name: %w", s.Path, owner.Gid, dir, err)
		}
	}
	return nil
}

var (
	dropUser  = regexp.MustCompile(`(?m)^\s*\$PrivDropToUser\s+([\w.-]+)|privdrop\.user\.name\s*=\s*"([\w.-]+)"`)
	dropGroup = regexp.MustCompile(`(?m)^\s*\$PrivDropToGroup\s+([\w.-]+)|privdrop\.group\.name\s*=\s*"([\w.-]+)"`)
	hostName  = regexp.MustCompile(`(?s)\bsource\s+([\w.-]+)\s*\{[^}]*\bsystem\s*\(`)
)

// maxConfiguration bounds what is read of a daemon's own file.
const maxConfiguration = 1 << 20

// fitDaemon reads what the daemon's own file says that ours must go along with: a user that it turns into, which then
// has to own the log, or the name of a source.
func (i *installation) fitDaemon() error {
	name := map[bool]string{true: rsyslogConf, false: syslogNGConf}[i.usesRsyslog()]
	text, err := i.readLimited(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil // perhaps it will be installed later; the command that checks it says so otherwise
	}
	if err != nil {
		return err
	}
	if found := dropUser.FindStringSubmatch(text); i.usesRsyslog() && found != nil {
		i.Setup.Owner = found[1] + found[2]
	}
	if found := dropGroup.FindStringSubmatch(text); i.usesRsyslog() && found != nil && i.Setup.Group != "adm" {
		i.Setup.Group = found[1] + found[2]
	}
	if found := hostName.FindStringSubmatch(text); !i.usesRsyslog() && found != nil {
		i.Setup.Source = found[1]
	}
	return nil
}

// readLimited reads a file of the machine.
func (i *installation) readLimited(name string) (string, error) {
	file, err := os.Open(i.at(name))
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", name, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfiguration+1))
	if err == nil && len(text) > maxConfiguration {
		err = fmt.Errorf("larger than %d bytes", maxConfiguration)
	}
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", name, err)
	}
	return string(text), nil
}

// entries calls yes for the fields of each line of etc/passwd or etc/group, until it says that it has found its own.
func (i *installation) entries(file string, yes func(fields []string) bool) error {
	f, err := os.Open(filepath.Join(i.Root, "etc", file))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); len(fields) > 2 && yes(fields) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return fmt.Errorf("not in /etc/%s", file)
}

// number looks a name up.
func (i *installation) number(file, name string) (int, error) {
	found := -1
	err := i.entries(file, func(fields []string) bool {
		if fields[0] == name {
			if n, err := strconv.ParseUint(fields[2], 10, 31); err == nil {
				found = int(n)
			}
		}
		return found >= 0
	})
	if found < 0 && name == "root" {
		return 0, nil // an image may have no such file yet
	}
	if err != nil {
		return 0, fmt.Errorf("%q: %w", name, err)
	}
	return found, nil
}

// name looks a number up.
func (i *installation) name(file string, number uint32) (found string, err error) {
	err = i.entries(file, func(fields []string) bool {
		if fields[2] == strconv.FormatUint(uint64(number), 10) {
			found = fields[0]
		}
		return found != ""
	})
	return found, err
}
