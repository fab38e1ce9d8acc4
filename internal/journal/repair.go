package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// RepairReport is what Repair copied and what it could not.
type RepairReport struct {
	Segments int
	Entries  uint64
	Damages  []Damage // what could not be read
}

// Repair copies every entry that can be read, of the segments named or, if none
// are, of all, from the journal in dir into a new journal in target, which must
// not be a journal yet. Nothing in dir is changed. The copy has a chain of its
// own, and says in its first entry where it comes from.
func Repair(ctx context.Context, dir, target string, names []string, deps Deps) (report RepairReport, err error) {
	deps.defaults()
	list, err := listSegments(deps.FS, dir)
	if err != nil {
		return report, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(list, func(s segment) bool { return s.name == name }) {
			return report, fmt.Errorf("segment %q is not in journal %q", name, dir)
		}
	}
	w, err := openTarget(target, deps)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	from := w.control(deps.Now(), "notice")
	from.Message = fmt.Sprintf("what follows was copied from journal %q by repair", dir)
	if err := w.Append([]reset.Entry{{Control: &from}}); err != nil {
		return report, err
	}
	for _, s := range list {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		if err := report.copySegment(ctx, w, dir, s, deps.FS); err != nil {
			return report, err
		}
	}
	return report, w.Sync()
}

// openTarget makes the new journal; it keeps everything.
func openTarget(target string, deps Deps) (*Writer, error) {
	if list, err := listSegments(deps.FS, target); err == nil && len(list) > 0 {
		return nil, fmt.Errorf("directory %q already holds a journal", target)
	}
	cfg := DefaultConfig()
	cfg.Dir, cfg.AppendOnly, cfg.MaxAge, cfg.MaxBytes = target, false, 0, 0
	return Open(cfg, deps)
}

func (report *RepairReport) copySegment(ctx context.Context, w *Writer, dir string, s segment, fs FS) error {
	r, err := NewReader(dir, ReadOptions{
		FS: fs, From: Position{Segment: s.sequence},
		OnDamage: func(d Damage) {
			if len(report.Damages) < maxFaults {
				report.Damages = append(report.Damages, d)
			}
		},
	})
	if err != nil {
		return err
	}
	defer shut(r)
	report.Segments++
	r.only = true
	var batch []reset.Entry
	for {
		entry, err := r.Next(ctx)
		if err == nil {
			batch = append(batch, entry)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(batch) == 1000 || err != nil && len(batch) > 0 {
			report.Entries += uint64(len(batch))
			if err := w.Append(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if err != nil {
			return nil
		}
	}
}
