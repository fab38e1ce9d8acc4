package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func newJournalCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "The files of the record themselves",
		Long: `The journal is a directory of segments: checksummed, hash-chained binary blocks.
These commands read it, on this machine or copied from another (--dir), while the
daemon writes. None of them changes it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCatCommand(a), newVerifyCommand(a), newListCommand(a), newRepairCommand(a))
	return cmd
}

func newCatCommand(a *app) *cobra.Command {
	var follow, all bool
	var since, until string
	var p printing
	cmd := &cobra.Command{
		Use:   "cat [FILTER]",
		Short: "Print what was recorded",
		Example: `  rstwatch journal cat --since -1h
  rstwatch journal cat --follow 'port 443' | jq -c '[.time, .sender, .cause]'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load(cmd, nil)
			if err != nil {
				return err
			}
			filter, err := query.Parse(strings.Join(args, " "))
			if err != nil {
				return err
			}
			if err := p.check(0); err != nil {
				return err
			}
			// Who asks for some resets wants no other lines, unless they say so.
			if !cmd.Flag("all").Changed {
				all = len(args) == 0 && p.count == 0
			}
			options := journal.ReadOptions{Follow: follow, OnDamage: func(d journal.Damage) {
				fmt.Fprintf(a.stderr, "rstwatch: %v\n", d.Error())
			}}
			now := time.Now()
			if options.Since, err = parseTime(since, now); err != nil {
				return err
			}
			if options.Until, err = parseTime(until, now); err != nil {
				return err
			}
			out := bufio.NewWriterSize(a.stdout, 64<<10)
			buffered := &app{stdin: a.stdin, stdout: out, stderr: a.stderr}
			ctx, cancel := withDuration(cmd.Context(), 0)
			defer cancel()
			printer, err := buffered.newPrinter(p, cfg, filter, cancel)
			if err != nil {
				return err
			}
			reader, err := journal.NewReader(cfg.Journal.Dir, options)
			if err != nil {
				return err
			}
			defer reader.Close()
			for ctx.Err() == nil {
				entry, err := reader.Next(ctx)
				if errors.Is(err, io.EOF) || ctx.Err() != nil {
					break
				}
				if err != nil {
					return errors.Join(err, out.Flush())
				}
				if entry.Reset == nil && all && p.output == "json" {
					if _, err := out.Write(append(reset.AppendJSON(nil, &entry), '\n')); err != nil {
						return err
					}
				}
				if err := printer.print(&entry); err != nil {
					return err
				}
				if follow {
					if err := out.Flush(); err != nil {
						return err
					}
				}
			}
			if stretches, bytes := reader.Damaged(); stretches > 0 {
				return errors.Join(out.Flush(), fmt.Errorf("damaged stretches passed over: %d (%d bytes)", stretches, bytes))
			}
			return out.Flush()
		},
	}
	p.flags(cmd)
	cmd.Flag("output").DefValue = "json"
	p.output = "json"
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "wait for more at the end")
	cmd.Flags().BoolVar(&all, "all", true, "with json: coverage and control lines too (with FILTER or --count: no)")
	cmd.Flags().StringVar(&since, "since", "", "from this `time` on: RFC 3339, 2026-11-23 15:27, 15:27, or -1h")
	cmd.Flags().StringVar(&until, "until", "", "up to this `time`")
	return cmd
}

// timeForms are the ways to write a point in time, in local time where they
// name no zone.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

// parseTime reads a point in time; empty is none (0).
func parseTime(text string, now time.Time) (reset.Time, error) {
	switch text {
	case "":
		return 0, nil
	case "now":
		return reset.TimeOf(now), nil
	}
	if strings.HasPrefix(text, "-") {
		if d, err := parseSpan(text[1:]); err == nil {
			return reset.TimeOf(now.Add(-d)), nil
		}
	}
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return reset.TimeOf(t), nil
		}
	}
	for _, form := range []string{"15:04:05", "15:04"} {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			y, m, d := now.Local().Date()
			return reset.TimeOf(time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.Local)), nil
		}
	}
	return 0, usagef("time %q: not RFC 3339, 2026-11-23 15:27, 15:27 (today) or -1h", text)
}

