package install

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// PlanRemoval lists what undoes an install: what its record tells, and nothing else. Files that were changed since
// are kept under another name. Without Purge, what was recorded and the configuration stay.
//
// It fails with ErrNotInstalled where there is no record.
func PlanRemoval(o Options) ([]Change, error) {
	i, err := resolve(o)
	if err != nil {
		return nil, err
	}
	if i.isNew || i.old.Init == "" && !i.Purge {
		return nil, fmt.Errorf("uninstalling: %w (%s)", ErrNotInstalled, i.at(recordPath))
	}
	var changes []Change
	if i.old.Init == Systemd {
		changes = append(changes, i.planDisable()...)
	}
	block, err := i.planRemoveBlock()
	if err != nil {
		return nil, err
	}
	changes = append(changes, block...)
	var paths []string
	for path := range i.old.Files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		changes = append(changes, i.planRemoveFile(path, i.old.Files[path]))
	}
	if i.old.Init == Systemd {
		changes = append(changes, i.planReload()...)
	}
	rest, err := i.planRest()
	return append(changes, rest...), err
}

// planRest deals with what the daemon's data hangs on: the group that owns it, the directories, and the record. The
// group goes only together with the data, because a later group of the same number would own what its members can read.
func (i *installation) planRest() ([]Change, error) {
	group, err := i.planRemoveGroup()
	if err != nil {
		return nil, err
	}
	if i.Purge {
		return slices.Concat(i.planRemoveMessages(), []Change{i.planPurge(configDir)}, group, []Change{i.planPurge(dataDir)}), nil
	}
	var changes []Change
	if !i.isEmpty(configDir) {
		changes = append(changes, Change{Action: "keep", Path: configDir, Detail: "the configuration; --purge removes it"})
	} else if slices.Contains(i.old.Directories, configDir) {
		changes = append(changes, i.planRemoveEmpty(configDir))
	}
	if !i.isEmpty(dataDir) {
		keep := Change{Action: "keep", Path: dataDir, Detail: "what was recorded, and the group that owns it; --purge removes both"}
		i.new = record{Version: recordVersion, Group: i.old.Group, Directories: i.old.Directories}
		return append(changes, keep, i.writeRecord()), nil
	}
	changes = append(changes, group...)
	changes = append(changes, Change{
		Action: "remove", Path: recordPath,
		apply: func(context.Context) error { return os.Remove(i.at(recordPath)) },
	})
	if slices.Contains(i.old.Directories, dataDir) {
		changes = append(changes, i.planRemoveEmpty(dataDir))
	}
	return changes, nil
}

// planRemoveMessages removes the file of the daemon's own messages, if there is one.
func (i *installation) planRemoveMessages() []Change {
	if _, err := os.Lstat(i.at(messagesPath)); err != nil {
		return nil
	}
	return []Change{{
		Action: "remove", Path: messagesPath, Detail: "the daemon's own messages",
		apply: func(context.Context) error { return os.Remove(i.at(messagesPath)) },
	}}
}

// isEmpty tells whether a directory has nothing in it but our record, or does not exist.
func (i *installation) isEmpty(path string) bool {
	entries, err := os.ReadDir(i.at(path))
	return os.IsNotExist(err) || err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return filepath.Join(path, e.Name()) != recordPath
	})
}

// planRemoveEmpty removes a directory that an install has made.
func (i *installation) planRemoveEmpty(path string) Change {
	return Change{
		Action: "remove", Path: path, Detail: "empty directory",
		apply: func(context.Context) error {
			if err := os.Remove(i.at(path)); err != nil && !os.IsNotExist(err) {
				return err
			}
			return nil
		},
	}
}

// planPurge removes a directory of ours with everything in it.
func (i *installation) planPurge(path string) Change {
	return Change{
		Action: "remove", Path: path, Detail: "with everything in it",
		apply: func(context.Context) error {
			if !strings.HasSuffix(path, "/rstwatch") {
				return fmt.Errorf("not a directory of rstwatch")
			}
			if err := clearAppendOnly(i.at(path)); err != nil {
				return err
			}
			return os.RemoveAll(i.at(path))
		},
	}
}

// appendOnly is FS_APPEND_FL of linux/fs.h.
const appendOnly = 0x20

// clearAppendOnly lifts the append-only attribute of every file below path, since such files can't be removed.
func clearAppendOnly(path string) error {
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() && !entry.IsDir() {
			return err
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		flags, err := unix.IoctlGetInt(int(file.Fd()), unix.FS_IOC_GETFLAGS)
		if err != nil || flags&appendOnly == 0 {
			return nil // a file system without attributes has none to lift
		}
		return unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, flags&^appendOnly)
	})
}
