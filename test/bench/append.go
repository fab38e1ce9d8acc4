package bench

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Journal is what the journal does by itself, with a storm's own resets.
type Journal struct {
	AppendNS float64 `json:"append_ns"` // encoding, checksums, hash and write(2), a reset
	Bytes    float64 `json:"bytes_per_reset"`
}

// appendBatch is the number of resets of one Append and Flush, as many as the
// kernel sensor hands over at once.
const appendBatch = 256

// Journal appends the resets of a small storm again and again.
func (b *Bench) Journal() (j Journal, err error) {
	var batch []reset.Entry
	err = b.run(Watcher{"rstwatch, bpf", rstwatch("bpf")}, func(w watching) error {
		if _, err := b.pair.Storm(reset.IPv4, 20*appendBatch); err != nil {
			return err
		}
		if _, err := w.recorded(); err != nil {
			return err
		}
		batch, err = readResets(w.dir, b.pair.Target.Inode)
		return err
	})
	if err != nil {
		return j, err
	}
	dir, err := os.MkdirTemp(b.dir, "append-")
	if err != nil {
		return j, err
	}
	defer func() { err = errors.Join(err, removeJournal(dir)) }()
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.BlockInterval, cfg.Compress, cfg.AppendOnly = dir, time.Hour, false, false
	w, err := journal.Open(cfg, journal.Deps{})
	if err != nil {
		return j, err
	}
	start, n := time.Now(), 0
	for n < b.sizes.JournalResets {
		for at := 0; at < len(batch); at += appendBatch {
			part := batch[at:min(at+appendBatch, len(batch))]
			if err := errors.Join(w.Append(part), w.Flush()); err != nil {
				return j, errors.Join(err, w.Close())
			}
			n += len(part)
		}
	}
	j.AppendNS = float64(time.Since(start).Nanoseconds()) / float64(n)
	j.Bytes = float64(w.Stats().Bytes) / float64(w.Stats().Entries)
	b.logf("journal: %.0f ns and %.1f bytes a reset", j.AppendNS, j.Bytes)
	return j, w.Close()
}

func readResets(dir string, netns uint64) (list []reset.Entry, err error) {
	r, err := journal.NewReader(dir, journal.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		entry, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			if len(list) == 0 {
				return nil, errors.New("the journal has none of the storm's resets")
			}
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		if entry.Reset != nil && entry.Reset.Revision == 1 && entry.Reset.Netns.ID == netns {
			list = append(list, entry)
		}
	}
}
