package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/export"
	"github.com/rstwatch/rstwatch/internal/present"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// The words that flags of printing take.
var (
	outputs = []string{"text", "json", "classic", "csv", "zeek", "pcapng"}
	times   = []string{"day", "full"}
	colours = []string{"auto", "always", "never"}
)

// printing is how a command prints resets.
type printing struct {
	output string
	time   string
	colour string
	count  int
}

func (p *printing) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&p.output, "output", "o", "text", "how to print: text, json, classic (the kernel's own LOG line), csv, zeek (a log of Zeek's) or pcapng (for Wireshark, with the verdict as a comment)")
	cmd.Flags().StringVar(&p.time, "time", "day", "time stamps: day (15:27:04.118) or full (RFC 3339)")
	cmd.Flags().StringVar(&p.colour, "color", "auto", "colours: auto, always or never")
	cmd.Flags().IntVarP(&p.count, "count", "n", 0, "end after this many resets (0: never)")
	fixed := func(list ...string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
	}
	for flag, list := range map[string][]string{"output": outputs, "time": times, "color": colours} {
		if err := cmd.RegisterFlagCompletionFunc(flag, fixed(list...)); err != nil {
			panic(err) // a flag that was not defined above
		}
	}
}

// check refuses what can be refused before anything is done.
func (p *printing) check(duration time.Duration) error {
	for _, word := range []struct {
		flag, value string
		list        []string
	}{{"output", p.output, outputs}, {"time", p.time, times}, {"color", p.colour, colours}} {
		if !slices.Contains(word.list, word.value) {
			return usagef("--%s %q: not one of %s", word.flag, word.value, strings.Join(word.list, ", "))
		}
	}
	if p.count < 0 {
		return usagef("--count %d: wants 0 (never end) or more", p.count)
	}
	if duration < 0 {
		return usagef("--duration %v: wants 0 (never end) or more", duration)
	}
	return nil
}

// printer prints entries; done is called once when the count is reached.
type printer struct {
	app    *app
	format func([]byte, *reset.Entry) []byte
	filter *query.Filter
	seen   seen
	left   int
	done   func()
	headed bool // the format's heading is still to be written
	buffer []byte
	shown  atomic.Uint64 // resets, not lines
}

func (a *app) newPrinter(p printing, cfg *config.Config, filter *query.Filter, done func()) (*printer, error) {
	if err := p.check(0); err != nil {
		return nil, err
	}
	out := &printer{app: a, left: p.count, done: done, filter: filter, seen: newSeen(maxSeen)}
	switch p.output {
	case "text":
		text := a.newText(p)
		out.format = out.text(text)
	case "json":
		out.format = daemon.JSONLines
	case "classic":
		out.format = daemon.ClassicLines(daemon.ClassicOptions(cfg.Classic), nil)
	case "csv":
		out.format, out.headed = export.CSV(), true
	case "zeek":
		out.format, out.headed = export.Zeek(time.Now()), true
	case "pcapng":
		if _, isTerminal := terminal(a.stdout); isTerminal {
			return nil, usagef("--output pcapng is no text for a terminal\nhint: > FILE.pcapng, or | wireshark -k -i -")
		}
		out.format, out.headed = export.PCAPNG(version), true
	}
	return out, nil
}

// begin writes what stands before the first reset, where a format has such a
// heading: who reads it along wants to begin.
func (p *printer) begin() error {
	if !p.headed {
		return nil
	}
	p.headed = false
	if _, err := p.app.stdout.Write(p.format(nil, &reset.Entry{})); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

func (a *app) newText(p printing) *present.Text {
	width, isTerminal := terminal(a.stdout)
	text := &present.Text{Netns: true, FullTime: p.time == "full", Colour: p.colour == "always"}
	if p.colour == "auto" {
		text.Colour = isTerminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if isTerminal {
		text.Width = width
	}
	return text
}

// text returns what prints a reset as a line, and as a further one where its
// verdict became another.
func (p *printer) text(text *present.Text) func([]byte, *reset.Entry) []byte {
	return func(b []byte, e *reset.Entry) []byte {
		if before, known := p.seen.before(e.Reset); known {
			if before == present.VerdictOf(e.Reset) {
				return b
			}
			return append(text.AppendBetter(b, e.Reset, before), '\n')
		}
		return append(text.Append(b, e.Reset), '\n')
	}
}

// print prints an entry if it is a reset that the filter matches.
func (p *printer) print(e *reset.Entry) error {
	if e.Reset == nil || p.left < 0 || p.filter != nil && !p.filter.Match(e.Reset) {
		return nil
	}
	if err := p.begin(); err != nil {
		return err
	}
	attribute.Complete(e.Reset)
	_, again := p.seen.before(e.Reset)
	p.buffer = p.format(p.buffer[:0], e)
	if !again && len(p.buffer) == 0 {
		return nil // what this format does not print, or not yet
	}
	p.seen.note(e.Reset)
	if len(p.buffer) > 0 {
		if _, err := p.app.stdout.Write(p.buffer); err != nil {
			p.left = -1
			p.done()
			return fmt.Errorf("printing: %w", err)
		}
	}
	if again {
		return nil // a further revision
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
