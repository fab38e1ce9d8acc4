package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/query"
)

// Exit statuses: part of the contract.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
)

// app is what every command shares.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	configPath     string
	dir            string
}

// errSilent ends with status 1 and no further word: all was said.
var errSilent = errors.New("")

func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.status(root.ExecuteContext(ctx))
}

// status tells the error, if there is one, and turns it into an exit status.
func (a *app) status(err error) int {
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return statusDone // who closed the pipe has seen enough
	case errors.Is(err, errSilent):
		return statusFailed
	}
	fmt.Fprintf(a.stderr, "rstwatch: %s\n", cleanLines(err.Error()))
	for _, hint := range hints(err) {
		fmt.Fprintf(a.stderr, "hint: %s\n", cleanLines(hint))
	}
	if isUsage(err) {
		return statusUsage
	}
	return statusFailed
}

// isUsage tells mistakes of the user's from failures.
func isUsage(err error) bool {
	var usage *daemon.UsageError
	var syntax *query.SyntaxError
	var setting *config.Error
	return errors.As(err, &usage) || errors.As(err, &syntax) || errors.As(err, &setting)
}

func usagef(format string, args ...any) error {
	return &daemon.UsageError{Err: fmt.Errorf(format, args...)}
}

// hints say what to do about errors that people meet.
func hints(err error) []string {
	text := err.Error()
	var locked *journal.LockedError
	var unrecorded *unrecordedError
	switch {
	case errors.As(err, &locked):
		return []string{"one daemon records here already: \"rstwatch live\" shows what it sees, and --dir gives a second one a place of its own"}
	case errors.Is(err, daemon.ErrNoSensor) && strings.Contains(text, "operation not permitted"):
		return []string{"watching the kernel needs root: try it with sudo"}
	case errors.Is(err, daemon.ErrNoSensor):
		return []string{"rstwatch doctor tells what this kernel has and what is missing"}
	case errors.As(err, &unrecorded):
		return []string{
			"a line of text only names a reset of the journal; without one, pipe whole records: " +
				"rstwatch live --output json | rstwatch explain",
			"\"rstwatch run\" makes the journal; --dir names one in another place",
		}
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(text, "ing journal "): // reading, listing
		return []string{"\"rstwatch run\" makes the journal; --dir names one in another place"}
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return []string{"members of the group rstwatch may read the journal; writing it needs root"}
	}
	return nil
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "rstwatch",
		Short: "Who reset my TCP connection, and why?",
		Long: `rstwatch records every TCP RST that this host sends, receives or forwards, in
every network namespace, and says who sent it and why.

  rstwatch run            record from now on (needs root)
  rstwatch live           resets on this terminal as they happen
  rstwatch explain '#ID'  one reset's whole story
  rstwatch read FILE...   the same out of captures and kernel logs
  rstwatch import FILE... the same, into the journal
  rstwatch doctor         what this kernel lets us see, and what is wrong
  rstwatch journal cat    what was recorded, as JSON lines
  rstwatch classic check  the set-up of hosts that may run no agent

Exit status: 0 done, 1 failed, 2 wrong usage.`,
		Example: `  rstwatch live 'port 3306 and direction out'
  rstwatch live --output json | jq .summary
  rstwatch run --classic /var/log/drds-tcp.log`,
		Version:           version,
		Args:              noArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetVersionTemplate("rstwatch {{.Version}}\n")
	root.PersistentFlags().StringVar(&a.configPath, "config", "", "configuration `file` (default "+config.DefaultPath+", if there)")
	root.PersistentFlags().StringVar(&a.dir, "dir", "", "`directory` of the journal (default /var/lib/rstwatch)")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newRunCommand(a), newLiveCommand(a), newIncidentsCommand(a), newExplainCommand(a), newCausesCommand(a), newReadCommand(a), newImportCommand(a), newDoctorCommand(a), newJournalCommand(a),
		newConfigCommand(a), newClassicCommand(a), newInstallCommand(a), newUninstallCommand(a), newManCommand(root), newVersionCommand(a),
	)
	root.SetHelpCommand(newHelpCommand(root))
	strictCompletion(root)
	return root
}

// load reads the settings: defaults, file, then the flags that were given.
func (a *app) load(cmd *cobra.Command, flags map[string]string) (*config.Config, error) {
	cfg, err := config.Find(a.configPath)
	if err != nil {
		return nil, &daemon.UsageError{Err: err}
	}
	settings := map[string]string{"dir": "journal.dir"}
	for flag, key := range flags {
		settings[flag] = key
	}
	for flag, key := range settings {
		f := cmd.Flag(flag)
		if f == nil || !f.Changed {
			continue
		}
		text := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			text = strings.Join(list.GetSlice(), ",")
		}
		if err := cfg.Set(key, text, "--"+flag); err != nil {
			return nil, &daemon.UsageError{Err: err}
		}
	}
	if err := cfg.Validate(); err != nil {
		return nil, &daemon.UsageError{Err: err}
	}
	return cfg, nil
}

// logger writes the program's own messages.
func (a *app) logger(cfg *config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, options))
	}
	return slog.New(slog.NewTextHandler(a.stderr, options))
}

// terminal reports whether output goes to a terminal, and how wide it is.
func terminal(w io.Writer) (width int, ok bool) {
	f, isFile := w.(interface{ Fd() uintptr })
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, true
	}
	return width, true
}
