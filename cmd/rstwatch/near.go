package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// nearestFlag returns the flag that an unknown one was probably meant to be,
// or nothing.
func nearestFlag(cmd *cobra.Command, err error) string {
	_, word, found := strings.Cut(err.Error(), "unknown flag: --")
	if !found {
		return ""
	}
	// Suggestions are made of commands, so the flags pose as such.
	flags := &cobra.Command{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	if near := nearest(flags, word); len(near) > 0 {
		return near[0]
	}
	return ""
}

// nearest returns the commands that are one letter off or, if there is none,
// two.
func nearest(cmd *cobra.Command, word string) []string {
	var near []string
	for distance := 1; distance <= 2 && len(near) == 0; distance++ {
		cmd.SuggestionsMinimumDistance = distance
		near = cmd.SuggestionsFor(word)
	}
	return near
}
