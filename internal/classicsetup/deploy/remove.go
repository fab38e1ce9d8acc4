package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
	"github.com/rstwatch/rstwatch/internal/install"
)

// PlanRemoval lists what undoes an install: the rules are unloaded, and files that bear our mark go. One that was
// changed since is kept under another name. The log stays.
//
// It fails with ErrNotInstalled where nothing of ours is.
func PlanRemoval(o Options) ([]install.Change, error) {
	i, err := resolve(o)
	if err != nil {
		return nil, err
	}
	here, err := i.find()
	if err != nil {
		return nil, err
	}
	i.Choice = write.Choice{Firewall: write.IPTables, Syslog: write.Rsyslog}
	if _, ok := here[write.NFTables]; ok {
		i.Choice.Firewall = write.NFTables
	}
	if _, ok := here[write.SyslogNG]; ok {
		i.Choice.Syslog = write.SyslogNG
	}
	changes := i.planStop(here)
	blocks, err := i.planBlocks()
	if err != nil {
		return nil, err
	}
	changes = append(changes, blocks...)
	if len(here) == 0 && len(blocks) == 0 {
		return nil, fmt.Errorf("uninstalling: %w", ErrNotInstalled)
	}
	for _, part := range write.Parts() {
		if text, ok := here[part]; ok {
			changes = append(changes, i.planRemoveFile(part, text))
		}
	}
	return append(changes, i.planRest(here)...), nil
}

// find reads the files that bear our mark.
func (i *installation) find() (map[write.Part]string, error) {
	here := make(map[write.Part]string)
	for _, part := range write.Parts() {
		text, err := os.ReadFile(i.at(write.PathOf(part)))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking at %q: %w", write.PathOf(part), err)
		}
		if marked, _ := write.IsMarked(string(text)); marked {
			here[part] = string(text)
		}
	}
	return here, nil
}

// planStop unloads the rules. What was unloaded by hand already is no reason to stop.
func (i *installation) planStop(here map[write.Part]string) []install.Change {
	_, unit := here[write.Systemd]
	if !i.live() {
		if _, err := os.Lstat(i.at(wantedBy)); err != nil {
			return nil
		}
		return []install.Change{install.NewChange("remove", wantedBy, "", func(context.Context) error { return os.Remove(i.at(wantedBy)) })}
	}
	var changes []install.Change
	if unit && i.Init == install.Systemd {
		changes = append(changes, i.command("", "systemctl", "disable", "--now", write.Unit).Optional())
	}
	_, loader := here[write.Loader]
	_, nft := here[write.NFTables]
	if loader || nft {
		changes = append(changes, i.command("the rules go", write.UnloadCommand(i.Choice)...).Optional())
	}
	return changes
}

// planBlocks takes our lines out of files of others.
func (i *installation) planBlocks() ([]install.Change, error) {
	var changes []install.Change
	for _, name := range []string{install.RCLocalPath(i.Root), syslogNGConf} {
		text, err := i.readLimited(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rest, found := block.Without(text)
		if !found {
			continue
		}
		if strings.Contains(text, madeFile+"\n") && strings.TrimSpace(rest) == "#!/bin/sh" {
			changes = append(changes, install.NewChange("remove", name, "", func(context.Context) error { return os.Remove(i.at(name)) }))
			continue
		}
		info, err := os.Stat(i.at(name))
		if err != nil {
			return nil, fmt.Errorf("looking at %q: %w", name, err)
		}
		mode := info.Mode().Perm()
		if strings.Contains(text, madeExecutable+"\n") {
			mode &^= 0o111
		}
		changes = append(changes, i.edit(name, "our lines taken out", rest, mode))
	}
	return changes, nil
}

// planRemoveFile removes a file of ours, or keeps what somebody made of it.
func (i *installation) planRemoveFile(part write.Part, text string) install.Change {
	name := write.PathOf(part)
	if _, unchanged := write.IsMarked(text); !unchanged {
		return install.NewChange("rename", name, "to "+name+".saved, because it was changed after the install", func(context.Context) error {
			return os.Rename(i.at(name), i.at(name+".saved"))
		})
	}
	detail := ""
	if part == write.Sysctl {
		detail = "what it set holds until the next boot"
	}
	return install.NewChange("remove", name, detail, func(context.Context) error { return os.Remove(i.at(name)) })
}

// planRest is what comes after the files: the directory, the daemons, and the log.
func (i *installation) planRest(here map[write.Part]string) []install.Change {
	var changes []install.Change
	if _, err := os.Stat(i.at(write.Dir)); err == nil {
		changes = append(changes, install.NewChange("remove", write.Dir, "if nothing else is in it", func(context.Context) error {
			return os.Remove(i.at(write.Dir))
		}).Optional())
	}
	if i.live() {
		if _, ok := here[write.Systemd]; ok && i.Init == install.Systemd {
			changes = append(changes, i.command("", "systemctl", "daemon-reload").Optional())
		}
		if _, ok := here[i.Choice.Syslog]; ok {
			changes = append(changes, i.restart().Optional())
		}
	}
	if log := logOf(here[write.Logrotate]); log != "" {
		if i.live() {
			changes = append(changes, i.command("an ordinary file again", "chattr", "-a", log).Optional())
		}
		changes = append(changes, install.NewChange("keep", log, "what was logged, with what was rotated", nil))
	}
	return changes
}

// logOf reads the log's path out of our rotation.
func logOf(text string) string {
	for line := range strings.Lines(text) {
		if name, opens := strings.CutSuffix(strings.TrimSpace(line), " {"); opens && strings.HasPrefix(name, "/") {
			return name
		}
	}
	return ""
}
