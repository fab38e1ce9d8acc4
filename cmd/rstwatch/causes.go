package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/causes"
	"github.com/rstwatch/rstwatch/internal/explain"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func newCausesCommand(a *app) *cobra.Command {
	var colour string
	var markdown bool
	cmd := &cobra.Command{
		Use:   "causes [NAME]",
		Short: "What each cause means, and what to do",
		Long: `Lists the causes that rstwatch tells apart or, with a NAME, prints what is to be
known of one: what happened, how it is recognised, what usually leads to it, what
to do, and what to check. The same pages are in docs/causes.`,
		Example: `  rstwatch causes
  rstwatch causes idle-timeout`,
		ValidArgsFunction: completeCauses,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listCauses()
			}
			if len(args) > 1 {
				return usagef("causes takes one NAME, and these are %d", len(args))
			}
			var cause reset.Cause
			if err := cause.UnmarshalText([]byte(args[0])); err != nil {
				return usagef("%w%s", err, hintOfCause(args[0]))
			}
			page := causes.Of(cause)
			if markdown {
				_, err := fmt.Fprint(a.stdout, page.Markdown)
				return err
			}
			_, err := a.stdout.Write(a.explainText(colour).AppendPage(nil, page))
			return err
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "the page as it is in docs/causes")
	cmd.Flags().StringVar(&colour, "color", "auto", "colours: auto, always or never")
	words := cobra.FixedCompletions(colours, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("color", words); err != nil {
		panic(err) // a flag that was not defined above
	}
	return cmd
}

func (a *app) listCauses() error {
	for _, page := range causes.All() {
		if _, err := fmt.Fprintln(a.stdout, explain.Summary(page)); err != nil {
			return err
		}
	}
	return nil
}

// hintOfCause names what the word was probably meant to be.
func hintOfCause(word string) string {
	names := &cobra.Command{}
	for _, name := range reset.CauseWords() {
		names.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	if near := nearest(names, word); len(near) > 0 {
		return "\nhint: did you mean " + strings.Join(near, ", ") + "?"
	}
	return "\nhint: \"rstwatch causes\" lists them"
}

// completeCauses offers the words with their titles.
func completeCauses(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list []string
	for _, page := range causes.All() {
		list = append(list, page.Cause.String()+"\t"+page.Title)
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
