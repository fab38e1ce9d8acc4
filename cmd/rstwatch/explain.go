package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/explain"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// explainOptions are the flags of explain.
type explainOptions struct {
	output, colour string
	around         string
	within         time.Duration
	since, until   string
}

// usualWithin is how far around a time is looked, unless the user says.
const usualWithin = 7 * time.Minute

func newExplainCommand(a *app) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain [ID | A:PORT B:PORT | -]",
		Short: "One reset's whole story, or why there is none",
		Long: `Tells what happened, who sent the reset and why, what speaks for that and what
against it, the connection's last steps, and what to look at next. It reads the
journal, on this machine or copied from another (--dir); no daemon is needed.

  ID             # and the last six characters, as "live" shows them; or the
                 whole id, or any end of it that only one reset has
  A:PORT B:PORT  the two ends of a connection, in either order; without :PORT an
                 address stands for all its ports. Where no reset is found, the
                 answer says whether anybody was watching
  -              lines of "live" or of "journal cat", as text or JSON, from
                 standard input; a pipe needs no -. Text wants the journal, JSON
                 does without

How sure a word is: certain (the kernel reported it, or all else is excluded),
likely (the evidence agrees), possible (it fits, and is not proven).

Ends with status 0 if the question was answered, with 1 if it could not be: no
such id, several that fit, or a gap in the watching.`,
		Example: `  rstwatch explain '#0QXB4M'
  rstwatch explain 10.0.0.12:5432 10.0.0.7:40112
  rstwatch explain 10.0.0.12:5432 10.0.0.7 --around 15:27 --within 2m
  rstwatch live --output json 'port 5432' | rstwatch explain
  rstwatch live -n 1 --output json | rstwatch explain --output json | jq .why`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load(cmd, nil)
			if err != nil {
				return err
			}
			teller, err := a.newTeller(cmd, cfg, &o)
			if err != nil {
				return err
			}
			if teller.piped(args) {
				return teller.stream(cmd.Context(), a.stdin)
			}
			target, err := explain.ParseTarget(args)
			if err != nil {
				return usagef("%w\nhint: rstwatch explain --help has examples", err)
			}
			return teller.target(cmd.Context(), target)
		},
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "how to print: text or json (one object a line)")
	cmd.Flags().StringVar(&o.colour, "color", "auto", "colours: auto, always or never")
	cmd.Flags().StringVar(&o.around, "around", "", "look around this `time`: RFC 3339, 2026-11-23 15:27, 15:27, yesterday, or -1h")
	cmd.Flags().DurationVar(&o.within, "within", usualWithin, "with --around: how far before and after it")
	cmd.Flags().StringVar(&o.since, "since", "", "look from this `time` on")
	cmd.Flags().StringVar(&o.until, "until", "", "look up to this `time`")
	for flag, list := range map[string][]string{"output": explainOutputs, "color": colours} {
		if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // a flag that was not defined above
		}
	}
	return cmd
}

var explainOutputs = []string{"text", "json"}

// teller answers the questions of one command.
type teller struct {
	app     *app
	cfg     *config.Config
	json    bool
	text    *explain.Text
	now     time.Time
	around  reset.Time
	search  explain.Span // that the user bounds the search to; 0: no bound
	told    int          // stories so far
	streams bool         // from standard input: a reset comes again with each revision
	newest  map[reset.ID]uint32
	mark    mark
	damaged int // stretches of the journal that do not decode
	setting explain.Setting
}

func (a *app) newTeller(cmd *cobra.Command, cfg *config.Config, o *explainOptions) (*teller, error) {
	if !slices.Contains(explainOutputs, o.output) {
		return nil, usagef("--output %q: not one of %s", o.output, strings.Join(explainOutputs, ", "))
	}
	if !slices.Contains(colours, o.colour) {
		return nil, usagef("--color %q: not one of %s", o.colour, strings.Join(colours, ", "))
	}
	t := &teller{app: a, cfg: cfg, json: o.output == "json", text: a.explainText(o.colour), now: time.Now()}
	t.setting = explain.Setting{Zone: time.Local, Now: reset.TimeOf(t.now), HostNetns: hostNetns()}
	if t.setting.Host, _ = os.Hostname(); cmd.Flag("dir").Changed {
		t.setting.Dir = absolute(cfg.Journal.Dir)
	}
	if err := t.bounds(cmd, o); err != nil {
		return nil, err
	}
	return t, nil
}

// absolute is a path for commands that may be typed elsewhere.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// hostNetns is the number of the namespace that this machine's first process is
// in, or our own where that may not be read.
func hostNetns() uint64 {
	for _, path := range []string{"/proc/1/ns/net", "/proc/self/ns/net"} {
		var id uint64
		if name, err := os.Readlink(path); err == nil {
			if _, err := fmt.Sscanf(name, "net:[%d]", &id); err == nil {
				return id
			}
		}
	}
	return 0
}

// bounds reads the times that the user gave.
func (t *teller) bounds(cmd *cobra.Command, o *explainOptions) (err error) {
	switch {
	case o.around != "" && (o.since != "" || o.until != ""):
		return usagef("--around and --since or --until: one or the other")
	case o.around == "" && cmd.Flag("within").Changed:
		return usagef("--within says how far from --around, and that is missing")
	case o.within <= 0:
		return usagef("--within %v: wants more than 0", o.within)
	}
	if t.around, err = parseTime(o.around, t.now); err != nil {
		return err
	}
	if t.around != 0 {
		within := reset.Time(o.within)
		t.search = explain.Span{From: max(t.around-within, 1), Until: t.around + within}
		return nil
	}
	if t.search.From, err = parseTime(o.since, t.now); err != nil {
		return err
	}
	if t.search.Until, err = parseTime(o.until, t.now); err != nil {
		return err
	}
	if t.search.Until != 0 && t.search.Until <= t.search.From {
		return usagef("--until %s: not after --since %s", o.until, o.since)
	}
	return nil
}

