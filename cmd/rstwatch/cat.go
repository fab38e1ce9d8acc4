package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// catOptions are the flags of journal cat.
type catOptions struct {
	printing
	follow, all  bool
	since, until string
}

func newCatCommand(a *app) *cobra.Command {
	var o catOptions
	cmd := &cobra.Command{
		Use:   "cat [FILTER]",
		Short: "Print what was recorded",
		Long: `Prints the journal: as JSON lines, one for each reset, with the lines that say
what was watched and what the journal itself did (coverage, control) between
them; or as text, or as the kernel's own LOG lines. With FILTER or --count,
resets alone.`,
		Example: `  rstwatch journal cat --since -1h
  rstwatch journal cat --output text --since yesterday 'harm lost-data'
  rstwatch journal cat --follow 'port 443' | jq -c '[.time, .sender, .cause]'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			// Who asks for some resets wants no other lines, unless they say so.
			if !cmd.Flag("all").Changed {
				o.all = len(args) == 0 && o.count == 0
			}
			return a.cat(cmd, o, args)
		},
	}
	o.flags(cmd)
	cmd.Flag("output").DefValue = "json"
	o.output = "json"
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "wait for more at the end")
	cmd.Flags().BoolVar(&o.all, "all", true, "with json: coverage and control lines too (with FILTER or --count: no)")
	cmd.Flags().StringVar(&o.since, "since", "", "from this `time` on: RFC 3339, 2026-11-23 15:27, 15:27, yesterday, or -1h")
	cmd.Flags().StringVar(&o.until, "until", "", "up to this `time`")
	return cmd
}

func (a *app) cat(cmd *cobra.Command, o catOptions, args []string) error {
	cfg, err := a.load(cmd, nil)
	if err != nil {
		return err
	}
	filter, err := query.Parse(strings.Join(args, " "))
	if err != nil {
		return err
	}
	now, damaged := time.Now(), 0
	options := journal.ReadOptions{Follow: o.follow, OnDamage: func(d journal.Damage) {
		if !journal.Noted(cmd.Context(), cfg.Journal.Dir, &d) {
			fmt.Fprintf(a.stderr, "rstwatch: %v\n", d.Error())
			damaged++
		}
	}}
	if options.Since, err = parseTime(o.since, now); err != nil {
		return err
	}
	if options.Until, err = parseTime(o.until, now); err != nil {
		return err
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	printer, err := a.newPrinter(o.printing, cfg, filter, cancel) // colour and width are the terminal's
	if err != nil {
		return err
	}
	printer.app = &app{stdin: a.stdin, stdout: out, stderr: a.stderr}
	if err := printer.begin(); err != nil {
		return err
	}
	if err := journal.Check(nil, cfg.Journal.Dir); err != nil {
		return err
	}
	reader, err := journal.NewReader(cfg.Journal.Dir, options)
	if err != nil {
		return err
	}
	defer reader.Close()
	err = errors.Join(copyEntries(ctx, reader, out, printer, o), out.Flush())
	if err == nil && damaged > 0 {
		err = fmt.Errorf("damaged stretches passed over: %d; \"rstwatch journal verify\" says more", damaged)
	}
	return err
}

// copyEntries prints until the end or, to follow, until ctx ends.
func copyEntries(ctx context.Context, reader *journal.Reader, out *bufio.Writer, p *printer, o catOptions) error {
	for ctx.Err() == nil {
		entry, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if entry.Reset == nil && o.all && o.output == "json" {
			if _, err := out.Write(append(reset.AppendJSON(nil, &entry), '\n')); err != nil {
				return err
			}
		}
		if err := p.print(&entry); err != nil {
			return err
		}
		if o.follow {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}
