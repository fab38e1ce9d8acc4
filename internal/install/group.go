package install

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

// hasGroup looks into the group file of the root. A group of this machine that comes from elsewhere (LDAP) is not seen,
// and groupadd then says so.
func (i *installation) hasGroup(name string) (bool, error) {
	file, err := os.Open(i.at("/etc/group"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for the group %q: %w", name, err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if found, _, _ := strings.Cut(lines.Text(), ":"); found == name {
			return true, nil
		}
	}
	return false, lines.Err()
}

// prefix makes groupadd and groupdel work in the root. (Their --root would need a whole system there.)
func (i *installation) prefix(arguments ...string) []string {
	if i.live() {
		return arguments
	}
	return append([]string{"--prefix", i.Root}, arguments...)
}

// planGroup creates the group whose members may read.
func (i *installation) planGroup() ([]Change, error) {
	if i.Group == "" {
		return nil, nil
	}
	if strings.ContainsFunc(i.Group, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789_-", r)
	}) || strings.HasPrefix(i.Group, "-") {
		return nil, fmt.Errorf("creating the group %q: a name has small letters, digits, _ and - only", i.Group)
	}
	found, err := i.hasGroup(i.Group)
	if err != nil || found {
		return nil, err
	}
	i.new.Group = i.Group
	return []Change{i.command("its members may read what is recorded", "groupadd", i.prefix("--system", i.Group)...)}, nil
}

// planRemoveGroup removes the group if an install has made it.
func (i *installation) planRemoveGroup() ([]Change, error) {
	if i.old.Group == "" {
		return nil, nil
	}
	found, err := i.hasGroup(i.old.Group)
	if err != nil || !found {
		return nil, err
	}
	return []Change{i.command("", "groupdel", i.prefix(i.old.Group)...)}, nil
}
