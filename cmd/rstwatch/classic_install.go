package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/classicsetup/deploy"
	"github.com/rstwatch/rstwatch/internal/install"
)

func deployFlags(cmd *cobra.Command, o *deploy.Options, dry *bool, start *string) {
	cmd.Flags().BoolVar(dry, "dry-run", false, "only say what would be done")
	cmd.Flags().StringVar(&o.Root, "root", "/", "root `directory` of the machine's files, for images")
	cmd.Flags().StringVar(start, "init", "auto", "what loads the rules at boot: auto, systemd or rc.local")
	if err := cmd.RegisterFlagCompletionFunc("init", cobra.FixedCompletions(inits, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // a flag that was not defined above
	}
}

func newClassicInstallCommand(a *app) *cobra.Command {
	var f setupFlags
	var o deploy.Options
	var dry bool
	var start string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Put a classic set-up in place, beside what is there",
		Long: `Writes the files that "rstwatch classic write" prints to where they belong, loads
the rules, now and at boot, and has the syslog daemon read its own after it has
said that it understands them. Rules of others are not touched, and no file that
is not from this command is written over. A second install changes nothing.

--dry-run prints every file and command. "rstwatch classic uninstall" undoes it.`,
		Example: `  rstwatch classic install --dry-run --except 3406 --prefix '[drds]' --path /var/log/drds-tcp.log
  rstwatch classic install --firewall nftables --forward`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(inits, start) {
				return usagef("--init %q: not one of %s", start, strings.Join(inits, ", "))
			}
			setup, choice, err := f.read()
			if err != nil {
				return err
			}
			o.Setup, o.Choice, o.Init = *setup, choice, install.Init(start)
			changes, err := deploy.Plan(o)
			if err != nil {
				return err
			}
			if err := a.apply(cmd, changes, dry); err != nil {
				return fmt.Errorf("%w\nhint: \"rstwatch classic uninstall\" undoes what was done so far", err)
			}
			return nil
		},
	}
	f.add(cmd)
	deployFlags(cmd, &o, &dry, &start)
	return cmd
}

func newClassicUninstallCommand(a *app) *cobra.Command {
	var o deploy.Options
	var dry bool
	var start string
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Take the classic set-up away again; the log stays",
		Long: `Unloads the rules and removes the files that bear the mark of "rstwatch classic".
A file that was changed since is kept as NAME.saved. What was logged stays.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(inits, start) {
				return usagef("--init %q: not one of %s", start, strings.Join(inits, ", "))
			}
			o.Init = install.Init(start)
			changes, err := deploy.PlanRemoval(o)
			if err != nil {
				return err
			}
			return a.apply(cmd, changes, dry)
		},
	}
	deployFlags(cmd, &o, &dry, &start)
	return cmd
}
