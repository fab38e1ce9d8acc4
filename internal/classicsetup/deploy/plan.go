package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
	"github.com/rstwatch/rstwatch/internal/install"
)

// Options says what to install, and where.
type Options struct {
	Root   string // of the machine's files; empty or "/" is this machine, else nothing is started
	Setup  write.Setup
	Choice write.Choice
	Init   install.Init // empty is Auto

	// Run runs a command of the system. Nil runs it for real.
	Run func(ctx context.Context, name string, arguments ...string) error
}

// ErrNotInstalled means that no file of a set-up of ours is there.
var ErrNotInstalled = errors.New("no classic set-up of this program's is there")

// installation is Options with every question answered.
type installation struct{ Options }

func resolve(o Options) (*installation, error) {
	if o.Root == "" {
		o.Root = "/"
	}
	if !filepath.IsAbs(o.Root) {
		return nil, fmt.Errorf("installing under %q: the root must be a path that starts with /", o.Root)
	}
	if o.Run == nil {
		o.Run = install.RunCommand
	}
	switch o.Init {
	case install.Auto, "":
		o.Init = install.Detect(o.Root)
	case install.Systemd, install.RCLocal:
	default:
		return nil, fmt.Errorf("starting at boot by %q: known are %s, %s and %s", o.Init, install.Auto, install.Systemd, install.RCLocal)
	}
	return &installation{o}, nil
}

// at returns where a path of the machine lies as seen from here.
func (i *installation) at(name string) string { return filepath.Join(i.Root, name) }

// live tells whether the root is this machine.
func (i *installation) live() bool { return filepath.Clean(i.Root) == "/" }

// command is a change that runs a command.
func (i *installation) command(detail string, words ...string) install.Change {
	return install.NewChange("run", strings.Join(words, " "), detail, func(ctx context.Context) error {
		return i.Run(ctx, words[0], words[1:]...)
	})
}

// Plan lists what an install would change, in order. An empty list means that all is as it should be.
func Plan(o Options) ([]install.Change, error) {
	i, err := resolve(o)
	if err != nil {
		return nil, err
	}
	if err := i.fit(); err != nil {
		return nil, err
	}
	if err := i.Setup.Validate(); err != nil {
		return nil, err
	}
	parts := i.parts()
	if err := i.refuseOthers(parts); err != nil {
		return nil, err
	}
	changes, changed, err := i.planFiles(parts)
	if err != nil {
		return nil, err
	}
	for _, plan := range []func(map[write.Part]bool) ([]install.Change, error){i.planInclude, i.planLog, i.planStart, i.planDaemon} {
		more, err := plan(changed)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, nil
}

// parts are the files of this set-up on this machine.
func (i *installation) parts() []write.Part {
	return slices.DeleteFunc(i.Setup.Parts(i.Choice), func(p write.Part) bool { return p == write.Systemd && i.Init != install.Systemd })
}

// refuseOthers keeps a second firewall or daemon from logging everything twice.
func (i *installation) refuseOthers(parts []write.Part) error {
	for _, part := range write.Parts() {
		if slices.Contains(parts, part) || part == write.Sysctl {
			continue
		}
		if text, err := os.ReadFile(i.at(write.PathOf(part))); err == nil {
			if marked, _ := write.IsMarked(string(text)); marked {
				return fmt.Errorf("%q is there, of a set-up that was installed for other programs: uninstall that first", write.PathOf(part))
			}
		}
	}
	return nil
}

// planFiles writes what is missing or older than this program, and tells which parts that are.
func (i *installation) planFiles(parts []write.Part) (changes []install.Change, changed map[write.Part]bool, err error) {
	changed = make(map[write.Part]bool)
	for _, part := range parts {
		file, err := i.Setup.File(part, i.Choice)
		if err != nil {
			return nil, nil, err
		}
		action := "replace"
		old, err := os.ReadFile(i.at(file.Path))
		marked, unchanged := write.IsMarked(string(old))
		switch {
		case errors.Is(err, os.ErrNotExist):
			action = "create"
		case err != nil:
			return nil, nil, fmt.Errorf("looking at %q: %w", file.Path, err)
		case string(old) == file.Text:
			continue
		case !marked:
			return nil, nil, fmt.Errorf("%q is there and not from this program: move it away first", file.Path)
		case !unchanged:
			return nil, nil, fmt.Errorf("%q was changed since it was installed: move it away first, or uninstall, which keeps it as %s.saved", file.Path, path.Base(file.Path))
		}
		changed[part] = true
		changes = append(changes, install.NewChange(action, file.Path, contents[part], func(context.Context) error {
			return install.ReplaceFile(i.at(file.Path), strings.NewReader(file.Text), file.Mode)
		}))
	}
	return changes, changed, nil
}

var contents = map[write.Part]string{
	write.IPTables: "IPv4 rules, in chains of their own", write.IP6Tables: "IPv6 rules, in chains of their own",
	write.NFTables: "rules, in a table of their own", write.Loader: "loads and unloads the rules",
	write.Rsyslog: "the kernel's lines into a file", write.SyslogNG: "the kernel's lines into a file",
	write.Logrotate: "the rotation", write.Systemd: "loads the rules at boot", write.Sysctl: "rules in network namespaces may log",
}
