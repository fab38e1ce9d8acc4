package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

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
	return cmd
}

func newUninstallCommand(a *app) *cobra.Command {
	var o install.Options
	var dry bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Undo what install did; what was recorded stays",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			changes, err := install.PlanRemoval(o)
			if err != nil {
				return err
			}
			return a.apply(cmd, changes, dry)
		},
	}
	installFlags(cmd, &o, &dry)
	cmd.Flags().BoolVar(&o.Purge, "purge", false, "also remove the journal, the configuration and the group")
	return cmd
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
		Use: "man DIR", Short: "Write the man pages to a directory", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return doc.GenManTree(root, &doc.GenManHeader{Title: "RSTWATCH", Section: "8", Source: "rstwatch " + version}, args[0])
		},
	}
}
