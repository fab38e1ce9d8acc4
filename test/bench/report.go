package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Report is what one run found.
type Report struct {
	Date     string        `json:"date"`
	Machine  Machine       `json:"machine"`
	Sizes    Sizes         `json:"sizes"`
	Ordinary []Cost        `json:"ordinary"`
	Drops    []Cost        `json:"drops"`
	Storm    []StormResult `json:"storm"`
	Life     Life          `json:"life"`
	Journal  Journal       `json:"journal"`
	Logs     []LogResult   `json:"logs"`
	// Of all times that a watcher was measured, those before which the machine
	// was not calm.
	Moments   int `json:"moments"`
	Disturbed int `json:"disturbed"`
}

// Machine is where it ran.
type Machine struct {
	Kernel    string   `json:"kernel"`
	Processor string   `json:"processor"`
	Cores     int      `json:"cores"`
	Go        string   `json:"go"`
	Load      string   `json:"load_at_start"`
	Programs  []string `json:"programs"`
}

// Run measures everything, or only the parts named.
func (b *Bench) Run(parts ...string) (r Report, err error) {
	r = Report{Date: time.Now().Format(time.DateOnly), Machine: here(), Sizes: b.sizes}
	b.logf("%+v", r.Machine)
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{"storm", func() (err error) { r.Storm, err = b.Storm(recorders()); return err }},
		{"life", func() (err error) { r.Life, err = b.Life(); return err }},
		{"journal", func() (err error) { r.Journal, err = b.Journal(); return err }},
		{"logs", func() (err error) { r.Logs, err = b.Logs(); return err }},
		{"ordinary", func() (err error) { r.Ordinary, err = b.Ordinary(watchers()); return err }},
		{"drops", func() (err error) { r.Drops, err = b.Drops(droppers()); return err }},
	} {
		if len(parts) > 0 && !slices.Contains(parts, part.name) {
			continue
		}
		if err := part.measure(); err != nil {
			return r, err
		}
	}
	r.Moments, r.Disturbed = b.moments, b.disturbed
	return r, nil
}

func here() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Processor: "unknown"}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:]) + " " + unix.ByteSliceToString(name.Machine[:])
	}
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if found := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(data); found != nil {
			m.Processor = string(found[1])
		}
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(data), " ")
	}
	for _, command := range [][]string{
		{"iptables", "-V"}, {"iptables-legacy", "-V"}, {"nft", "-v"}, {"rsyslogd", "-v"}, {"ulogd", "-V"}, {"tcpdump", "--version"}, {"grep", "--version"},
	} {
		out, _ := exec.Command(command[0], command[1:]...).CombinedOutput()
		line, _, _ := bytes.Cut(out, []byte("\n"))
		if len(line) > 0 {
			m.Programs = append(m.Programs, strings.TrimSpace(string(line)))
		}
	}
	return m
}

// WriteJSON writes the report with every round.
func (r *Report) WriteJSON(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding report: %w", err)
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// The marks between which a page bears the tables.
const (
	tablesBegin = "<!-- begin: written by make bench -->\n"
	tablesEnd   = "<!-- end: written by make bench -->\n"
)

// WritePage puts the tables into a page, between its marks.
func (r *Report) WritePage(path string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(page), tablesBegin)
	_, tail, okEnd := strings.Cut(rest, tablesEnd)
	if !ok || !okEnd {
		return fmt.Errorf("page %s: no marks for the tables", path)
	}
	return os.WriteFile(path, []byte(head+tablesBegin+r.Tables()+tablesEnd+tail), 0o644)
}
