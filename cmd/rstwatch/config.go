package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/daemon"
)

func newConfigCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "The configuration: check it, show it, or print the defaults",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check", Short: "Say whether the configuration can be used", Args: noArgs,
			Long: `Reads the file, its filter, its rules file and its namespaces as the daemon
would. Ends with status 2 and the line if something is wrong.`,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cfg, err := a.load(cmd, nil)
				if err != nil {
					return err
				}
				if err := daemon.Check(cfg, a.logger(cfg)); err != nil {
					return err
				}
				path := a.configPath
				if path == "" {
					path = config.DefaultPath
					if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
						_, err := fmt.Fprintf(a.stdout, "%s: not there, so the defaults hold\n", path)
						return err
					}
				}
				_, err = fmt.Fprintf(a.stdout, "%s: fine\n", path)
				return err
			},
		},
		&cobra.Command{
			Use: "show", Short: "Print every setting, and where its value comes from", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cfg, err := a.load(cmd, nil)
				if err != nil {
					return err
				}
				return cfg.Render(a.stdout)
			},
		},
		&cobra.Command{
			Use: "default", Short: "Print a file with every setting at its default, documented", Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return config.RenderDefault(a.stdout) },
		},
	)
	return cmd
}
