package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/ends"
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/capture"
)

// maxEnds bounds the resets of two captures that are kept to be put in order.
const maxEnds = 200000

// bothEnds reads a capture of each end, twice: to learn what both have, and to
// judge with that.
func (a *app) bothEnds(cmd *cobra.Command, o readOptions, args []string) error {
	if o.left == "" || o.right == "" {
		return usagef("--left and --right go together: a capture of each end")
	}
	if len(o.vantage) > 0 {
		return usagef("--vantage does not go with --left and --right: where each was made shows itself")
	}
	cfg, err := a.load(cmd, nil)
	if err != nil {
		return err
	}
	for _, name := range []string{o.left, o.right} {
		if name == capture.StandardInput || !isFile(name) {
			return fmt.Errorf("reading %q: %w; a file that can be read twice is wanted", name, fs.ErrNotExist)
		}
	}
	filter, err := query.Parse(strings.Join(args, " "))
	if err != nil {
		return err
	}
	if err := usage(filter.Check(readFields, "a capture file")); err != nil {
		return err
	}
	sides := [...]struct {
		at   ends.Side
		name string
	}{{ends.Left, o.left}, {ends.Right, o.right}}
	var learnt [2]*ends.Capture
	for i, side := range sides {
		if learnt[i], err = learn(cmd.Context(), side.name); err != nil {
			return err
		}
	}
	joined, err := ends.Join(learnt[0], learnt[1])
	if err != nil {
		return fmt.Errorf("comparing %s and %s: %w\nhint: both want the whole connection, both directions, at the same time", o.left, o.right, err)
	}
	fmt.Fprintf(a.stderr, "rstwatch: %s in both; %s\n", amount(uint64(joined.Samples), "packet"), clocks(joined))
	judge := daemon.Claims(cfg)
	var list []reset.Reset
	var counts [2]capture.Counts
	for i, side := range sides {
		c := capture.Config{KeepPayload: cfg.Capture.KeepPayload || cfg.Enrich.Claims, Vantage: joined.Addresses(side.at)}
		reader, err := capture.New(c, []string{side.name}, nil)
		if err != nil {
			return err
		}
		if list, err = judgeEnd(cmd.Context(), reader, side.at, joined, judge, list); err != nil {
			return err
		}
		counts[i] = reader.Counts()
	}
	// The left clock counts.
	slices.SortStableFunc(list, func(x, y reset.Reset) int { return int(min(max(x.Time-y.Time, -1), 1)) })
	ctx, enough := context.WithCancel(cmd.Context())
	defer enough()
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	printer, err := a.newPrinter(o.printing, cfg, filter, enough)
	if err != nil {
		return err
	}
	printer.app = &app{stdin: a.stdin, stdout: out, stderr: a.stderr}
	for i := range list {
		if ctx.Err() != nil {
			break
		}
		if err := printEnd(printer, &list[i], o.output == "text"); err != nil {
			return err
		}
	}
	for _, n := range counts {
		a.tellCaptured(n, printer.shown.Load(), true)
	}
	return out.Flush()
}

// learn reads a capture for what it has, and judges nothing.
func learn(ctx context.Context, name string) (*ends.Capture, error) {
	c := ends.NewCapture()
	reader, err := capture.New(capture.Config{Segment: func(s *packet.Segment, at int64) { c.Add(s, at) }}, []string{name}, nil)
	if err != nil {
		return nil, err
	}
	return c, reader.Run(ctx, func(f *capture.Found) error {
		c.AddReset(f.Sighting.Src, f.Sighting.Dst, &f.Sighting.Packet, int64(f.Sighting.Time))
		return nil
	})
}

