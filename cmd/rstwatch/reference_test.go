package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

const referencePath = "../../docs/reference/cli.md"

const referenceHead = `# The command line

This page is generated from the commands themselves: ` + "`make doc`" + ` writes it, and a test fails when it is out of date. The same
text is what ` + "`rstwatch COMMAND --help`" + ` prints and what the man pages say (` + "`make man`" + `).

| exit status | means |
|---|---|
| 0 | done; also when the reader of a pipe has seen enough |
| 1 | failed, and standard error says at what; ` + "`doctor`" + `, ` + "`journal verify`" + ` and ` + "`classic check`" + `: something is wrong |
| 2 | wrong usage: an unknown word, a filter that is none, a setting that cannot be; nothing was done |

Text is for people and may change. JSON (` + "`--output json`" + `) and the classic lines are interfaces.
`

// TestReferenceIsCurrent fails when the page is not what the commands say.
func TestReferenceIsCurrent(t *testing.T) {
	root := newRoot(&app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard})
	var b strings.Builder
	b.WriteString(referenceHead)
	describe(&b, root)
	want := b.String()
	path := filepath.FromSlash(referencePath)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading the page: %v (make doc writes it)", err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is out of date; make doc writes it (-want +got):\n%s", path, diff)
	}
}

func describe(b *strings.Builder, cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	if cmd.Name() != "completion" && (cmd.Parent() == nil || cmd.Parent().Name() != "completion") {
		fmt.Fprintf(b, "\n## %s\n\n", cmd.CommandPath())
		text := cmd.Long
		if text == "" {
			text = cmd.Short + "."
		}
		fmt.Fprintf(b, "```\n%s\n```\n", strings.TrimRight(text, "\n"))
		if cmd.Example != "" {
			fmt.Fprintf(b, "\nExamples:\n\n```\n%s\n```\n", cmd.Example)
		}
		usage := cmd.UseLine()
		if flags := cmd.LocalFlags().FlagUsages(); flags != "" {
			usage += "\n\n" + strings.TrimRight(flags, "\n")
		}
		fmt.Fprintf(b, "\nUsage:\n\n```\n%s\n```\n", usage)
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			describe(b, c)
		}
	}
}

// TestEveryCommandTeaches holds the help of every command to a standard.
func TestEveryCommandTeaches(t *testing.T) {
	root := newRoot(&app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard})
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if len(cmd.Short) < 15 || len(cmd.Short) > 65 || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help %q: want 15 to 65 characters and no full stop", cmd.CommandPath(), cmd.Short)
		}
		for line := range strings.Lines(cmd.Long) {
			if len(strings.TrimRight(line, "\n")) > 82 && cmd.Name() != "completion" {
				t.Errorf("%s: help is wider than a terminal: %q", cmd.CommandPath(), line)
			}
		}
		if cmd.Args == nil && cmd.RunE != nil && !strings.Contains(cmd.Use, "[") && !strings.Contains(cmd.Use, "DIR") {
			t.Errorf("%s takes any argument, and its usage line %q names none", cmd.CommandPath(), cmd.Use)
		}
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() && cmd.Name() != "completion" {
				visit(c)
			}
		}
	}
	visit(root)
}
