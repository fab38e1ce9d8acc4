package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// shareDir makes the journal's directory, if it is not there, and gives it to
// the group whose members may read. What is made in it later belongs to the
// group too. A group that does not exist leaves it to root alone, and a
// directory with other things in it stays as it is.
func shareDir(dir, group string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	known, err := user.LookupGroup(group)
	if err != nil || !isOurs(dir) {
		return nil
	}
	gid, err := strconv.Atoi(known.Gid)
	if err != nil {
		return fmt.Errorf("group %q: number %q: %w", group, known.Gid, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) != os.Geteuid() {
		return nil // somebody else's directory is theirs to arrange
	}
	if int(owner.Gid) != gid {
		if err := os.Chown(dir, -1, gid); err != nil {
			return err
		}
	}
	if os.Getegid() == gid {
		return nil // new files get the group by themselves, as under systemd
	}
	return os.Chmod(dir, info.Mode().Perm()|0o050|fs.ModeSetgid)
}

// isOurs reports whether the directory is a journal, or about to be one.
func isOurs(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	beginnings := 0 // what stands there before a journal does
	for _, entry := range entries {
		switch entry.Name() {
		case "lock":
			return true
		case "install.json", "start.json":
			beginnings++
		}
	}
	return len(entries) == beginnings
}
