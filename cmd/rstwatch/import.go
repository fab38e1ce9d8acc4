package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func newImportCommand(a *app) *cobra.Command {
	var o evidenceOptions
	var dry bool
	cmd := &cobra.Command{
		Use:   "import FILE... [FILTER]",
		Short: "Put captures and kernel logs into the journal, each reset once",
		Long: `Reads captures and kernel logs as "rstwatch read" does and puts their resets into
the journal, so that explain, incidents and all else know them. Each is there
once, however often its file is imported, rotated or copied, and also if an import
was killed half-way: run it again, and it goes on.

What a pcapng file of rstwatch's own says of its packets is not taken over: they
are judged anew.

A reset without a time is left out: it could not be found again. Give --boot-time
for what dmesg wrote.

The journal has one writer: stop the daemon for the time of it, or import into a
journal of its own with --dir. How long records are kept counts from the import,
not from their own time. What this host recorded itself stands beside what is
imported of the same moment.`,
		Example: `  rstwatch import /var/log/drds-tcp.log*
  rstwatch import --dry-run /var/log/drds-tcp.log* trace.pcap
  rstwatch import --dir /srv/old --timezone UTC gateway/kern.log*
  rstwatch incidents --dir /srv/old`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.importFiles(cmd, o, args, dry) },
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "read and compare, and write nothing")
	o.flags(cmd)
	return cmd
}

func (a *app) importFiles(cmd *cobra.Command, o evidenceOptions, args []string, dry bool) error {
	o.judge = true // the journal is for what was judged here, and not for what a file says of itself
	cfg, err := a.load(cmd, nil)
	if err != nil {
		return err
	}
	files, filter, err := readArguments(cmd, args)
	if err != nil {
		return err
	}
	found, err := a.openEvidence(cfg, o, files, filter, nil)
	if err != nil {
		return err
	}
	in, err := a.newImporter(cfg, filter, dry)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	stop := a.showProgress(found, func() string { return amount(in.written.Load(), "reset") + " imported" })
	err = found.run(ctx, func(r *reset.Reset) error { return in.take(ctx, r) })
	if err == nil {
		err = in.settle(ctx)
	}
	stop()
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted: what was imported stays; the same command again does the rest")
	}
	err = errors.Join(err, in.finish(files, err == nil))
	a.tellRead(found, in.read)
	in.tell()
	return err
}

// newImporter opens the journal; for a dry run it is only read, if there is one.
func (a *app) newImporter(cfg *config.Config, filter *query.Filter, dry bool) (*importer, error) {
	in := &importer{app: a, dir: cfg.Journal.Dir, filter: filter, dry: dry}
	if dry {
		in.there = journal.Check(nil, in.dir) == nil
		return in, nil
	}
	var err error
	in.journal, err = daemon.OpenJournal(cfg, version, a.logger(cfg))
	var locked *journal.LockedError
	if errors.As(err, &locked) {
		return nil, fmt.Errorf("%w\nhint: stop the daemon for the time of the import (systemctl stop rstwatch), "+
			"or import into a journal of its own with --dir", err)
	}
	in.there = true
	return in, err
}
