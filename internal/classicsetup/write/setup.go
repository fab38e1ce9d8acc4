package write

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Setup says which resets are logged, and where to.
type Setup struct {
	Ports      []Ports // only resets from or to these ports; empty is all
	Except     []Ports // not those from or to these
	Prefix     string  // begins each line of the kernel's
	Path       string  // the log
	Days       int     // that rotated logs are kept
	Forward    bool    // also resets that pass through this host
	Namespaces bool    // let LOG rules inside network namespaces speak
	Rate       int     // lines a second that are logged at most; with iptables for each family
	Owner      string  // of the log
	Group      string  // whose members may read it
	Su         string  // group of a log directory that its group may write to, else empty
	Source     string  // what syslog-ng.conf calls the messages of the host itself
}

// Default is what a set-up is where nothing else is said.
func Default() Setup {
	return Setup{Prefix: "[rst] ", Path: "/var/log/rst.log", Days: 30, Rate: 1000, Owner: "root", Group: "root", Source: "s_src"}
}

// Bounds of a set-up.
const (
	// maxPrefix leaves room, within the 29 bytes of xt_LOG, for the word that the excess bears.
	maxPrefix = 29 - len(excess)
	// maxRate is the fastest that xt_limit can count to.
	maxRate  = 10_000
	maxDays  = 36_500
	maxLists = 100
)

// excess follows the prefix on the one line a second that stands for those over the rate.
const excess = "excess "

// Validate completes the prefix and refuses what no file could say.
func (s *Setup) Validate() error {
	if s.Prefix != "" && !strings.HasSuffix(s.Prefix, " ") {
		s.Prefix += " " // IN= would follow without one
	}
	switch {
	case len(s.Ports) > 0 && len(s.Except) > 0:
		return errors.New("ports and exceptions together: give one of the two")
	case len(s.Ports) > maxLists || len(s.Except) > maxLists:
		return fmt.Errorf("more than %d ports or ranges", maxLists)
	case s.Days < 1 || s.Days > maxDays:
		return fmt.Errorf("keeping %d days: not within 1 to %d", s.Days, maxDays)
	case s.Rate < 1 || s.Rate > maxRate:
		return fmt.Errorf("a rate of %d a second: not within 1 to %d, which is as fast as the kernel's limit counts", s.Rate, maxRate)
	}
	for what, name := range map[string]string{"owner": s.Owner, "group": s.Group, "source": s.Source} {
		if !isName(name) {
			return fmt.Errorf("%s %q: a name has letters, digits, _, . and - only", what, name)
		}
	}
	if s.Su != "" && !isName(s.Su) {
		return fmt.Errorf("group %q: a name has letters, digits, _, . and - only", s.Su)
	}
	if err := checkPrefix(s.Prefix); err != nil {
		return err
	}
	return checkPath(s.Path)
}

// alphanumeric are the characters that mean nothing to any of the programs that read our files.
const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func isName(name string) bool {
	return name != "" && name[0] != '-' && strings.Trim(name, alphanumeric+"_.-") == ""
}

// checkPrefix allows what needs no quoting in any of the files.
func checkPrefix(prefix string) error {
	const marks = "[](){}<>_-.:/+#=@ "
	switch {
	case len(prefix) > maxPrefix:
		return fmt.Errorf("prefix %q: longer than %d bytes, which is what the kernel leaves", prefix, maxPrefix)
	case strings.Trim(prefix, alphanumeric+marks) != "" || !only(prefix, alphanumeric+marks):
		return fmt.Errorf("prefix %q: letters, digits and %s only", prefix, marks)
	case len(strings.TrimSpace(prefix)) < 3 || !strings.ContainsAny(prefix, alphanumeric):
		return fmt.Errorf("prefix %q: at least three characters, so that no other line is taken for one of these", prefix)
	case prefix[0] == ' ':
		return fmt.Errorf("prefix %q: begins with a space", prefix)
	}
	return nil
}

func only(text, allowed string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(allowed, r) })
}

// checkPath allows a path that every file can hold as it is, and that is its own shortest form.
func checkPath(name string) error {
	switch {
	case !path.IsAbs(name) || path.Clean(name) != name || path.Dir(name) == "/":
		return fmt.Errorf("log %q: a path such as /var/log/rst.log", name)
	case !only(name, alphanumeric+"/_-.+@"):
		return fmt.Errorf("log %q: letters, digits and /_-.+@ only", name)
	case len(name) > 200:
		return fmt.Errorf("log %q: longer than 200 bytes", name)
	}
	return nil
}
