package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/present"
)

// cleanLines makes a message safe for a terminal: it may quote a file or a name
// that somebody else wrote.
func cleanLines(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\t", " "), "\n")
	for i, line := range lines {
		lines[i] = present.Clean(line)
	}
	return strings.Join(lines, "\n")
}

// noArgs refuses arguments: to a command with commands below it, one can only
// be a command that does not exist.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasAvailableSubCommands():
		return unknownCommand(cmd, args[0])
	}
	return usagef("%s takes no arguments, and %q is one\nhint: %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
}

// unknownCommand names the nearest command or, where none is near, all of them.
func unknownCommand(cmd *cobra.Command, word string) error {
	var all []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			all = append(all, c.Name())
		}
	}
	hint := "known: " + strings.Join(all, ", ")
	if near := nearest(cmd, word); len(near) > 0 {
		hint = "did you mean: " + cmd.CommandPath() + " " + strings.Join(near, ", ") + "?"
	}
	return usagef("unknown command %q for %q\nhint: %s", word, cmd.CommandPath(), hint)
}

// flagError is a mistake in a flag. Where the command itself is unknown, its
// flags are beside the point.
func flagError(cmd *cobra.Command, err error) error {
	if given := cmd.Flags().Args(); cmd.HasAvailableSubCommands() && len(given) > 0 {
		return unknownCommand(cmd, given[0])
	}
	if near := nearestFlag(cmd, err); near != "" {
		return usagef("%w\nhint: did you mean --%s? %s --help lists the flags", err, near, cmd.CommandPath())
	}
	return usagef("%w\nhint: %s --help lists the flags", err, cmd.CommandPath())
}

// newHelpCommand is help as cobra has it, but for what it says to an unknown
// command: that is an error.
func newHelpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help on a command",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			found, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 && (found == root || found.HasAvailableSubCommands()) {
				word := strings.Join(args, " ")
				if len(rest) > 0 {
					word = rest[0]
				}
				return unknownCommand(found, word)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// newVersionCommand is for those who try it before --version.
func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Hidden: true, Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "rstwatch %s\n", version)
			return err
		},
	}
}

// strictCompletion makes cobra's completion commands refuse what noArgs does.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Short = "Completion for your shell: bash, zsh, fish or powershell"
		c.Args = noArgs
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		for _, shell := range c.Commands() {
			shell.Args = noArgs
		}
	}
}
