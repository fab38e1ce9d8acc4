package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rstwatch/rstwatch/internal/journal"
)

// rstwatch is the real daemon with its defaults, but for the sensor and for
// where its files are.
func rstwatch(sensor string) func(*Bench) (watching, error) {
	return func(b *Bench) (watching, error) {
		dir, err := os.MkdirTemp(b.dir, "journal-")
		if err != nil {
			return watching{}, err
		}
		said := &output{}
		cmd := exec.Command(b.program, "run", "--sensor", sensor, "--dir", dir, "--socket", dir+"/socket", "--config", os.DevNull)
		cmd.Stderr = said
		c, err := start(cmd)
		if err != nil {
			return watching{}, err
		}
		w := watching{pid: c.Process.Pid, dir: dir}
		stopped := sync.OnceValue(func() error {
			err := c.end(syscall.SIGINT, time.Minute)
			if err == nil && said.has("NOT BALANCE") {
				err = errors.New("the ledger does not balance")
			}
			if err != nil {
				err = fmt.Errorf("%w: %s", err, said)
			}
			return err
		})
		w.recorded = func() (uint64, error) {
			if err := stopped(); err != nil {
				return 0, err
			}
			return countJournal(dir, b.pair.Target.Inode)
		}
		w.stop = func() error { return errors.Join(stopped(), removeJournal(dir)) }
		deadline := time.Now().Add(20 * time.Second)
		for !said.has("watching ") {
			select {
			case err := <-c.done:
				return w, fmt.Errorf("rstwatch ended: %w: %s", err, said)
			case <-time.After(10 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				return w, errors.Join(fmt.Errorf("rstwatch does not watch: %s", said), w.stop())
			}
		}
		return w, nil
	}
}

// removeJournal removes a journal, whose segments are append-only.
func removeJournal(dir string) error {
	_ = exec.Command("chattr", "-R", "-a", dir).Run() // not every file system has it
	return os.RemoveAll(dir)
}

// countJournal reads the whole journal and counts the resets of one namespace.
func countJournal(dir string, netns uint64) (n uint64, err error) {
	r, err := journal.NewReader(dir, journal.ReadOptions{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for {
		entry, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			if stretches, size := r.Damaged(); stretches > 0 {
				return n, fmt.Errorf("journal has %d damaged stretches, %d bytes", stretches, size)
			}
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if entry.Reset != nil && entry.Reset.Revision == 1 && entry.Reset.Netns.ID == netns {
			n++
		}
	}
}

// output keeps what a program says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes up to 64 KiB and forgets the rest.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() < 64<<10 {
		o.text.Write(p)
	}
	return len(p), nil
}

// String is all that was kept.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) has(what string) bool { return strings.Contains(o.String(), what) }
