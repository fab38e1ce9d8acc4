package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/install"
)

func installFlags(cmd *cobra.Command, o *install.Options, dry *bool) {
	cmd.Flags().BoolVar(dry, "dry-run", false, "only say what would be done")
	cmd.Flags().StringVar(&o.Root, "root", "/", "root `directory` of the machine's files, for images")
}

func newInstallCommand(a *app) *cobra.Command {
	var o install.Options
	var dry bool
	var start string
	cmd := &cobra.Command{
		Use:   "install [-- ARGUMENTS OF RUN]",
		Short: "Start at boot: a systemd unit, or a line in rc.local",
		Long: `Copies this program to /usr/local/bin, makes the group that may read what is
recorded, and has "rstwatch run" started at boot: by systemd where it runs the
machine, else by a line in rc.local. "rstwatch uninstall" undoes exactly that.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkRun(args); err != nil {
				return err
			}
			if !slices.Contains(inits, start) {
				return usagef("--init %q: not one of %s", start, strings.Join(inits, ", "))
			}
			source, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding this program: %w", err)
			}
			o.Source, o.Arguments, o.Init = source, args, install.Init(start)
			changes, err := install.Plan(o)
			if err != nil {
				return err
			}
			return a.apply(cmd, changes, dry)
		},
	}
	installFlags(cmd, &o, &dry)
	cmd.Flags().StringVar(&o.Group, "group", "rstwatch", "`group` whose members may read")
	cmd.Flags().StringVar(&start, "init", "auto", "what starts it: auto, systemd or rc.local")
	if err := cmd.RegisterFlagCompletionFunc("init", cobra.FixedCompletions(inits, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // a flag that was not defined above
	}
	return cmd
}

// inits are the words of --init.
var inits = []string{string(install.Auto), string(install.Systemd), string(install.RCLocal)}

// checkRun refuses arguments that would keep the daemon from starting at boot,
// when nobody is there to read why.
func (a *app) checkRun(args []string) error {
	run := newRunCommand(a)
	run.SetFlagErrorFunc(flagError)
	run.PersistentFlags().StringVar(&a.configPath, "config", "", "")
	run.PersistentFlags().StringVar(&a.dir, "dir", "", "")
	if err := run.ParseFlags(args); err != nil {
		return fmt.Errorf("arguments of run: %w", flagError(run, err))
	}
	if _, err := a.loadCapture(run, run.Flags().Args()); err != nil {
		return fmt.Errorf("arguments of run: %w", err)
	}
	return nil
}

func newUninstallCommand(a *app) *cobra.Command {
	var o install.Options
	var dry bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Undo what install did; what was recorded stays",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			changes, err := install.PlanRemoval(o)
			if err != nil {
				return err
			}
			pid := recorder(filepath.Join(o.Root, config.Default().Journal.Dir))
			if o.Purge && pid != 0 {
				return fmt.Errorf("process %d is recording there: stop it first (kill %d), then purge", pid, pid)
			}
			if err := a.apply(cmd, changes, dry); err != nil {
				return err
			}
			if pid != 0 && !dry {
				fmt.Fprintf(a.stderr, "rstwatch: process %d goes on recording until it is stopped: kill %d\n", pid, pid)
			}
			return nil
		},
	}
	installFlags(cmd, &o, &dry)
	cmd.Flags().BoolVar(&o.Purge, "purge", false, "also remove the journal, the configuration and the group")
	return cmd
}

// recorder returns the process that writes the journal, if it is one that an
// uninstall does not stop by itself (as it does with the service), or 0.
func recorder(dir string) int {
	file, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return 0
	}
	defer file.Close()
	if err := unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		return 0
	}
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	group, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err == nil && strings.Contains(string(group), "/rstwatch.service") {
		return 0
	}
	return pid
}

func (a *app) apply(cmd *cobra.Command, changes []install.Change, dry bool) error {
	if dry {
		for _, change := range changes {
			if _, err := fmt.Fprintln(a.stdout, change); err != nil {
				return err
			}
		}
		return nil
	}
	return install.Apply(cmd.Context(), changes, func(c install.Change) { fmt.Fprintln(a.stdout, c) })
}

// newManCommand writes the man pages: packages call it, people need not.
func newManCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the man pages to a directory", Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("man wants one directory, and has %d", len(args))
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return doc.GenManTree(root, &doc.GenManHeader{Title: "RSTWATCH", Section: "8", Source: "rstwatch " + version}, args[0])
		},
	}
}
