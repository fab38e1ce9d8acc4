package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	sddaemon "github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// captureFlags are the flags of run and live, by the settings that they set.
var captureFlags = map[string]string{
	"sensor": "capture.sensor", "netns": "capture.netns", "rules": "capture.rules",
}

func addCaptureFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("sensor", "auto", "what watches: auto, bpf, bpf-light, packet, nflog or klog")
	f.StringSlice("netns", nil, "only these network namespaces: `NAME`, PATH or inode number (default all)")
	f.String("rules", "", "an iptables-save `file` whose LOG rules are filter and prefix")
	sensors := []string{"auto", "bpf", "bpf-light", "packet", "nflog", "klog"}
	if err := cmd.RegisterFlagCompletionFunc("sensor", cobra.FixedCompletions(sensors, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // a flag that was not defined above
	}
}

func newRunCommand(a *app) *cobra.Command {
	var p printing
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "run [FILTER]",
		Short: "Record every reset, from now on",
		Long: `Captures every RST of this host, judges it and writes it to the journal, until it
is told to stop. Without settings it watches every network namespace, needs no
configuration and edits no firewall. On a terminal it prints the resets as well;
elsewhere only with --output.

FILTER leaves out what does not match: see docs/reference/filter.md.`,
		Example: `  rstwatch run
  rstwatch run --classic /var/log/drds-tcp.log 'not src port 3406'
  rstwatch run --rules drds_filter.conf --dir /srv/rstwatch`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.loadCapture(cmd, args)
			if err != nil {
				return err
			}
			if err := p.check(duration); err != nil {
				return err
			}
			ctx, cancel := withDuration(cmd.Context(), duration)
			defer cancel()
			return a.run(ctx, cancel, cfg, p, cmd.Flag("output").Changed)
		},
	}
	addCaptureFlags(cmd)
	cmd.Flags().String("classic", "", "also write the classic log to this `file`")
	cmd.Flags().String("prefix", "[drds] ", "prefix of the classic log's lines")
	cmd.Flags().String("json-log", "", "also write JSON lines to this `file`")
	cmd.Flags().String("socket", "", "Unix `socket` for other commands (default /run/rstwatch/rstwatch.sock)")
	cmd.Flags().DurationVar(&duration, "duration", 0, "end after this time (0: never)")
	p.flags(cmd)
	return cmd
}

// loadCapture reads the settings of a command that captures.
func (a *app) loadCapture(cmd *cobra.Command, args []string) (*config.Config, error) {
	flags := map[string]string{
		"classic": "classic.file", "prefix": "classic.prefix", "json-log": "json_log.file", "socket": "serve.socket",
	}
	for flag, key := range captureFlags {
		flags[flag] = key
	}
	cfg, err := a.load(cmd, flags)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 {
		if err := cfg.Set("capture.filter", strings.Join(args, " "), "FILTER"); err != nil {
			return nil, &daemon.UsageError{Err: err}
		}
	}
	if _, err := query.Parse(cfg.Capture.Filter); err != nil {
		return nil, &daemon.UsageError{Err: err}
	}
	return cfg, nil
}

func withDuration(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d > 0 {
		return context.WithTimeout(ctx, d)
	}
	return context.WithCancel(ctx)
}

func (a *app) run(ctx context.Context, cancel context.CancelFunc, cfg *config.Config, p printing, always bool) error {
	log := a.logger(cfg)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	opts := daemon.Options{
		Version: version, Hangup: hangup,
		Ready: func(s daemon.Status) {
			fmt.Fprintf(a.stderr, "rstwatch: watching %s with %s, recording to %s\n", namespaces(s.Namespaces), s.Sensor, s.Journal.Dir)
			notify(log.Warn, sddaemon.SdNotifyReady+"\nSTATUS=watching with "+s.Sensor)
		},
		Alive: func() { notify(log.Warn, sddaemon.SdNotifyWatchdog) },
	}
	if _, isTerminal := terminal(a.stdout); isTerminal || always || p.count > 0 {
		printer, err := a.newPrinter(p, cfg, nil, cancel)
		if err == nil {
			err = printer.begin()
		}
		if err != nil {
			return err
		}
		opts.Print = func(e *reset.Entry) error {
			if err := printer.print(e); !errors.Is(err, syscall.EPIPE) {
				return err
			}
			return nil // the printer has asked for the end
		}
	}
	context.AfterFunc(ctx, func() { notify(log.Warn, sddaemon.SdNotifyStopping) })
	ledger, err := daemon.Run(ctx, cfg, opts, log)
	if len(ledger.Sensors) > 0 {
		printLedger(a.stderr, ledger)
	}
	return err
}

// notify tells systemd, where it started us.
func notify(warn func(string, ...any), state string) {
	if _, err := sddaemon.SdNotify(false, state); err != nil {
		warn("telling systemd", "error", err)
	}
}

// printLedger writes the account at the end of a capture.
func printLedger(w io.Writer, l reset.Ledger) {
	for _, s := range l.Sensors {
		fmt.Fprintf(w, "sightings  %-10s %d = %d primary + %d joined + %d filtered + %d lost + %d pending\n",
			s.Sensor, s.Sightings, s.Primary, s.Joined, s.Filtered, s.Lost, s.Pending)
	}
	fmt.Fprintf(w, "resets     %-10s %d = %d written + %d folded + %d lost + %d pending\n",
		"", l.Host.Resets, l.Host.Written, l.Host.Folded, l.Host.Lost, l.Host.Pending)
	if !l.Balanced() {
		fmt.Fprintln(w, "THE LEDGER DOES NOT BALANCE: please report this as a bug")
	}
}

// namespaces says how many network namespaces.
func namespaces(n int) string {
	if n == 1 {
		return "1 network namespace"
	}
	return fmt.Sprintf("%d network namespaces", n)
}