// judgeEnd judges the resets of one capture by what both say, and puts their time
// on the left clock.
func judgeEnd(ctx context.Context, reader *capture.Reader, at ends.Side, joined *ends.Joined, claims daemon.Enricher, list []reset.Reset) ([]reset.Reset, error) {
	var found *capture.Found
	joiner, err := correlate.New(correlate.DefaultConfig(), func(r *reset.Reset, j correlate.Joined) {
		r.ID, r.Revision, r.Final = found.ID, 1, true
		claims.Enrich(r, j.Context)
		told := joined.Of(at, r.Src, r.Dst, &r.Packet, int64(r.Time))
		c := &attribute.Case{Reset: r, Origin: j.Origin, Context: j.Context, After: after(found)}
		c.After.Ends = wordsOf(&told, at)
		attribute.Judge(c)
		if at == ends.Right {
			r.Time -= reset.Time(joined.OffsetNS)
		}
		list = append(list, copyOf(r))
	})
	if err != nil {
		return nil, err
	}
	batch := make([]reset.Sighting, 1)
	err = reader.Run(ctx, func(f *capture.Found) error {
		if len(list) >= maxEnds {
			return fmt.Errorf("more than %d resets: divide the captures by time (editcap -A, -B)", maxEnds)
		}
		found, batch[0] = f, *f.Sighting
		joiner.Add(batch)
		return nil
	})
	return list, errors.Join(err)
}

// wordsOf is what both captures say, as the rules take it.
func wordsOf(told *ends.Told, in ends.Side) *attribute.Ends {
	from, to := told.From, told.From.Other()
	took := time.Duration(told.TookNS).Round(time.Microsecond)
	switch told.Fate {
	case ends.Arrived:
		text := fmt.Sprintf("sent at the %s end, seen to arrive at the %s end %s later", from, to, took)
		return &attribute.Ends{Text: text, SeenSent: in == to}
	case ends.NeverArrived:
		return &attribute.Ends{Text: fmt.Sprintf("sent at the %s end, and never arrived at the %s end", from, to)}
	case ends.NeverSent:
		return &attribute.Ends{Text: fmt.Sprintf("arrived at the %s end, and the %s end, where its source is, never sent it", to, from), NeverSent: true}
	}
	return &attribute.Ends{Text: "the other capture does not tell: " + told.Why}
}

// clocks says how the two clocks stand to each other.
func clocks(j *ends.Joined) string {
	offset, round := time.Duration(j.OffsetNS).Round(time.Microsecond), time.Duration(j.RoundNS).Round(time.Microsecond)
	way := "ahead"
	if offset < 0 {
		offset, way = -offset, "behind"
	}
	return fmt.Sprintf("the right clock is %s %s, give or take %s", offset, way, round/2)
}

// copyOf owns what it points to: the reader's bytes are used again.
func copyOf(r *reset.Reset) reset.Reset {
	c := *r
	p := &c.Packet
	for _, b := range []*[]byte{(*[]byte)(&p.Raw), (*[]byte)(&p.LinkHeader), (*[]byte)(&p.Payload), (*[]byte)(&p.TCPOptions), (*[]byte)(&p.IPOptions), (*[]byte)(&p.MACSrc), (*[]byte)(&p.MACDst)} {
		*b = slices.Clone(*b)
	}
	p.Tunnel = slices.Clone(p.Tunnel)
	c.Evidence = slices.Clone(r.Evidence)
	if r.Trigger != nil {
		trigger := *r.Trigger
		c.Trigger = &trigger
	}
	if r.Connection != nil {
		connection := *r.Connection
		c.Connection = &connection
	}
	return c
}

// printEnd prints a reset and, for people, what both ends say of it.
func printEnd(p *printer, r *reset.Reset, forPeople bool) error {
	shown := p.shown.Load()
	if err := p.print(&reset.Entry{Reset: r}); err != nil || !forPeople || p.shown.Load() == shown {
		return err
	}
	for _, e := range r.Evidence {
		if attribute.OfBothEnds(&e) {
			_, err := fmt.Fprintf(p.app.stdout, "             both ends: %s\n", e.Value)
			return err
		}
	}
	return nil
}
