package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/incident"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/query"
)

// incidentOptions are the flags of incidents.
type incidentOptions struct {
	since, until, output string
	least                int
}

func newIncidentsCommand(a *app) *cobra.Command {
	o := incidentOptions{since: "-24h", least: incident.DefaultConfig().MinBurst}
	cmd := &cobra.Command{
		Use:   "incidents [FILTER]",
		Short: "Many resets, one first cause",
		Long: `Groups the resets of the journal: those that name each other (a process died, a
proxy passed on a reset that it had received, the two ends of one packet), and
those that one process, port or service brought about at once. For each group it
says what came first, how sure that is, what it cost, when what happened, and
what is not known. The text is made to be pasted.

FILTER chooses the resets that are read; a chain of which it leaves out a part
falls apart.`,
		Example: `  rstwatch incidents
  rstwatch incidents --since 15:00 --until 15:30 'host 10.0.0.5'
  rstwatch incidents --since -7d --output json | jq -c '[.from, .resets, .first.summary]'`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.incidents(cmd, o, args) },
	}
	cmd.Flags().StringVar(&o.since, "since", o.since, "from this `time` on: RFC 3339, 2026-11-23 15:27, 15:27, yesterday, or -1h")
	cmd.Flags().StringVar(&o.until, "until", "", "up to this `time`")
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "how to print: text or json")
	cmd.Flags().IntVar(&o.least, "least", o.least, "so many resets make an incident where only the moment ties them")
	if err := cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // a flag that was not defined above
	}
	return cmd
}

func (a *app) incidents(cmd *cobra.Command, o incidentOptions, args []string) error {
	if o.output != "text" && o.output != "json" {
		return usagef("--output %q: not one of text, json", o.output)
	}
	if o.least < 2 {
		return usagef("--least %d: wants 2 or more", o.least)
	}
	cfg, err := a.load(cmd, nil)
	if err != nil {
		return err
	}
	filter, err := query.Parse(strings.Join(args, " "))
	if err != nil {
		return err
	}
	now, damaged := time.Now(), 0
	options := journal.ReadOptions{OnDamage: func(d journal.Damage) {
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
	if err := journal.Check(nil, cfg.Journal.Dir); err != nil {
		return err
	}
	reader, err := journal.NewReader(cfg.Journal.Dir, options)
	if err != nil {
		return err
	}
	defer reader.Close()
	c := incident.DefaultConfig()
	c.MinBurst = o.least
	grouper := incident.New(c)
	read, err := group(cmd.Context(), journal.NewLatest(reader), filter, grouper)
	if err != nil {
		return err
	}
	list, dropped := grouper.Incidents()
	if err := a.printIncidents(list, o.output); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "rstwatch: incidents: %d; resets read: %d\n", len(list), read)
	if dropped > 0 {
		fmt.Fprintf(a.stderr, "rstwatch: %d smaller incidents were left out; a shorter time shows them\n", dropped)
	}
	if damaged > 0 {
		return fmt.Errorf("damaged stretches passed over: %d; \"rstwatch journal verify\" says more", damaged)
	}
	return nil
}

// group reads every reset once, in its last revision, and returns how many.
func group(ctx context.Context, reader *journal.Latest, filter *query.Filter, into *incident.Grouper) (read int, err error) {
	for {
		entry, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		if err != nil {
			return read, err
		}
		if entry.Reset == nil || !filter.Match(entry.Reset) {
			continue
		}
		attribute.Complete(entry.Reset)
		into.Add(entry.Reset)
		read++
	}
}

func (a *app) printIncidents(list []incident.Incident, output string) error {
	out := bufio.NewWriter(a.stdout)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for i := range list {
		if output == "json" {
			if err := lines.Encode(&list[i]); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprint(out, list[i].Text(time.Local))
	}
	return out.Flush()
}
