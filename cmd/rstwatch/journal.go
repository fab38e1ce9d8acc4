package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/journal"
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
			if err := journal.Check(nil, cfg.Journal.Dir); err != nil {
				return err
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
			if err := journal.Check(nil, cfg.Journal.Dir); err != nil {
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
