package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/serve"
)

// Options are what the caller of Run adds to the settings.
type Options struct {
	Version string
	// Ready is called once, when the sensor watches.
	Ready func(Status)
	// Alive is called regularly while everything moves: for a watchdog.
	Alive func()
	// Hangup delivers a value when the text logs are to be opened anew (SIGHUP).
	Hangup <-chan os.Signal
	// Print is told of every entry of the journal from the start on; may be nil.
	Print func(*reset.Entry) error
}

// ledgerEvery is how often the ledger and the coverage are written; a kill -9
// leaves the account as it was then, plus what the journal holds.
const ledgerEvery = time.Minute

// drainLimit is how long the outputs may take to catch up at the end.
const drainLimit = 10 * time.Second

// Daemon is a capture that is under way.
type Daemon struct {
	cfg     *config.Config
	opts    Options
	log     *slog.Logger
	place   Place
	started time.Time

	tracker  *netns.Tracker
	capture  *Capture
	attempts []Attempt
	notices  []string
	filter   string
	netns    []uint64 // that are watched; empty: all

	journal *journal.Writer
	line    *Pipeline
	account *account
	keeper  *watchkeeper
	logs    []*textLog
	outputs []*output
	guard   *guard
	lower   int
	enrich  *enrichment
}

// Run captures until ctx ends and returns what the account is then. A
// *UsageError is a mistake of the user's.
func Run(ctx context.Context, cfg *config.Config, opts Options, log *slog.Logger) (reset.Ledger, error) {
	d := &Daemon{cfg: cfg, opts: opts, log: log, started: time.Now()}
	background, stop := context.WithCancel(context.Background())
	defer stop()
	if err := d.open(background); err != nil {
		return reset.Ledger{}, err
	}
	err := d.run(ctx)
	return d.account.ledger(), errors.Join(err, d.close())
}

