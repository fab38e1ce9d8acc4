package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/daemon"
)

func newDoctorCommand(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "What this kernel lets us see, what is lost, what is wrong",
		Long: `Tries every sensor (needs root), asks the daemon how it fares, and says what
each sensor cannot see. Ends with status 1 if something is wrong.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load(cmd, map[string]string{"socket": "serve.socket"})
			if err != nil {
				return err
			}
			report := diagnose(cmd.Context(), a, cfg)
			switch output {
			case "json":
				encoder := json.NewEncoder(a.stdout)
				encoder.SetIndent("", "  ")
				err = encoder.Encode(report)
			case "text":
				err = report.print(a.stdout)
			default:
				return usagef("--output %q: not one of text, json", output)
			}
			if err != nil {
				return err
			}
			if len(report.Problems) > 0 {
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "how to print: text or json")
	cmd.Flags().String("socket", "", "Unix `socket` of the daemon (default /run/rstwatch/rstwatch.sock)")
	return cmd
}

// diagnosis is what doctor found.
type diagnosis struct {
	Version  string           `json:"version"`
	Kernel   string           `json:"kernel"`
	Root     bool             `json:"root"`
	Sensors  []daemon.Attempt `json:"sensors"`
	Daemon   *daemon.Status   `json:"daemon,omitempty"`
	Problems []string         `json:"problems"`
}

func diagnose(ctx context.Context, a *app, cfg *config.Config) *diagnosis {
	d := &diagnosis{Version: version, Kernel: kernelRelease(), Root: os.Geteuid() == 0, Problems: []string{}}
	d.Sensors = daemon.Try(ctx, cfg, a.logger(cfg))
	works := false
	for _, s := range d.Sensors {
		works = works || s.Works
	}
	if !works && d.Root {
		d.Problems = append(d.Problems, "no sensor works here")
	}
	if err := daemon.Check(cfg, slog.New(slog.DiscardHandler)); err != nil {
		d.Problems = append(d.Problems, "configuration: "+err.Error())
	}
	status, err := askStatus(ctx, cfg.Serve.Socket)
	switch {
	case err == nil:
		d.Daemon = status
		d.Problems = append(d.Problems, ailments(status)...)
	case !errors.Is(err, errNoDaemon):
		d.Problems = append(d.Problems, err.Error())
	}
	return d
}

// ailments are what is wrong with a running daemon.
func ailments(s *daemon.Status) []string {
	var list []string
	if s.Counts.Lost > 0 {
		list = append(list, fmt.Sprintf("%d sightings were lost: raise capture.ring_bytes", s.Counts.Lost))
	}
	if s.Journal.Stalled {
		list = append(list, fmt.Sprintf("the journal in %s takes nothing: is the disk full? %d entries wait in memory", s.Journal.Dir, s.Journal.Held))
	}
	if s.Journal.Lost > 0 {
		list = append(list, fmt.Sprintf("%d entries could not be written and were dropped", s.Journal.Lost))
	}
	for _, o := range s.Outputs {
		if o.Problem != "" {
			list = append(list, fmt.Sprintf("output %s is behind and tries again: %s", o.Name, o.Problem))
		}
	}
	if !s.Balanced {
		list = append(list, "the ledger does not balance: please report this as a bug")
	}
	return append(list, s.Notices...)
}

func askStatus(ctx context.Context, socket string) (*daemon.Status, error) {
	if socket == "" {
		return nil, errNoDaemon
	}
	response, err := ask(ctx, socket, "/api/v1/doctor")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var status daemon.Status
	if err := json.NewDecoder(io.LimitReader(response.Body, maxLine)).Decode(&status); err != nil {
		return nil, fmt.Errorf("reading the daemon's answer: %w", err)
	}
	return &status, nil
}

func kernelRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

func (d *diagnosis) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(table, "rstwatch\t%s\n", d.Version)
	fmt.Fprintf(table, "kernel\t%s\n", d.Kernel)
	if !d.Root {
		fmt.Fprintf(table, "rights\tnot root: what follows is what this user may do\n")
	}
	for _, s := range d.Sensors {
		word := "works"
		if !s.Works {
			word = "no: " + strings.ReplaceAll(s.Error, "\n", " ")
		}
		fmt.Fprintf(table, "sensor %s\t%s\n", s.Sensor, word)
		if s.Blind != "" {
			fmt.Fprintf(table, "\tcannot see: %s\n", s.Blind)
		}
	}
	if s := d.Daemon; s == nil {
		fmt.Fprintf(table, "daemon\tnone answers\n")
	} else {
		fmt.Fprintf(table, "daemon\t%s, pid %d, since %s\n", s.Version, s.PID, s.Started.Local().Format("2006-01-02 15:04:05"))
		fmt.Fprintf(table, "watching\t%s with %s\n", namespaces(s.Namespaces), s.Sensor)
		if s.Filter != "" {
			fmt.Fprintf(table, "recording\tonly %s\n", s.Filter)
		}
		fmt.Fprintf(table, "journal\t%s: %d entries, %d bytes, %d lost\n", s.Journal.Dir, s.Journal.Entries, s.Journal.Bytes, s.Journal.Lost)
		fmt.Fprintf(table, "sightings\t%d seen, %d lost, %d skipped by the kernel\n", s.Counts.Seen, s.Counts.Lost, s.Counts.Missed)
		if t := s.Table; t != nil {
			fmt.Fprintf(table, "connections\t%d known, room for %d, %d forgotten\n", t.Held, t.Size, t.Forgotten)
		}
		printEnrich(table, s.Enrich)
		for _, o := range s.Outputs {
			fmt.Fprintf(table, "output %s\t%d entries, %d failed\n", o.Name, o.Written, o.Failed)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if d.Daemon != nil {
		printLedger(w, d.Daemon.Ledger)
	}
	for _, p := range d.Problems {
		fmt.Fprintf(w, "PROBLEM: %s\n", p)
	}
	if len(d.Problems) == 0 {
		fmt.Fprintln(w, "nothing is wrong")
	}
	return nil
}

// printEnrich says what the payloads of resets were, and how the look-ups fare.
func printEnrich(w io.Writer, s *daemon.EnrichStatus) {
	if s == nil {
		return
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(s.Claims)) {
		parts = append(parts, fmt.Sprintf("%d %s", s.Claims[kind], kind))
	}
	if len(parts) > 0 {
		fmt.Fprintf(w, "payloads\t%s\n", strings.Join(parts, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Lookups)) {
		if n := s.Lookups[name]; n.Asked > 0 || n.Crowded > 0 {
			fmt.Fprintf(w, "look-ups of %s\t%d, %d found, %d left out as too many waited\n", name, n.Asked, n.Found, n.Crowded)
		}
	}
	if n := s.Rejects; n != (daemon.RejectStatus{}) {
		fmt.Fprintf(w, "rejects\t%d with their rule, %d with some that it may have been, %d without, %d left out in floods\n", n.Named, n.Several, n.None, n.Spared)
	}
	if s.Searches > 0 {
		fmt.Fprintf(w, "searches for owners\t%d, %d open files read, %d given up for lack of time\n", s.Searches, s.Files, s.Stopped)
	}
}
