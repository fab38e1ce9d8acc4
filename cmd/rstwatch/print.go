package main

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/present"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// printing is how a command prints resets.
type printing struct {
	output string
	time   string
	colour string
	count  int
}

func (p *printing) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&p.output, "output", "o", "text", "how to print: text, json or classic (the kernel's own LOG line)")
	cmd.Flags().StringVar(&p.time, "time", "day", "time stamps: day (15:27:04.118) or full (RFC 3339)")
	cmd.Flags().StringVar(&p.colour, "color", "auto", "colours: auto, always or never")
	cmd.Flags().IntVarP(&p.count, "count", "n", 0, "end after this many resets (0: never)")
	words := func(list ...string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
	}
	for flag, list := range map[string][]string{"output": {"text", "json", "classic"}, "time": {"day", "full"}, "color": {"auto", "always", "never"}} {
		if err := cmd.RegisterFlagCompletionFunc(flag, words(list...)); err != nil {
			panic(err) // a flag that was not defined above
		}
	}
}

// printer prints entries; done is called once when the count is reached.
type printer struct {
	app    *app
	format func([]byte, *reset.Entry) []byte
	filter *query.Filter
	left   int
	done   func()
	buffer []byte
	shown  atomic.Uint64
}

func (a *app) newPrinter(p printing, cfg *config.Config, filter *query.Filter, done func()) (*printer, error) {
	out := &printer{app: a, left: p.count, done: done, filter: filter}
	switch p.output {
	case "text":
		text, err := a.newText(p)
		if err != nil {
			return nil, err
		}
		out.format = func(b []byte, e *reset.Entry) []byte { return append(text.Append(b, e.Reset), '\n') }
	case "json":
		out.format = daemon.JSONLines
	case "classic":
		out.format = daemon.ClassicLines(daemon.ClassicOptions(cfg.Classic), nil)
	default:
		return nil, usagef("--output %q: not one of text, json, classic", p.output)
	}
	return out, nil
}

func (a *app) newText(p printing) (*present.Text, error) {
	width, isTerminal := terminal(a.stdout)
	text := &present.Text{Netns: true}
	switch p.time {
	case "day":
	case "full":
		text.FullTime = true
	default:
		return nil, usagef("--time %q: not one of day, full", p.time)
	}
	switch p.colour {
	case "auto":
		text.Colour = isTerminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	case "always":
		text.Colour = true
	case "never":
	default:
		return nil, usagef("--color %q: not one of auto, always, never", p.colour)
	}
	if isTerminal {
		text.Width = width
	}
	return text, nil
}

// print prints an entry if it is a reset that the filter matches.
func (p *printer) print(e *reset.Entry) error {
	if e.Reset == nil || p.left < 0 || p.filter != nil && !p.filter.Match(e.Reset) {
		return nil
	}
	attribute.Complete(e.Reset)
	p.buffer = p.format(p.buffer[:0], e)
	if _, err := p.app.stdout.Write(p.buffer); err != nil {
		p.left = -1
		p.done()
		return fmt.Errorf("printing: %w", err)
	}
	p.shown.Add(1)
	if p.left > 0 {
		if p.left--; p.left == 0 {
			p.left = -1
			p.done()
		}
	}
	return nil
}

// Append and Flush make the printer a recorder for a capture that keeps nothing.
func (p *printer) Append(entries []reset.Entry) error {
	for i := range entries {
		if err := p.print(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) Flush() error { return nil }
