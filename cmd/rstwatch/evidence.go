package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // --timezone works where no zones are installed

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/capture"
	"github.com/rstwatch/rstwatch/internal/sense/logfile"
)

// evidenceOptions say what files leave open.
type evidenceOptions struct {
	vantage  []string
	zone     string
	bootTime string
	judge    bool
	follow   bool // of read alone
}

func (o *evidenceOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.vantage, "vantage", nil,
		"`address` of the host that captured: what it sends is \"out\", what it gets is \"in\"")
	f.StringVar(&o.zone, "timezone", "", "zone of log times that name none: Europe/Berlin, +02:00 (default this host's)")
	f.StringVar(&o.bootTime, "boot-time", "", "`time` of the boot from which dmesg counts its seconds; \"here\": this host's last")
}

// evidence is resets out of files: captures, and what kernels logged.
type evidence struct {
	files    []string
	captures *capture.Reader // nil: none of the files is one
	logs     *logfile.Reader // the same
	claims   daemon.Enricher
	judge    bool // anew what a file has a record of
}

// openEvidence looks at the files and makes readers for them. The filter is
// checked against what they can tell.
func (a *app) openEvidence(cfg *config.Config, o evidenceOptions, files []string, filter *query.Filter,
	idle func() error,
) (*evidence, error) {
	ofCapture, ofLog, err := o.configs(cfg, idle)
	if err != nil {
		return nil, err
	}
	var captures []string
	var logs []*logfile.Input
	stdin := a.stdin
	for i, name := range files {
		if name == capture.StandardInput && slices.Contains(files[:i], name) {
			return nil, fmt.Errorf("reading %q: standard input can be read once", name)
		}
		in, err := logfile.Look(name, a.stdin)
		switch {
		case err != nil:
			return nil, err
		case !in.Capture:
			logs = append(logs, in)
		case in.Stream == nil:
			captures = append(captures, name)
		case slices.Contains(captures, capture.StandardInput):
			return nil, fmt.Errorf("reading %q: of captures one can be a stream", name)
		default:
			captures, stdin = append(captures, capture.StandardInput), in.Stream
		}
	}
	if len(logs) > 0 {
		if o.follow {
			return nil, usagef("--follow is for captures\nhint: tail -n +1 -F FILE | rstwatch read -")
		}
		if err := usage(filter.Check(logFields, "a kernel log")); err != nil {
			return nil, err
		}
	}
	e := &evidence{files: files, claims: daemon.Claims(cfg), judge: o.judge}
	if len(captures) > 0 {
		if e.captures, err = capture.New(ofCapture, captures, stdin); err != nil {
			return nil, err
		}
	}
	if len(logs) > 0 {
		e.logs = logfile.New(ofLog, logs)
	}
	return e, nil
}

// logFields are what every line of the LOG target tells, whatever its options,
// and what is judged from it.
const logFields = query.FieldAddress | query.FieldPort | query.FieldLength | query.FieldIP | query.FieldFlags |
	query.FieldDirection | query.FieldInterface | query.FieldSource | query.FieldSender | query.FieldCause | query.FieldHarm | query.FieldConfidence |
	query.FieldVerdict

// configs turns the flags into the readers' settings.
func (o *evidenceOptions) configs(cfg *config.Config, idle func() error) (c capture.Config, l logfile.Config, err error) {
	c = capture.Config{KeepPayload: cfg.Capture.KeepPayload || cfg.Enrich.Claims, Idle: idle, Follow: o.follow}
	for _, text := range o.vantage {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return c, l, usagef("--vantage %q: not an address", text)
		}
		c.Vantage = append(c.Vantage, address.Unmap())
	}
	l.Idle = idle
	if l.Zone, err = parseZone(o.zone); err != nil {
		return c, l, err
	}
	if l.Boot = logfile.ThisBoot(); o.bootTime != "here" {
		if l.Boot, err = parseTime(o.bootTime, time.Now()); err != nil {
			return c, l, fmt.Errorf("--boot-time: %w", err)
		}
	}
	return c, l, nil
}