// open makes everything ready, the journal last to be begun: what fails before
// leaves no trace.
func (d *Daemon) open(background context.Context) (err error) {
	cfg := d.cfg
	want, err := newWants(cfg, d.log)
	if err != nil {
		return err
	}
	d.filter, d.netns = want.describe(cfg), want.netns
	if d.tracker, err = startTracker(background, cfg, d.log); err != nil {
		return err
	}
	for _, text := range want.unknown(d.tracker) {
		d.notice(text)
	}
	d.place = Here(d.tracker.Lookup)
	if err := shareDir(cfg.Journal.Dir, cfg.Serve.Group); err != nil {
		return fmt.Errorf("making the journal's directory: %w", err)
	}
	d.guard = newGuard(cfg.Journal.Dir, kernelRelease())
	choices := Choices(cfg.Capture.Sensor)
	if len(choices) > 1 {
		var why string
		if d.lower, why = d.guard.check(d.place.BootID); why != "" {
			d.notice(why)
		}
		choices = lower(choices, d.lower)
	}
	// Trying a sensor loads it, so the guard must know before.
	restore, err := d.guard.begin(d.place.BootID, choices[0], d.lower)
	if err != nil {
		d.notice(err.Error()) // a full disk must not keep the daemon from watching
	}
	defer func() {
		if err != nil {
			restore()
		}
	}()
	if d.capture, d.attempts, err = choose(choices, cfg, d.tracker, want, d.log); err != nil {
		return err
	}
	if err := d.openJournal(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	d.place.Unwatched = d.capture.Unwatched
	if d.enrich, err = newEnrichment(cfg, d.tracker); err != nil {
		return err
	}
	d.place.Early, d.place.Enrichers = d.enrich.early(), d.enrich.enrichers()
	d.place.OtherEnd = newOtherEnd(d.capture, d.tracker.List)
	d.place.Tracked, d.place.AddressCame = d.enrich.tracked(), d.enrich.addressCame()
	go d.enrich.run(background)
	joining := correlate.DefaultConfig()
	joining.Window = cfg.Capture.JoinWindow.Std()
	d.line, err = NewPipeline(joining, d.place, d.journal, want.keep(), d.problem())
	if err != nil {
		return err
	}
	d.account = newAccount(d.journal.LastLedger())
	d.account.capture, d.account.line, d.account.written = d.capture, d.line, d.journal.Stats
	d.keeper = newWatchkeeper(d.place, d.capture, d.line, d.tracker, d.filter, d.log)
	d.keeper.only = d.netns
	if d.logs, err = openLogs(cfg, reset.TimeOf(d.started), d.log); err != nil {
		return err
	}
	for _, l := range d.logs {
		d.outputs = append(d.outputs, l.output)
	}
	if err := d.guard.start(d.place.BootID, d.capture.Name, d.lower); err != nil {
		d.notice(err.Error()) // a full disk must not keep the daemon from watching
	}
	return nil
}

// startTracker runs a tracker of namespaces and waits for its first scan.
func startTracker(ctx context.Context, cfg *config.Config, log *slog.Logger) (*netns.Tracker, error) {
	tracker, err := netns.New(netns.Config{Interval: cfg.Capture.NetNSScan.Std()}, log)
	if err != nil {
		return nil, err
	}
	failed := make(chan error, 1)
	go func() { failed <- tracker.Run(ctx) }()
	select {
	case <-tracker.Started():
		return tracker, nil
	case err := <-failed:
		return nil, fmt.Errorf("looking for network namespaces: %w", err)
	}
}

func (d *Daemon) openJournal() (err error) {
	// The pipeline ends each batch with a Flush of its own.
	d.journal, err = openJournal(d.cfg, time.Hour, d.place, d.opts.Version, d.log)
	return err
}

// OpenJournal opens the journal that the settings name for writing, for who
// brings evidence from elsewhere. What an Append has taken is written when it
// returns.
func OpenJournal(cfg *config.Config, version string, log *slog.Logger) (*journal.Writer, error) {
	return openJournal(cfg, 0, Here(nil), version, log)
}

func openJournal(cfg *config.Config, block time.Duration, place Place, version string, log *slog.Logger) (*journal.Writer, error) {
	c := journal.DefaultConfig()
	j := cfg.Journal
	c.Dir, c.SyncInterval, c.SegmentBytes = j.Dir, j.SyncInterval.Std(), int64(j.SegmentBytes)
	c.MaxAge, c.MaxSegments, c.MaxBytes = time.Duration(j.KeepDays)*24*time.Hour, j.KeepSegments, int64(j.KeepBytes)
	c.Compress, c.AppendOnly, c.HoldBytes = j.Compress, j.AppendOnly, int(j.HoldBytes)
	c.HeadsInterval, c.BlockInterval = j.HeadsInterval.Std(), block
	heads, err := headsKeeper(j.Heads, log)
	if err != nil {
		return nil, err
	}
	return journal.Open(c, journal.Deps{Logger: log, Heads: heads, Host: place.Host, BootID: place.BootID, Version: version})
}

// problem returns what is told of errors of the journal: each kind once a
// second at most, since a full disk gives one for every batch.
func (d *Daemon) problem() func(error) {
	var last time.Time
	return func(err error) {
		if now := time.Now(); now.Sub(last) >= time.Second {
			last = now
			d.log.Error("writing journal", "error", err)
		}
	}
}

func (d *Daemon) notice(text string) {
	d.notices = append(d.notices, text)
	d.log.Warn(text)
}

// run captures until ctx ends. The outputs end after the sensor, so that they
// see all of it.
func (d *Daemon) run(ctx context.Context) error {
	outputs, stopOutputs := context.WithCancel(context.Background())
	defer stopOutputs()
	var followers errgroup.Group
	for _, o := range d.outputs {
		followers.Go(func() error {
			err := o.run(outputs, drainLimit)
			o.note(err) // said at once: the capture goes on without it
			return err
		})
	}
	if d.opts.Print != nil {
		p := &output{name: "terminal", dir: d.cfg.Journal.Dir, since: reset.TimeOf(d.started), log: d.log, write: d.opts.Print}
		followers.Go(func() error { return p.follow(outputs, drainLimit) })
	}
	server, err := d.listen(outputs, &followers)
	if err != nil {
		d.notice(err.Error())
	} else if server != nil {
		defer server.Close()
	}

	capturing, stopCapture := context.WithCancel(ctx)
	defer stopCapture()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- d.capture.Sensor.Run(capturing, sync.OnceFunc(func() { close(ready) }), d.line.Add)
	}()
	select {
	case <-ready:
		d.begin()
		go d.keeper.follow(capturing)
		err = d.watch(ctx, ended)
	case err = <-ended:
	}
	stopCapture()
	d.line.Drain()
	d.finish()
	stopOutputs()
	return errors.Join(err, followers.Wait())
}

// begin is when the sensor watches.
func (d *Daemon) begin() {
	now := time.Now()
	d.keeper.begin(now)
	d.append(reset.Entry{Control: d.control(startEvent, "sensor "+d.capture.Name)})
	if d.opts.Ready != nil {
		d.opts.Ready(d.Status())
	}
}

// watch waits, and does what is due, until ctx or the sensor ends.
func (d *Daemon) watch(ctx context.Context, ended <-chan error) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	last := time.Now()
	confirm := time.After(trusted)
	for {
		select {
		case <-ctx.Done():
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		case err := <-ended:
			switch {
			case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
				return nil // it was told to, and was faster than we
			case err == nil:
				return errors.New("the sensor ended by itself")
			}
			return err
		case <-d.opts.Hangup:
			d.reopen()
		case <-confirm:
			if err := d.guard.confirm(d.place.BootID, d.capture.Name, d.lower); err != nil {
				d.log.Warn("confirming the sensor", "error", err)
			}
		case now := <-second.C:
			d.rotate()
			d.feedWatchdog()
			if now.Sub(last) >= ledgerEvery {
				last = now
				d.checkpoint(now)
			}
		}
	}
}

