package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
	"github.com/rstwatch/rstwatch/internal/install"
)

// Files of others that we read, or write a marked block into.
const (
	rsyslogConf  = "/etc/rsyslog.conf"
	syslogNGConf = "/etc/syslog-ng/syslog-ng.conf"
	wantedBy     = "/etc/systemd/system/multi-user.target.wants/" + write.Unit
)

// block is our lines in a file of somebody else's.
var block = install.Block{
	Begin: "# BEGIN rstwatch classic (written by rstwatch classic install, removed by rstwatch classic uninstall)",
	End:   "# END rstwatch classic",
}

// Lines in the block that tell what else was done to the file.
const (
	madeFile       = "# The file was made for these lines."
	madeExecutable = "# The file was not executable before."
)

func (i *installation) usesRsyslog() bool { return i.Choice.Syslog != write.SyslogNG }

// firstLog is where syslog-ng begins to write: what must keep lines from there has to come before.
var firstLog = regexp.MustCompile(`(?m)^[ \t]*log[ \t\n]*\{`)

// planInclude has syslog-ng read our file in time.
func (i *installation) planInclude(map[write.Part]bool) ([]install.Change, error) {
	if i.usesRsyslog() {
		return nil, nil
	}
	text, err := i.readLimited(syslogNGConf)
	if err != nil {
		return nil, err
	}
	rest, _ := block.Without(text)
	at := firstLog.FindStringIndex(rest)
	if at == nil {
		at = []int{len(rest), len(rest)}
	}
	lines := block.Begin + "\n@include \"" + write.PathOf(write.SyslogNG) + "\"\n" + block.End + "\n"
	changed := rest[:at[0]] + lines + rest[at[0]:]
	if changed == text {
		return nil, nil
	}
	return []install.Change{i.edit(syslogNGConf, "includes our file before the first log statement", changed, 0)}, nil
}

// edit writes a file of somebody else's again, with a mode or as it was.
func (i *installation) edit(name, detail, text string, mode os.FileMode) install.Change {
	return install.NewChange("edit", name, detail, func(context.Context) error {
		target, err := filepath.EvalSymlinks(i.at(name))
		if err != nil {
			return err
		}
		if info, err := os.Stat(target); err == nil && mode == 0 {
			mode = info.Mode().Perm()
		}
		return install.ReplaceFile(target, strings.NewReader(text), mode)
	})
}

// planLog makes the log, so that it is append-only before the first line.
func (i *installation) planLog(map[write.Part]bool) ([]install.Change, error) {
	s := &i.Setup
	if _, err := os.Lstat(i.at(s.Path)); err == nil {
		return nil, nil
	}
	owner, err := i.number("passwd", s.Owner)
	if err != nil {
		return nil, fmt.Errorf("finding the owner of the log: %w", err)
	}
	group, err := i.number("group", s.Group)
	if err != nil {
		return nil, fmt.Errorf("finding the group of the log: %w", err)
	}
	changes := []install.Change{install.NewChange("create", s.Path, "the log, append-only where the file system can", func(context.Context) error {
		if err := os.MkdirAll(i.at(path.Dir(s.Path)), 0o755); err != nil {
			return err
		}
		file, err := os.OpenFile(i.at(s.Path), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
		if err != nil {
			return err
		}
		if os.Geteuid() == 0 {
			err = file.Chown(owner, group)
		}
		return errors.Join(err, file.Close())
	})}
	if i.live() {
		changes = append(changes, i.command("append-only", "chattr", "+a", s.Path).Optional())
	}
	return changes, nil
}

// planStart loads the rules, now and at boot.
func (i *installation) planStart(changed map[write.Part]bool) ([]install.Change, error) {
	reload := changed[write.IPTables] || changed[write.IP6Tables] || changed[write.NFTables] || changed[write.Loader]
	if i.Init == install.RCLocal {
		changes, err := i.planRCLocal()
		if err == nil && i.live() && (reload || len(changes) > 0) {
			changes = append(changes, i.command("the rules hold from now on", write.LoadCommand(i.Choice)...))
		}
		return changes, err
	}
	_, err := os.Lstat(i.at(wantedBy))
	enabled := err == nil
	if !i.live() {
		if enabled {
			return nil, nil
		}
		return []install.Change{install.NewChange("create", wantedBy, "the rules hold from the next boot", func(context.Context) error {
			if err := os.MkdirAll(filepath.Dir(i.at(wantedBy)), 0o755); err != nil {
				return err
			}
			return os.Symlink(write.PathOf(write.Systemd), i.at(wantedBy))
		})}, nil
	}
	var changes []install.Change
	if changed[write.Systemd] {
		changes = append(changes, i.command("", "systemctl", "daemon-reload"))
	}
	if !enabled {
		changes = append(changes, i.command("the rules hold at boot", "systemctl", "enable", write.Unit))
	}
	if reload || changed[write.Systemd] || !enabled {
		changes = append(changes, i.command("the rules hold from now on", "systemctl", "restart", write.Unit))
	}
	return changes, nil
}

// planRCLocal adds our lines to rc.local.
func (i *installation) planRCLocal() ([]install.Change, error) {
	name := install.RCLocalPath(i.Root)
	lines := strings.Join(write.LoadCommand(i.Choice), " ") + "\n"
	text, err := i.readLimited(name)
	if errors.Is(err, os.ErrNotExist) {
		made := block.InRCLocal("#!/bin/sh\n", madeFile+"\n"+lines)
		return []install.Change{install.NewChange("create", name, "loads the rules at boot", func(context.Context) error {
			return install.ReplaceFile(i.at(name), strings.NewReader(made), 0o755)
		})}, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(i.at(name))
	if err != nil {
		return nil, fmt.Errorf("looking at %q: %w", name, err)
	}
	mode := info.Mode().Perm()
	for _, remark := range []string{madeFile, madeExecutable} {
		if strings.Contains(text, remark+"\n") {
			lines = remark + "\n" + lines
		}
	}
	if mode&0o111 == 0 {
		lines, mode = madeExecutable+"\n"+lines, mode|0o111
	}
	changed := block.InRCLocal(text, lines)
	if changed == text {
		return nil, nil
	}
	return []install.Change{i.edit(name, "loads the rules at boot", changed, mode)}, nil
}

// planDaemon has the daemon read its files again, after it has said that it understands them.
func (i *installation) planDaemon(changed map[write.Part]bool) ([]install.Change, error) {
	if !i.live() {
		return nil, nil
	}
	var changes []install.Change
	if changed[write.Sysctl] {
		changes = append(changes, i.command("", "sysctl", "-q", "-p", write.PathOf(write.Sysctl)))
	}
	if !changed[i.Choice.Syslog] {
		return changes, nil
	}
	try := []string{"rsyslogd", "-N1"}
	if !i.usesRsyslog() {
		try = []string{"syslog-ng", "-s"}
	}
	return append(changes, i.command("are its rules understood?", try...), i.restart()), nil
}

// restart has the daemon read its files: it does so only when it begins.
func (i *installation) restart() install.Change {
	name := "rsyslog"
	if !i.usesRsyslog() {
		name = "syslog-ng"
	}
	if i.Init == install.Systemd {
		return i.command("it reads its rules", "systemctl", "restart", name+".service")
	}
	return i.command("it reads its rules", "service", name, "restart")
}
