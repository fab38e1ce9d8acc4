// Package install starts rstwatch at boot, and undoes that: a systemd unit where systemd runs the machine, else
// a marked block in rc.local.
//
// It works in two steps. Plan looks at the machine and lists what would change, which is what a dry run prints;
// Apply makes the changes. What is already as it should be is not in the list, so a second install does nothing.
//
// What an install added is written down in a record (see record) before it is added. PlanRemoval undoes what stands
// in that record and nothing else; resets that were recorded stay unless a purge is asked for.
package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Init is what starts programs at boot.
type Init string

// The kinds of Init that are known. Auto finds out.
const (
	Auto    Init = "auto"
	Systemd Init = "systemd"
	RCLocal Init = "rc.local"
)

// The places that an install uses, inside the root.
const (
	unitPath   = "/etc/systemd/system/rstwatch.service"
	configDir  = "/etc/rstwatch"
	dataDir    = "/var/lib/rstwatch"
	recordPath = dataDir + "/install.json"
	// messagesPath takes what the daemon says about itself where no systemd does.
	messagesPath = "/var/log/rstwatch.log"
	// BinaryPath is where the program is copied, unless it lies in a system directory already.
	BinaryPath = "/usr/local/bin/rstwatch"
)

// systemDirs are directories of programs: one that lies there is started from there, not copied.
var systemDirs = []string{"/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/sbin", "/opt/rstwatch/bin"}

// Options says what to install, and where.
type Options struct {
	Root      string   // the root of the machine's files; empty or "/" is this machine, else nothing is started
	Source    string   // the program to install, usually os.Executable; it is outside of Root
	Init      Init     // empty is Auto
	Group     string   // whose members may read, created where missing; empty is no group
	Arguments []string // after "rstwatch run"
	Purge     bool     // PlanRemoval: also remove what was recorded, the configuration and the group

	// Run runs a command of the system (systemctl, groupadd, …). Nil runs it for real.
	Run func(ctx context.Context, name string, arguments ...string) error
}

// ErrNotInstalled means that there is no record of an install, so that nothing can be undone.
var ErrNotInstalled = errors.New("no record of an install by this program")

// installation is Options with every question answered.
type installation struct {
	Options
	binary string // the path in the unit, inside the root
	old    record // of an install before this one
	new    record // of this one
	isNew  bool   // there was no record
}

// resolve answers what Options leaves open.
func resolve(o Options) (*installation, error) {
	if o.Root == "" {
		o.Root = "/"
	}
	if !filepath.IsAbs(o.Root) {
		return nil, fmt.Errorf("installing under %q: the root must be a path that starts with /", o.Root)
	}
	if o.Run == nil {
		o.Run = runCommand
	}
	for _, argument := range o.Arguments {
		if strings.ContainsFunc(argument, unicode.IsControl) {
			return nil, fmt.Errorf("starting with %q: a control character can't stand in a start-up line", argument)
		}
	}
	i := &installation{Options: o}
	switch o.Init {
	case Auto, "":
		i.Init = i.detect()
	case Systemd, RCLocal:
	default:
		return nil, fmt.Errorf("starting at boot by %q: known are %s, %s and %s", o.Init, Auto, Systemd, RCLocal)
	}
	var err error
	i.old, err = readRecord(i.at(recordPath))
	if errors.Is(err, os.ErrNotExist) {
		i.isNew, err = true, nil
	}
	return i, err
}

// at returns where a path of the machine lies as seen from here.
func (i *installation) at(path string) string { return filepath.Join(i.Root, path) }

// live tells whether the root is this machine, so that services can be started and stopped.
func (i *installation) live() bool { return filepath.Clean(i.Root) == "/" }

// detect finds out what starts programs at boot: systemd if it runs this machine (as sd_booted(3) tells) or, in
// another root, if it is there.
func (i *installation) detect() Init {
	candidates := []string{"/run/systemd/system"}
	if !i.live() {
		candidates = []string{"/lib/systemd/systemd", "/usr/lib/systemd/systemd"}
	}
	for _, path := range candidates {
		if _, err := os.Stat(i.at(path)); err == nil {
			return Systemd
		}
	}
	return RCLocal
}

// Plan lists what an install would change, in order. An empty list means that all is as it should be.
func Plan(o Options) ([]Change, error) {
	i, err := resolve(o)
	if err != nil {
		return nil, err
	}
	if i.old.Init != "" && i.old.Init != i.Init {
		return nil, fmt.Errorf("installing with %s: installed with %s already, uninstall that first", i.Init, i.old.Init)
	}
	i.new = i.old.clone()
	i.new.Version, i.new.Init = recordVersion, i.Init

	plans := []func() ([]Change, error){i.planBinary, i.planGroup, i.planDirectories}
	if i.Init == Systemd {
		plans = append(plans, i.planUnit)
	} else {
		plans = append(plans, i.planRCLocal)
	}
	var changes []Change
	for _, plan := range plans {
		part, err := plan()
		if err != nil {
			return nil, err
		}
		changes = append(changes, part...)
	}
	if i.isNew || !i.new.equal(i.old) {
		changes = slices.Insert(changes, 0, i.writeRecord())
	}
	return changes, nil
}

// planBinary copies the program, unless it lies where programs lie.
func (i *installation) planBinary() ([]Change, error) {
	source, err := filepath.EvalSymlinks(i.Source)
	if err != nil {
		return nil, fmt.Errorf("finding the program to install: %w", err)
	}
	if inRoot, err := filepath.Rel(i.Root, source); err == nil && slices.Contains(systemDirs, filepath.Dir("/"+inRoot)) {
		i.binary = "/" + inRoot
		return nil, nil
	}
	i.binary = BinaryPath
	return i.planCopy(source, BinaryPath)
}

// planDirectories makes the directories that the daemon writes to and reads from.
func (i *installation) planDirectories() ([]Change, error) {
	var changes []Change
	for _, path := range []string{configDir, dataDir} {
		if _, err := os.Stat(i.at(path)); err == nil {
			continue
		}
		i.new.Directories = add(i.new.Directories, path)
		changes = append(changes, Change{
			Action: "create", Path: path, Detail: "directory, mode 0750",
			apply: func(context.Context) error { return os.MkdirAll(i.at(path), 0o750) },
		})
	}
	return changes, nil
}

// add appends a word that is not in the list yet.
func add(list []string, word string) []string {
	if slices.Contains(list, word) {
		return list
	}
	return append(list, word)
}
