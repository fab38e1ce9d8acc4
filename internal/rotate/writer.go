package rotate

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// What a call can return besides the file system's own errors.
var (
	// ErrNotLines means that what was to be written does not end in a newline.
	ErrNotLines = errors.New("not whole lines")
	// ErrStalled means that the disk did not answer within Config.Timeout. The
	// lines are counted as lost; should they be written after all, as late.
	ErrStalled = errors.New("log disk does not answer")
	// ErrClosed means that the writer has been closed.
	ErrClosed = errors.New("log is closed")
	// ErrInUse means that another writer has the file open.
	ErrInUse = errors.New("another writer has this log open")
)

// Writer is an open rotating log. Its methods may be called from any
// goroutine; writes are in the order of the calls.
//
// One goroutine owns the files, so that a caller can give up on a disk that
// hangs; another compresses and removes.
type Writer struct {
	cfg      Config
	count    counters
	requests chan *request
	closing  sync.Once
	closed   chan struct{}
	finished chan struct{}
	buffers  sync.Pool
	keeper   *keeper
}

// request is one task for the goroutine that owns the files.
type request struct {
	do   func(*live) error
	data *[]byte // of a write
	done chan error
	// state goes from pending to answered, or to abandoned when the caller
	// stops waiting; whoever is second knows.
	state atomic.Int32
}

const (
	pending int32 = iota
	answered
	abandoned
)

// Open opens the log, ends what a crash left half done (a torn line, a
// compression, the missing append-only attribute), and rotates a file of an
// earlier day at its first write.
func Open(c Config) (*Writer, error) {
	cfg, gid, err := c.complete()
	if err != nil {
		return nil, err
	}
	w := &Writer{
		cfg: cfg, requests: make(chan *request),
		closed: make(chan struct{}), finished: make(chan struct{}),
	}
	w.buffers.New = func() any { return new([]byte) }
	w.keeper = newKeeper(cfg, gid, &w.count)
	file := &live{cfg: cfg, gid: gid, names: newNaming(cfg.Path, cfg.DateFormat), count: &w.count, keeper: w.keeper}
	if err := file.open(); err != nil {
		return nil, err
	}
	go w.own(file)
	go w.keeper.run()
	w.keeper.wake()
	return w, nil
}

// Write appends whole lines, all or none of them. On any error they are
// counted as lost and nothing of them stays in the file.
func (w *Writer) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	lines := uint64(bytes.Count(p, []byte{'\n'}))
	if p[len(p)-1] != '\n' {
		w.lost(lines + 1)
		return 0, ErrNotLines
	}
	data := w.buffers.Get().(*[]byte)
	*data = append((*data)[:0], p...)
	err := w.call(&request{data: data, do: func(f *live) error { return f.write(*data) }})
	if err != nil {
		w.lost(lines)
		return 0, err
	}
	w.count.lines.Add(lines)
	w.count.bytes.Add(uint64(len(p)))
	return len(p), nil
}

func (w *Writer) lost(lines uint64) {
	w.count.writeErrors.Add(1)
	w.count.lostLines.Add(lines)
}

// Rotate renames the live file now and begins a new one; an empty file stays.
func (w *Writer) Rotate() error { return w.call(&request{do: (*live).rotate}) }

// RotateIfDue rotates if a new day has begun: for a timer, since otherwise
// yesterday's file stays as it is until the next line.
func (w *Writer) RotateIfDue() error { return w.call(&request{do: (*live).rotateIfDue}) }

// Reopen opens the path anew: what SIGHUP asks for after an outside logrotate
// has moved the file away.
func (w *Writer) Reopen() error { return w.call(&request{do: (*live).reopen}) }

// Sync returns once every acknowledged line is on the disk.
func (w *Writer) Sync() error { return w.call(&request{do: (*live).sync}) }

// Stats returns the counters.
func (w *Writer) Stats() Stats { return w.count.snapshot() }

// Close ends compression between two files, closes the log and waits for both,
// no longer than Config.Timeout.
func (w *Writer) Close() error {
	err := ErrClosed
	w.closing.Do(func() {
		err = w.call(&request{do: (*live).close})
		close(w.closed)
		w.keeper.stop(w.cfg.Timeout)
	})
	return err
}

// call hands a request to the owner and waits for the answer, within bounds.
func (w *Writer) call(r *request) error {
	r.done = make(chan error, 1)
	timer := time.NewTimer(w.cfg.Timeout)
	defer timer.Stop()
	select {
	case <-w.closed:
		return ErrClosed
	case <-w.finished:
		return ErrClosed
	case <-timer.C:
		return ErrStalled
	case w.requests <- r:
	}
	select {
	case err := <-r.done:
		return err
	case <-timer.C:
		if r.state.CompareAndSwap(pending, abandoned) {
			return ErrStalled
		}
		return <-r.done
	}
}

// own runs every request on the files until the log is closed.
func (w *Writer) own(file *live) {
	defer close(w.finished)
	for {
		select {
		case <-w.closed:
			return
		case r := <-w.requests:
			err := r.do(file)
			if r.state.CompareAndSwap(pending, answered) {
				r.done <- err
			} else if err == nil && r.data != nil {
				w.late(*r.data)
			}
			if r.data != nil {
				w.buffers.Put(r.data)
			}
			if file.dead {
				return
			}
		}
	}
}

// late corrects the account of lines whose caller gave up before they were
// written.
func (w *Writer) late(data []byte) {
	lines := uint64(bytes.Count(data, []byte{'\n'}))
	w.count.lostLines.Add(^(lines - 1))
	w.count.lateLines.Add(lines)
}
