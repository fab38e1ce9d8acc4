package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// output copies the journal to somewhere else, entry by entry, from a cursor
// in a file of its own: it resumes where it was. After a crash it may repeat
// what it wrote in the last second before, never leave anything out.
type output struct {
	name  string
	dir   string // of the journal
	write func(*reset.Entry) error
	log   *slog.Logger
	since reset.Time // where there is no cursor yet

	mu       sync.Mutex
	position journal.Position // after the entry written last
	written  uint64
	failed   uint64
}

const cursorEvery = time.Second

func (o *output) cursorPath() string { return filepath.Join(o.dir, "cursors", o.name) }

// run copies until ctx ends, then what is still there until the limit.
func (o *output) run(ctx context.Context, limit time.Duration) error {
	from, err := o.load()
	if err != nil {
		return err
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
	o.mu.Lock()
	options := journal.ReadOptions{From: o.position, Follow: true, Poll: 50 * time.Millisecond}
	o.mu.Unlock()
	if options.From.IsZero() {
		options.Since = o.since
	}
	if err := o.copy(ctx, options); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("output %s: %w", o.name, err)
	}
	rest, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	o.mu.Lock()
	if !o.position.IsZero() {
		options.From, options.Since = o.position, 0
	}
	o.mu.Unlock()
	options.Follow = false
	if err := o.copy(rest, options); err != nil {
		return fmt.Errorf("output %s: finishing: %w", o.name, err)
	}
	return nil
}

func (o *output) copy(ctx context.Context, options journal.ReadOptions) error {
	options.OnDamage = func(d journal.Damage) { o.log.Warn("reading journal", "output", o.name, "error", d.Error()) }
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
		err = o.write(&entry)
		o.mu.Lock()
		o.position = reader.Position()
		o.written++
		if err != nil {
			o.failed++
		}
		o.mu.Unlock()
		if err != nil {
			o.log.Error("writing output", "output", o.name, "error", err)
		}
	}
}

func (o *output) load() (journal.Position, error) {
	text, err := os.ReadFile(o.cursorPath())
	if errors.Is(err, os.ErrNotExist) {
		return journal.Position{}, nil
	}
	if err != nil {
		return journal.Position{}, fmt.Errorf("output %s: reading its cursor: %w", o.name, err)
	}
	position, err := journal.ParsePosition(string(trimNewline(text)))
	if err != nil {
		return journal.Position{}, fmt.Errorf("output %s: cursor %q: %w (remove the file to begin anew)", o.name, o.cursorPath(), err)
	}
	return position, nil
}

func trimNewline(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return b
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

func (o *output) save(position journal.Position) error {
	path := o.cursorPath()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(position.String()+"\n"), 0o640); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// OutputStatus is how an output fares.
type OutputStatus struct {
	Name    string `json:"name"`
	Written uint64 `json:"written"`
	Failed  uint64 `json:"failed"`
}

func (o *output) status() OutputStatus {
	o.mu.Lock()
	defer o.mu.Unlock()
	return OutputStatus{Name: o.name, Written: o.written, Failed: o.failed}
}
