package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/classicsetup/check"
)

func newClassicCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "classic",
		Short: "Logging resets without an agent: check or make a set-up",
		Long: `The classic set-up records resets with what every host has: LOG rules of the
firewall, a syslog daemon that puts the kernel's lines into a file, logrotate.
It tells that a reset passed, and not why; for hosts that may run no agent.

  rstwatch classic check      what is wrong with the one that is there
  rstwatch classic write      the files of a right one
  rstwatch classic install    puts them in place, beside everybody else's rules
  rstwatch classic uninstall  takes exactly these away again

"rstwatch read FILE" reads the log that comes out of it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newClassicCheckCommand(a), newClassicWriteCommand(a), newClassicInstallCommand(a), newClassicUninstallCommand(a))
	return cmd
}

func newClassicCheckCommand(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "check [PATH]...",
		Short: "Find what is wrong with a classic set-up, and put it right",
		Long: `Reads firewall rules (iptables-save, nftables), rules of rsyslog and syslog-ng,
logrotate's, and the scripts and units that load rules at boot. Each fault comes
with its place, what is wrong, why it matters, and the corrected line.

Without a PATH it reads this host. A folder with an "etc" in it is read as a
host's root, any other one file by file. "-" is standard input:

  iptables-save | rstwatch classic check -

A line "# rstwatch: meant: WORD" in a file keeps a fault quiet there that is a
choice. The words are those in brackets.

Exit status: 0 no faults, 1 faults found, 2 a path that cannot be read.`,
		Example: `  rstwatch classic check
  rstwatch classic check drds_filter.conf drds_filter_log.conf
  rstwatch classic check --output json /mnt/image | jq .faults`,
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]string{"text", "json"}, output) {
				return usagef("--output %q: not one of text, json", output)
			}
			report, err := check.Run(check.Options{Paths: args, Stdin: a.stdin, Proc: "/proc"})
			if err != nil {
				return usagef("%w", err)
			}
			if output == "json" {
				encoder := json.NewEncoder(a.stdout)
				encoder.SetIndent("", "  ")
				err = encoder.Encode(report)
			} else {
				err = printFaults(a.stdout, report, len(args) == 0)
			}
			if err == nil && len(report.Faults) > 0 {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "how to print: text or json")
	if err := cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // a flag that was not defined above
	}
	return cmd
}

// printFaults tells a report to people. Everything in it may come from a file that somebody else wrote.
func printFaults(w io.Writer, report *check.Report, host bool) error {
	var b strings.Builder
	for _, f := range report.Faults {
		place := f.File
		switch {
		case place == "":
			place = "this host"
		case f.Line > 0:
			place = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		fmt.Fprintf(&b, "%s: %s [%s]\n", place, f.Problem, f.Word)
		if f.Text != "" {
			fmt.Fprintf(&b, "    is   %s\n", strings.TrimSpace(f.Text))
		}
		fmt.Fprintf(&b, "    why  %s\n", f.Why)
		for i, line := range strings.Split(f.Fix, "\n") {
			word := "    "
			if i == 0 {
				word = "want"
			}
			fmt.Fprintf(&b, "    %s %s\n", word, line)
		}
		b.WriteString("\n")
	}
	for _, note := range report.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	if report.Meant > 0 {
		fmt.Fprintf(&b, "note: left quiet, because files say that they are meant: %d\n", report.Meant)
	}
	switch {
	case len(report.Files) == 0 && host:
		b.WriteString("no classic set-up here: no file has rules that log resets (\"rstwatch classic write\" makes one)\n")
	case len(report.Files) == 0:
		b.WriteString("no file of a classic set-up there\n")
	default:
		fmt.Fprintf(&b, "%d files, %d faults\n", len(report.Files), len(report.Faults))
	}
	_, err := io.WriteString(w, cleanLines(b.String()))
	return err
}