// feedWatchdog says that we live, after asking the pipeline and the journal for
// their counts: if one of them no longer lets go of its lock, nothing is said,
// and the service manager starts us anew. A full disk does not count as that.
func (d *Daemon) feedWatchdog() {
	if d.opts.Alive == nil {
		return
	}
	d.line.Counts()
	d.journal.Stats()
	d.opts.Alive()
}

// checkpoint writes coverage and ledger.
func (d *Daemon) checkpoint(now time.Time) {
	var entries []reset.Entry
	lines := d.keeper.lines(now)
	for i := range lines {
		entries = append(entries, reset.Entry{Coverage: &lines[i]})
	}
	d.append(entries...)
	for _, l := range d.logs {
		if err := l.file.RotateIfDue(); err != nil {
			d.log.Error("rotating log", "output", l.name, "error", err)
		}
	}
	ledger := d.account.ledger()
	c := d.control("ledger", "")
	c.Ledger = &ledger
	d.append(reset.Entry{Control: c})
	if !ledger.Balanced() {
		d.log.Error("the ledger does not balance", "ledger", fmt.Sprintf("%+v", ledger))
	}
}

// finish writes the last lines of a clean end.
func (d *Daemon) finish() {
	if !d.keeper.started.IsZero() {
		d.checkpoint(time.Now())
	}
	d.append(reset.Entry{Control: d.control("stop", "")})
	if err := d.guard.confirm(d.place.BootID, d.capture.Name, d.lower); err != nil {
		d.log.Warn("noting the clean end", "error", err)
	}
}

func (d *Daemon) control(event, message string) *reset.Control {
	return &reset.Control{
		Time: reset.TimeOf(time.Now()), Event: event, Host: d.place.Host, BootID: d.place.BootID,
		Version: d.opts.Version, Message: message,
	}
}

func (d *Daemon) append(entries ...reset.Entry) {
	if err := errors.Join(d.journal.Append(entries), d.journal.Flush()); err != nil {
		d.log.Error("writing journal", "error", err)
	}
}

// rotate begins the day's file of a log to which nothing is written at midnight.
func (d *Daemon) rotate() {
	for _, l := range d.logs {
		if err := l.file.RotateIfDue(); err != nil {
			d.log.Error("rotating log", "output", l.name, "error", err)
		}
	}
}

func (d *Daemon) reopen() {
	for _, l := range d.logs {
		if err := l.file.Reopen(); err != nil {
			d.log.Error("opening log anew", "output", l.name, "error", err)
		}
	}
}

func (d *Daemon) close() error {
	errs := []error{d.journal.Sync(), d.journal.Close()}
	for _, l := range d.logs {
		errs = append(errs, l.file.Close())
	}
	return errors.Join(errs...)
}

// Status is how the daemon fares.
func (d *Daemon) Status() Status {
	stats, ledger := d.journal.Stats(), d.account.ledger()
	s := Status{
		Version: d.opts.Version, PID: os.Getpid(), Started: d.started,
		Sensor: d.capture.Name, Blind: d.capture.Blind, Attempts: d.attempts, Counts: d.capture.Counts(),
		Namespaces: watching(d.tracker, d.netns), Filter: d.filter, Ledger: ledger, Balanced: ledger.Balanced(), Revisions: d.line.Revisions(),
		Journal: JournalStatus{
			Dir: d.journal.Dir(), Entries: stats.Entries, Bytes: stats.Bytes,
			Held: stats.HeldEntries, Lost: stats.LostEntries, Stalled: stats.Stalled,
		},
		Notices: d.notices, Enrich: d.enrich.status(),
	}
	if d.capture.Table != nil {
		s.Table = d.capture.Table()
	}
	for _, o := range d.outputs {
		s.Outputs = append(s.Outputs, o.status())
	}
	return s
}

// listen opens the socket on which other commands ask; nil where none is set.
func (d *Daemon) listen(ctx context.Context, group *errgroup.Group) (*serve.Server, error) {
	c := d.cfg.Serve
	if c.Socket == "" {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(c.Socket), 0o755); err != nil {
		return nil, fmt.Errorf("other commands cannot ask this one: making the socket's directory: %w", err)
	}
	server, err := serve.Listen(serve.Config{Socket: c.Socket, Group: c.Group}, serve.Deps{
		Journal: d.cfg.Journal.Dir, Log: d.log, Status: func() any { return d.Status() },
	})
	if err != nil {
		return nil, fmt.Errorf("other commands cannot ask this one: %w", err)
	}
	group.Go(func() error { return server.Run(ctx) })
	return server, nil
}
