package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// output copies the journal to somewhere else, entry by entry, from a cursor
// in a file of its own: it resumes where it was. After a crash it may repeat
// what it wrote in the last moment before, never leave anything out.
type output struct {
	name  string
	dir   string // of the journal
	write func(*reset.Entry) error
	log   *slog.Logger
	// again says that an entry which could not be written is tried again until
	// it is; else the output ends there.
	again bool

	mu       sync.Mutex
	since    reset.Time       // where there is no position yet
	position journal.Position // after the entry written last
	written  uint64
	failed   uint64 // attempts
	problem  string // why the next entry is not written at present
}

// A disk that is full today may take lines again tomorrow; the journal waits.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
)

const cursorEvery = 200 * time.Millisecond

func (o *output) cursorPath() string { return filepath.Join(o.dir, "cursors", o.name) }

// run copies until ctx ends, then what is still there until the limit. What
// could not be written by then is written after the next start.
func (o *output) run(ctx context.Context, limit time.Duration) error {
	from, since, err := o.load()
	if err != nil {
		return err
	}
	if !since.IsZero() {
		o.mu.Lock()
		o.since = since
		o.mu.Unlock()
	} else if from.IsZero() {
		// Noted at once: a process that is killed before its first cursor has not
		// forgotten where it began.
		if err := o.store(sinceWord + strconv.FormatInt(int64(o.since), 10)); err != nil {
			o.log.Error("saving cursor", "output", o.name, "error", err)
		}
	}
	saver, stop := context.WithCancel(context.Background())
	saved := make(chan struct{})
	go func() { defer close(saved); o.saveRegularly(saver) }()
	defer func() { stop(); <-saved }()
	o.mu.Lock()
	o.position = from
	o.mu.Unlock()
	return o.follow(ctx, limit)
}

// follow copies from the position, or from since where there is none.
func (o *output) follow(ctx context.Context, limit time.Duration) error {
	if err := o.copy(ctx, true); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("output %s: %w", o.name, err)
	}
	rest, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := o.copy(rest, false); err != nil {
		return fmt.Errorf("output %s: finishing: %w", o.name, err)
	}
	return nil
}

func (o *output) copy(ctx context.Context, follow bool) error {
	o.mu.Lock()
	options := journal.ReadOptions{From: o.position, Follow: follow, Poll: 50 * time.Millisecond}
	if options.From.IsZero() {
		options.Since = o.since
	}
	o.mu.Unlock()
	options.OnDamage = func(d journal.Damage) {
		if !journal.Noted(ctx, o.dir, &d) {
			o.log.Warn("reading journal", "output", o.name, "error", d.Error())
		}
	}
	reader, err := journal.NewReader(o.dir, options)
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		entry, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry.Reset != nil {
			attribute.Complete(entry.Reset)
		}
		if err := o.put(ctx, &entry, o.again && follow); err != nil {
			return err
		}
		o.mu.Lock()
		o.position = reader.Position()
		o.written++
		o.mu.Unlock()
	}
}

// put writes an entry, again and again if need be.
func (o *output) put(ctx context.Context, entry *reset.Entry, again bool) error {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := o.write(entry)
		o.note(err)
		if err == nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// note keeps what doctor tells, and logs it when it begins and when it ends.
func (o *output) note(err error) {
	o.mu.Lock()
	before := o.problem
	o.problem = ""
	if err != nil {
		o.problem = err.Error()
		o.failed++
	}
	after := o.problem
	o.mu.Unlock()
	switch {
	case after != "" && before == "":
		o.log.Error("writing output", "output", o.name, "error", err)
	case after == "" && before != "":
		o.log.Info("writing output again", "output", o.name)
	}
}

// sinceWord begins the cursor of an output that has written nothing yet; the
// moment from which on it writes follows, in nanoseconds since 1970.
const sinceWord = "since "

func (o *output) load() (journal.Position, reset.Time, error) {
	text, err := os.ReadFile(o.cursorPath())
	if errors.Is(err, os.ErrNotExist) {
		return journal.Position{}, 0, nil
	}
	if err != nil {
		return journal.Position{}, 0, fmt.Errorf("output %s: reading its cursor: %w", o.name, err)
	}
	line := strings.TrimRight(string(text), "\n")
	if digits, found := strings.CutPrefix(line, sinceWord); found {
		since, err := strconv.ParseInt(digits, 10, 64)
		if err == nil {
			return journal.Position{}, reset.Time(since), nil
		}
	}
	position, err := journal.ParsePosition(line)
	if err != nil {
		return journal.Position{}, 0, fmt.Errorf("output %s: cursor %q: %w (remove the file to begin anew)", o.name, o.cursorPath(), err)
	}
	return position, 0, nil
}

func (o *output) saveRegularly(ctx context.Context) {
	ticker := time.NewTicker(cursorEvery)
	defer ticker.Stop()
	var last journal.Position
	for {
		done := false
		select {
		case <-ticker.C:
		case <-ctx.Done():
			done = true
		}
		o.mu.Lock()
		position := o.position
		o.mu.Unlock()
		if position != last && !position.IsZero() {
			if err := o.save(position); err != nil {
				o.log.Error("saving cursor", "output", o.name, "error", err)
			} else {
				last = position
			}
		}
		if done {
			return
		}
	}
}

func (o *output) save(position journal.Position) error { return o.store(position.String()) }

func (o *output) store(cursor string) error {
	path := o.cursorPath()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(cursor+"\n"), 0o640); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// OutputStatus is how an output fares.
type OutputStatus struct {
	Name    string `json:"name"`
	Written uint64 `json:"written"`
	Failed  uint64 `json:"failed"` // attempts; what failed is tried again
	Problem string `json:"problem,omitempty"`
}

func (o *output) status() OutputStatus {
	o.mu.Lock()
	defer o.mu.Unlock()
	return OutputStatus{Name: o.name, Written: o.written, Failed: o.failed, Problem: o.problem}
}