// explainText is how stories are written: 80 columns, or fewer on a narrow
// terminal.
func (a *app) explainText(colour string) *explain.Text {
	width, isTerminal := terminal(a.stdout)
	text := &explain.Text{Zone: time.Local, Colour: colour == "always"}
	if colour == "auto" {
		text.Colour = isTerminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if isTerminal {
		text.Width = min(width, 80)
	}
	return text
}

// target answers a question of the command line.
func (t *teller) target(ctx context.Context, target explain.Target) error {
	search := &explain.Search{Target: target, Around: t.around, From: t.search.From, Until: t.search.Until}
	if at := target.ID.UnixMilli(); !target.ID.IsZero() && at > 0 && t.search == (explain.Span{}) {
		// An id bears its time.
		search.From = reset.Time(at) * reset.Time(time.Millisecond)
		search.Until = search.From + reset.Time(time.Millisecond)
	}
	found, err := t.find(ctx, search)
	if err != nil {
		return err
	}
	best := found.Best(t.around)
	switch {
	case best == nil && target.ByTuple():
		return t.none(&target, found)
	case best == nil:
		return fmt.Errorf("no reset %s in the journal %s", target.String(), t.cfg.Journal.Dir)
	case len(found.Resets) > 1 && !target.ByTuple():
		return t.ambiguous(&target, found)
	}
	return t.tell(ctx, best, found)
}

// ambiguous lists the candidates.
func (t *teller) ambiguous(target *explain.Target, found *explain.Found) error {
	lines := []string{fmt.Sprintf("%d resets have an id that ends in %s; say which by more of its id:",
		found.Matched, target.Suffix)}
	for i := range found.Resets {
		r := &found.Resets[i]
		lines = append(lines, r.ID.String()+"  "+explain.Brief(r, time.Local))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// tell explains one reset; found are those that the question fits, may be nil.
func (t *teller) tell(ctx context.Context, r *reset.Reset, found *explain.Found) error {
	best, around, err := t.surroundings(ctx, r)
	if err != nil {
		return err
	}
	return t.write(best, around, found)
}

// write prints the story.
func (t *teller) write(best *reset.Reset, around *explain.Around, found *explain.Found) error {
	if t.again(best) {
		return nil
	}
	attribute.Complete(best)
	story := explain.Tell(best, around, t.setting)
	if found != nil {
		for i := range found.Resets {
			if id := found.Resets[i].ID; id != best.ID {
				story.Others = append(story.Others, id)
			}
		}
	}
	if t.json {
		return t.encode(story)
	}
	var b []byte
	if t.told > 0 {
		b = append(b, "\n"+strings.Repeat("=", 72)+"\n\n"...)
	}
	if found != nil && len(found.Resets) > 1 {
		b = t.candidates(b, best, found)
	}
	t.told++
	_, err := t.app.stdout.Write(t.text.Append(b, story))
	return err
}

// maxNewest bounds how many resets of a stream are remembered.
const maxNewest = 10_000

// again reports whether a stream's reset was told with this revision, or a
// higher one, before: its lines come once for each.
func (t *teller) again(r *reset.Reset) bool {
	if !t.streams {
		return false
	}
	if revision, told := t.newest[r.ID]; told && revision >= r.Revision {
		return true
	}
	if t.newest == nil || len(t.newest) >= maxNewest {
		t.newest = make(map[reset.ID]uint32)
	}
	t.newest[r.ID] = r.Revision
	return false
}

// candidates lists what else fits, with a mark at the one that is explained.
func (t *teller) candidates(b []byte, best *reset.Reset, found *explain.Found) []byte {
	which := "the newest is explained"
	if t.around != 0 {
		which = "the nearest to that time is explained"
	}
	b = fmt.Appendf(b, "%d resets fit; %s (*):\n", found.Matched, which)
	for i := range found.Resets {
		mark := "  "
		if found.Resets[i].ID == best.ID {
			mark = "* "
		}
		b = append(b, mark+explain.Brief(&found.Resets[i], time.Local)+"\n"...)
	}
	if left := found.Matched - uint64(len(found.Resets)); left > 0 {
		b = fmt.Appendf(b, "  and %d more: rstwatch journal cat -o text shows all\n", left)
	}
	return append(b, '\n')
}

// none answers for a connection of which there is no reset.
func (t *teller) none(target *explain.Target, found *explain.Found) error {
	now := reset.TimeOf(t.now)
	asked := t.search
	known, watched := found.Watch.Bounds(now)
	if asked.From == 0 {
		if !watched {
			return fmt.Errorf("no RST between %s is on record, and the journal %s does not say when anybody was watching",
				target.String(), t.cfg.Journal.Dir)
		}
		asked.From = known.From
	}
	switch {
	case asked.Until == 0 && t.search.From == 0:
		asked.Until = known.Until
	case asked.Until == 0, asked.Until > now:
		asked.Until = now
	}
	if asked.Until <= asked.From {
		return usagef("no time to look at: it has not come yet")
	}
	answer := explain.TellNone(target, found, asked, t.setting)
	if t.damaged > 0 {
		answer.Proven = false
		answer.Notes = append(answer.Notes, fmt.Sprintf("%d stretches of the journal do not decode", t.damaged))
	}
	var err error
	if t.json {
		err = t.encode(answer)
	} else {
		_, err = t.app.stdout.Write(t.text.AppendNone(nil, answer))
	}
	if err == nil && (!answer.Coverage.Throughout() || t.damaged > 0) {
		return errSilent
	}
	return err
}

func (t *teller) encode(value any) error {
	encoder := json.NewEncoder(t.app.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
