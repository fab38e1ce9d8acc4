package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/rules"
)

// wants is what the user wants recorded.
type wants struct {
	filter *query.Filter
	rules  *rules.Set
	netns  []uint64 // inode numbers; empty: all
}

// UsageError is a mistake in what the user asked for: exit status 2.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns what was wrong.
func (e *UsageError) Unwrap() error { return e.Err }

// newWants reads filter, rules and namespaces from the settings.
func newWants(cfg *config.Config, log *slog.Logger) (w wants, err error) {
	if cfg.Capture.Filter != "" {
		if w.filter, err = query.Parse(cfg.Capture.Filter); err != nil {
			return w, &UsageError{err}
		}
	}
	if cfg.Capture.Rules != "" {
		if w.rules, err = readRules(cfg.Capture.Rules); err != nil {
			return w, &UsageError{err}
		}
		for _, notice := range w.rules.Notices() {
			log.Warn("rules file", "file", cfg.Capture.Rules, "line", notice.Line, "notice", notice.Say)
		}
	}
	for _, name := range cfg.Capture.NetNS {
		id, err := findNetns(name)
		if err != nil {
			return w, &UsageError{err}
		}
		w.netns = append(w.netns, id)
	}
	return w, nil
}

// Check reports what of the settings a capture would refuse, as far as that
// shows without a sensor: the filter, the rules file, the namespaces.
func Check(cfg *config.Config, log *slog.Logger) error {
	_, err := newWants(cfg, log)
	return err
}

func readRules(path string) (*rules.Set, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the rules: %w", err)
	}
	defer file.Close()
	return rules.Parse(path, file)
}

// findNetns resolves a namespace by inode number, path or name.
func findNetns(text string) (uint64, error) {
	if id, err := strconv.ParseUint(text, 10, 64); err == nil {
		return id, nil
	}
	if strings.Contains(text, "/") {
		ns, err := netns.At(text)
		if err != nil {
			return 0, fmt.Errorf("network namespace %q: %w", text, err)
		}
		return ns.ID, nil
	}
	for _, dir := range netnsDirs {
		ns, err := netns.At(filepath.Join(dir, text))
		if err == nil {
			return ns.ID, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return 0, fmt.Errorf("network namespace %q: %w", text, err)
		}
	}
	return 0, fmt.Errorf("network namespace %q: no such name in %s; %s; "+
		"an inode number (lsns -t net) and a path such as /proc/PID/ns/net are taken too",
		text, strings.Join(netnsDirs[:], " or "), namedNetns())
}

// netnsDirs are where ip-netns(8) and Docker keep the names of namespaces.
var netnsDirs = [...]string{"/run/netns", "/run/docker/netns"}

// namedNetns says which names there are, the first ten of them.
func namedNetns() string {
	var names []string
	for _, dir := range netnsDirs {
		entries, _ := os.ReadDir(dir) // none, where the directory is not there
		for _, e := range entries {
			names = append(names, strconv.Quote(e.Name()))
		}
	}
	if len(names) == 0 {
		return "there are no names"
	}
	more := ""
	if len(names) > 10 {
		names, more = names[:10], " and more"
	}
	return "there are " + strings.Join(names, ", ") + more
}

// unknown says which of the namespaces that are wanted by number are not there:
// the capture will see nothing of them.
func (w *wants) unknown(tracker *netns.Tracker) (notices []string) {
	for _, id := range w.netns {
		if _, ok := tracker.Get(id); !ok {
			notices = append(notices, fmt.Sprintf("no network namespace with the number %d is to be found (lsns -t net lists them)", id))
		}
	}
	return notices
}

// check refuses what the sensor cannot evaluate: it must never be silently true.
func (w *wants) check(c *Capture) error {
	if w.filter != nil {
		if err := w.filter.Check(c.Fields, "the sensor "+c.Name); err != nil {
			return &UsageError{err}
		}
	}
	if w.rules != nil {
		if err := w.rules.Require(c.Rules, "the sensor "+c.Name); err != nil {
			return &UsageError{err}
		}
	}
	return nil
}

// keep returns what decides whether a reset is recorded, or nil for all. It is
// not safe for concurrent use: rules with a limit have a state.
func (w *wants) keep() func(*reset.Reset) bool {
	if w.filter == nil && w.rules == nil && len(w.netns) == 0 {
		return nil
	}
	return func(r *reset.Reset) bool {
		if len(w.netns) > 0 && !slices.Contains(w.netns, r.Netns.ID) {
			return false
		}
		if w.filter != nil && !w.filter.Match(r) {
			return false
		}
		if w.rules != nil {
			_, ok := w.rules.Match(r)
			return ok
		}
		return true
	}
}

// describe is the filter in words, for the coverage lines.
func (w *wants) describe(cfg *config.Config) string {
	var parts []string
	if w.filter != nil {
		parts = append(parts, w.filter.String())
	}
	if w.rules != nil {
		parts = append(parts, "rules "+cfg.Capture.Rules)
	}
	if len(cfg.Capture.NetNS) > 0 {
		parts = append(parts, "netns "+strings.Join(cfg.Capture.NetNS, " "))
	}
	return strings.Join(parts, "; ")
}

// watching is how many of the namespaces that exist are watched: those that
// are wanted, or all.
func watching(tracker *netns.Tracker, only []uint64) int {
	list := tracker.List()
	if len(only) > 0 {
		list = slices.DeleteFunc(list, func(n netns.Namespace) bool { return !slices.Contains(only, n.ID) })
	}
	return len(list)
}

// StreamFilter is the filter that picks, from the stream of a running daemon,
// what a capture of one's own with these settings would record.
func StreamFilter(cfg *config.Config) (string, error) {
	var terms []string
	for _, name := range cfg.Capture.NetNS {
		id, err := findNetns(name)
		if err != nil {
			return "", &UsageError{err}
		}
		terms = append(terms, "netns "+strconv.FormatUint(id, 10))
	}
	text := strings.Join(terms, " or ")
	switch {
	case text == "":
		return cfg.Capture.Filter, nil
	case cfg.Capture.Filter == "":
		return text, nil
	}
	return "(" + text + ") and (" + cfg.Capture.Filter + ")", nil
}