// parseSpan reads a duration, with days.
func parseSpan(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		return d * 24, err
	}
	return time.ParseDuration(text)
}

func newVerifyCommand(a *app) *cobra.Command {
	var headsPath string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every checksum and the chain of hashes",
		Long: `Walks the chain block by block and segment to segment. Accidents and casual edits
show by themselves; edits by someone who rewrote the whole chain show against
heads that were kept elsewhere (--heads, as journal.heads in the configuration
writes them).`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load(cmd, nil)
			if err != nil {
				return err
			}
			var heads []journal.KeptHead
			if headsPath != "" {
				file, err := os.Open(headsPath)
				if err != nil {
					return fmt.Errorf("reading heads: %w", err)
				}
				defer file.Close()
				if heads, err = journal.ParseHeads(file); err != nil {
					return fmt.Errorf("reading heads %q: %w", headsPath, err)
				}
			}
			report, err := journal.Verify(cmd.Context(), nil, cfg.Journal.Dir, heads)
			if err != nil {
				return err
			}
			for _, fault := range report.Faults {
				fmt.Fprintln(a.stdout, fault)
			}
			fmt.Fprintf(a.stdout, "segments %d, blocks %d, entries %d, bytes %d\n",
				report.Segments, report.Blocks, report.Entries, report.Bytes)
			if headsPath != "" {
				fmt.Fprintf(a.stdout, "kept heads found: %d of %d\n", report.Matched, len(heads))
			}
			if !report.OK() {
				fmt.Fprintf(a.stdout, "NOT as it was written: %d faults\n", len(report.Faults)+report.More)
				return errSilent
			}
			fmt.Fprintln(a.stdout, "as it was written")
			return nil
		},
	}
	cmd.Flags().StringVar(&headsPath, "heads", "", "`file` of chain heads that were kept elsewhere")
	return cmd
}

func newListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the segments",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load(cmd, nil)
			if err != nil {
				return err
			}
			list, err := journal.List(cmd.Context(), nil, cfg.Journal.Dir)
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
			fmt.Fprintln(table, "SEGMENT\tFIRST\tLAST\tENTRIES\tBYTES\tON DISK\tSTATE")
			for _, s := range list {
				fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", s.Name, when(s.First), when(s.Last), s.Entries, s.Bytes, s.FileBytes, state(s))
			}
			return table.Flush()
		},
	}
}

func when(t reset.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Std().Local().Format("2006-01-02 15:04:05")
}

func state(s journal.SegmentInfo) string {
	words := "open"
	if s.Sealed {
		words = "closed"
	}
	if s.Compressed {
		words += ", compressed"
	}
	if s.Damages > 0 {
		words += fmt.Sprintf(", %d damaged stretches", s.Damages)
	}
	return words
}

func newRepairCommand(a *app) *cobra.Command {
	var target string
	cmd := &cobra.Command{
		Use:   "repair --to DIR [SEGMENT...]",
		Short: "Copy all that can be read to a new journal",
		Long: `Copies every entry that can be read, of the segments named or of all, to a new
journal in another directory. The damaged files are not touched.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load(cmd, nil)
			if err != nil {
				return err
			}
			if target == "" {
				return usagef("journal repair writes to a new directory: say which with --to")
			}
			report, err := journal.Repair(cmd.Context(), cfg.Journal.Dir, target, args, journal.Deps{Version: version})
			if err != nil {
				return err
			}
			for i := range report.Damages {
				fmt.Fprintln(a.stdout, report.Damages[i].Error())
			}
			fmt.Fprintf(a.stdout, "%d entries of %d segments copied to %s\n", report.Entries, report.Segments, target)
			return nil
		},
	}
	cmd.Flags().StringVar(&target, "to", "", "`directory` of the copy")
	return cmd
}