// parseZone reads the name of a zone, or hours and minutes east of Greenwich.
func parseZone(text string) (*time.Location, error) {
	if text == "" {
		return time.Local, nil
	}
	if digits := strings.ReplaceAll(text[1:], ":", ""); (text[0] == '+' || text[0] == '-') && len(digits) == 4 {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 0 || n/100 > 14 || n%100 > 59 {
			return nil, usagef("--timezone %q: not hours and minutes such as +02:00", text)
		}
		seconds := n/100*3600 + n%100*60
		if text[0] == '-' {
			seconds = -seconds
		}
		return time.FixedZone(text, seconds), nil
	}
	zone, err := time.LoadLocation(text)
	if err != nil {
		return nil, usagef("--timezone %q: not a zone such as Europe/Berlin, UTC or +02:00", text)
	}
	return zone, nil
}

// run joins, judges and hands on: the resets of captures first, then those of
// logs.
func (e *evidence) run(ctx context.Context, keep func(*reset.Reset) error) error {
	if e.captures != nil {
		if err := e.runCaptures(ctx, keep); err != nil {
			return err
		}
	}
	if e.logs != nil {
		return e.runLogs(ctx, keep)
	}
	return nil
}

func (e *evidence) runCaptures(ctx context.Context, keep func(*reset.Reset) error) error {
	var found *capture.Found
	var failed error
	joiner, err := correlate.New(correlate.DefaultConfig(), func(r *reset.Reset, joined correlate.Joined) {
		r.ID, r.Revision, r.Final = found.ID, 1, true
		e.claims.Enrich(r, joined.Context)
		attribute.Judge(&attribute.Case{Reset: r, Origin: joined.Origin, Context: joined.Context, After: after(found)})
		failed = errors.Join(failed, keep(r))
	})
	if err != nil {
		return err
	}
	batch := make([]reset.Sighting, 1)
	return e.captures.Run(ctx, func(f *capture.Found) error {
		if r := recordOf(f); r != nil && !e.judge {
			return keep(r)
		}
		found, batch[0] = f, *f.Sighting
		joiner.Add(batch)
		if failed == nil && ctx.Err() != nil {
			return ctx.Err()
		}
		return failed
	})
}

// runLogs goes the way of the live sensor klog, so that both say the same of a
// line.
func (e *evidence) runLogs(ctx context.Context, keep func(*reset.Reset) error) error {
	var found *logfile.Found
	var failed error
	var judged attribute.Case
	joiner, err := correlate.New(correlate.DefaultConfig(), func(r *reset.Reset, joined correlate.Joined) {
		r.ID, r.Revision, r.Final, r.BootID = found.ID, 1, true, found.BootID
		judged = attribute.Case{Reset: r, Origin: joined.Origin, Context: joined.Context}
		attribute.Judge(&judged)
		failed = keep(r)
	})
	if err != nil {
		return err
	}
	batch := make([]reset.Sighting, 1)
	return e.logs.Run(ctx, func(f *logfile.Found) error {
		found, batch[0] = f, *f.Sighting
		joiner.Add(batch)
		if failed == nil && ctx.Err() != nil {
			return ctx.Err()
		}
		return failed
	})
}

// captured and logged are the accounts; nil where there is no such file.
func (e *evidence) captured() (n capture.Counts, ok bool) {
	if e.captures == nil {
		return n, false
	}
	return e.captures.Counts(), true
}

func (e *evidence) logged() (n logfile.Counts, ok bool) {
	if e.logs == nil {
		return n, false
	}
	return e.logs.Counts(), true
}

// progress is how far reading has come.
func (e *evidence) progress() (bytes int64, units string) {
	var words []string
	if e.captures != nil {
		at := e.captures.Progress()
		bytes += at.Bytes
		words = append(words, amount(at.Frames, "packet"))
	}
	if e.logs != nil {
		at := e.logs.Progress()
		bytes += at.Bytes
		words = append(words, amount(at.Lines, "line"))
	}
	return bytes, strings.Join(words, ", ")
}
