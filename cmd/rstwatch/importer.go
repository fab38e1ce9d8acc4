package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/present"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// importer puts resets into the journal that are not there yet. It takes them in
// chunks, and looks each chunk's ids up in the journal's part of the same times:
// so memory is bounded, whatever the size of either.
type importer struct {
	app     *app
	dir     string
	journal *journal.Writer // nil in a dry run
	there   bool            // a journal is there to be compared with
	filter  *query.Filter
	dry     bool
	begun   bool // the control line was written

	chunk []reset.Reset
	ids   map[reset.ID]bool // of the chunk; true: in the journal already
	batch []reset.Entry

	written  atomic.Uint64
	read     uint64 // resets that the files hold
	filtered uint64
	timeless uint64
	already  uint64
	damaged  int
}

const (
	chunkResets = 1 << 14
	batchResets = 512
)

// take keeps a reset until its chunk is full.
func (in *importer) take(ctx context.Context, r *reset.Reset) error {
	in.read++
	switch {
	case in.filter != nil && !in.filter.Match(r):
		in.filtered++
		return nil
	case r.Time.IsZero():
		in.timeless++
		return nil
	}
	if in.ids == nil {
		in.ids = make(map[reset.ID]bool, chunkResets)
	}
	if _, known := in.ids[r.ID]; known {
		in.already++
		return nil
	}
	in.ids[r.ID] = false
	in.chunk = append(in.chunk, ownReset(r))
	if len(in.chunk) < chunkResets {
		return nil
	}
	return in.settle(ctx)
}

// settle writes what is new of the chunk.
func (in *importer) settle(ctx context.Context) error {
	if len(in.chunk) == 0 {
		return nil
	}
	if in.there {
		if err := in.compare(ctx); err != nil {
			return err
		}
	}
	for i := range in.chunk {
		if in.ids[in.chunk[i].ID] {
			in.already++
			continue
		}
		in.batch = append(in.batch, reset.Entry{Reset: &in.chunk[i]})
		if len(in.batch) == batchResets {
			if err := in.append(); err != nil {
				return err
			}
		}
	}
	err := in.append()
	in.chunk = in.chunk[:0]
	clear(in.ids)
	return err
}

// compare marks the ids that the journal has.
func (in *importer) compare(ctx context.Context) error {
	since, until := in.chunk[0].Time, in.chunk[0].Time
	for i := range in.chunk {
		since, until = min(since, in.chunk[i].Time), max(until, in.chunk[i].Time)
	}
	reader, err := journal.NewReader(in.dir, journal.ReadOptions{Since: since, Until: until + 1, OnDamage: func(d journal.Damage) {
		if !journal.Noted(ctx, in.dir, &d) {
			in.damaged++
		}
	}})
	if err != nil {
		return err
	}
	defer reader.Close()
	in.damaged = 0 // each reading meets the same
	for {
		entry, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r := entry.Reset; r != nil {
			if _, ours := in.ids[r.ID]; ours {
				in.ids[r.ID] = true
			}
		}
	}
}

// append writes the batch.
func (in *importer) append() error {
	if len(in.batch) == 0 {
		return nil
	}
	if !in.dry {
		if !in.begun {
			in.begun = true
			in.batch = append([]reset.Entry{{Control: in.control(daemon.ImportBegins, "old evidence follows")}}, in.batch...)
		}
		if err := in.journal.Append(in.batch); err != nil {
			return fmt.Errorf("writing journal: %w", err)
		}
	}
	for i := range in.batch {
		if in.batch[i].Reset != nil {
			in.written.Add(1)
		}
	}
	in.batch = in.batch[:0]
	return nil
}

func (in *importer) control(event, message string) *reset.Control {
	place := daemon.Here(nil)
	return &reset.Control{
		Time: reset.TimeOf(time.Now()), Event: event, Host: place.Host, BootID: place.BootID, Version: version, Message: message,
	}
}

// maxNamed bounds the files that the journal's own note names.
const maxNamed = 8

// finish closes the journal; whole says that all was imported.
func (in *importer) finish(files []string, whole bool) error {
	if in.dry {
		return nil
	}
	var err error
	if in.begun {
		how := ""
		if !whole {
			how = ", in part"
		}
		names := strings.Join(files[:min(len(files), maxNamed)], " ")
		if len(files) > maxNamed {
			names += fmt.Sprintf(" and %d more", len(files)-maxNamed)
		}
		message := fmt.Sprintf("%s imported%s: %s", amount(in.written.Load(), "reset"), how, present.Clean(names))
		err = in.journal.Append([]reset.Entry{{Control: in.control(daemon.ImportEnds, message)}})
	}
	return errors.Join(err, in.journal.Close())
}

// tell is the summary.
func (in *importer) tell() {
	word := "imported"
	if in.dry {
		word = "to be imported"
	}
	text := fmt.Sprintf("%s: %d %s, %d already there", amount(in.read, "reset"), in.written.Load(), word, in.already)
	if in.filtered > 0 {
		text += fmt.Sprintf(", %d left out by the filter", in.filtered)
	}
	if in.timeless > 0 {
		text += fmt.Sprintf(", %d left out for want of a time", in.timeless)
	}
	fmt.Fprintln(in.app.stdout, text)
	if in.damaged > 0 {
		fmt.Fprintf(in.app.stderr, "rstwatch: %d stretches of the journal do not decode: what stood there may now be there twice\n"+
			"hint: rstwatch journal verify\n", in.damaged)
	}
}

// ownReset copies a reset with all that its reader will write over.
func ownReset(r *reset.Reset) reset.Reset {
	own := *r
	p := &own.Packet
	for _, b := range []*[]byte{
		(*[]byte)(&p.TCPOptions), (*[]byte)(&p.IPOptions), &p.Payload,
		(*[]byte)(&p.MACSrc), (*[]byte)(&p.MACDst), &p.Raw, &p.LinkHeader,
	} {
		*b = append([]byte(nil), *b...)
	}
	p.Tunnel = append([]reset.Tunnel(nil), p.Tunnel...)
	own.Evidence = append([]reset.Evidence(nil), r.Evidence...)
	own.CausedBy, own.Related = append([]reset.ID(nil), r.CausedBy...), append([]reset.ID(nil), r.Related...)
	if r.Trigger != nil {
		trigger := *r.Trigger
		trigger.MACSrc = append(reset.MAC(nil), trigger.MACSrc...)
		own.Trigger = &trigger
	}
	if r.Connection != nil {
		connection := *r.Connection
		own.Connection = &connection
	}
	return own
}
