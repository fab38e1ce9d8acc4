package journal

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Whatever the bounds and the crashes, what is kept is the end of what was
// written, in whole segments, within the bounds, and its chain verifies.
func TestRetentionKeepsTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := crashConfig()
		cfg.Compress = rapid.Bool().Draw(t, "compress")
		cfg.MaxAge = rapid.SampledFrom([]time.Duration{0, 3 * time.Hour}).Draw(t, "age")
		cfg.MaxSegments = rapid.SampledFrom([]int{0, 3}).Draw(t, "segments")
		cfg.MaxBytes = rapid.SampledFrom([]int64{0, 20_000}).Draw(t, "bytes")
		m, clock := newMemFS(rapid.Uint64().Draw(t, "seed")), newClock()
		deps := Deps{FS: m, Now: clock.now}
		w, err := openIdle(cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			size := rapid.IntRange(1, 30).Draw(t, "entries")
			err := errors.Join(w.Append(numbered(n, size)), w.Rotate(), w.Sync())
			n += size
			if err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(t, "crash") == 0 {
				m.dieAt = m.steps + rapid.IntRange(1, 12).Draw(t, "die")
				_ = w.Tidy(context.Background())
				m = m.killed()
				deps.FS = m
				if w, err = openIdle(cfg, deps); err != nil {
					t.Fatal(err)
				}
			}
			clock.at = clock.at.Add(time.Hour)
		}
		// Twice: the note of a removal may itself begin a new day's segment.
		if err := errors.Join(w.Sync(), w.Tidy(context.Background()), w.Tidy(context.Background())); err != nil {
			t.Fatal(err)
		}
		infos, err := List(context.Background(), m, cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		checkBounds(t, cfg, infos, clock.at)
		checkKept(t, cfg, m, n)
	})
}

func checkBounds(t *rapid.T, cfg Config, infos []SegmentInfo, now time.Time) {
	var total int64
	for i, info := range infos {
		total += info.FileBytes
		if i+1 < len(infos) && cfg.MaxAge > 0 && now.Sub(infos[i+1].Created.Std()) > cfg.MaxAge+time.Second {
			t.Fatalf("segment %s is older than %v", info.Name, cfg.MaxAge)
		}
	}
	if cfg.MaxSegments > 0 && len(infos) > cfg.MaxSegments {
		t.Fatalf("%d segments are kept, want at most %d", len(infos), cfg.MaxSegments)
	}
	if cfg.MaxBytes > 0 && total > cfg.MaxBytes+20_000 && len(infos) > 1 {
		t.Fatalf("%d bytes are kept, want at most %d", total, cfg.MaxBytes)
	}
}

func checkKept(t *rapid.T, cfg Config, m *memFS, n int) {
	r, err := NewReader(cfg.Dir, ReadOptions{FS: m, Poll: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var entries []reset.Entry
	for {
		entry, err := r.Next(context.Background())
		if err != nil {
			break
		}
		if entry.Reset != nil {
			entries = append(entries, entry)
		}
	}
	got := numbers(t, entries)
	if cfg.MaxAge == 0 && cfg.MaxSegments == 0 && cfg.MaxBytes == 0 && len(got) != n {
		t.Fatalf("%d of %d entries are kept though nothing bounds them", len(got), n)
	}
	if !slices.Equal(got, upTo(n)[n-len(got):]) {
		t.Fatalf("kept %v of %d entries: not the end", got, n)
	}
	if report, err := Verify(context.Background(), m, cfg.Dir, nil); err != nil || !report.OK() {
		t.Fatalf("Verify: %v, %v", report.Faults, err)
	}
}

func TestLastLedger(t *testing.T) {
	m, cfg := newMemFS(3), crashConfig()
	clock := newClock()
	deps := Deps{FS: m, Now: clock.now}
	ledger := func(written uint64) []reset.Entry {
		return []reset.Entry{{Control: &reset.Control{
			Event: "ledger", Time: reset.Time(written),
			Ledger: &reset.Ledger{Host: reset.HostLedger{Resets: written, Written: written}},
		}}}
	}
	steps := []struct {
		name  string
		do    func(w *Writer) error
		want  uint64 // Written of the last ledger; 0 for none
		after uint64
	}{
		{"nothing", func(*Writer) error { return nil }, 0, 0},
		{"no ledger yet", func(w *Writer) error { return w.Append(numbered(0, 10)) }, 0, 10},
		{"one", func(w *Writer) error { return errors.Join(w.Append(ledger(10)), w.Append(numbered(0, 7))) }, 10, 7},
		{"another", func(w *Writer) error { return errors.Join(w.Append(ledger(17)), w.Append(numbered(0, 3))) }, 17, 3},
		{"in an earlier segment", func(w *Writer) error { return errors.Join(w.Rotate(), w.Append(numbered(0, 5))) }, 17, 8},
		{"which is compressed", func(w *Writer) error { return errors.Join(w.Sync(), w.Tidy(context.Background())) }, 17, 8},
		{"revisions do not count", func(w *Writer) error {
			again := numbered(0, 2)
			again[0].Reset.Revision = 2
			again[1].Reset.Fold = &reset.Fold{Count: 9}
			return w.Append(again)
		}, 17, 8},
	}
	for _, step := range steps {
		w, err := openIdle(cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		if err := step.do(w); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		m = m.killed()
		deps.FS = m
		w, err = openIdle(cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		c := w.LastLedger()
		var written uint64
		if c.Ledger != nil {
			written = c.Ledger.Host.Written
		}
		if written != step.want || c.After != step.after || c.Time != reset.Time(step.want) {
			t.Errorf("%s: ledger says %d at %d, then %d; want %d, %d", step.name, written, c.Time, c.After, step.want, step.after)
		}
		m = m.killed()
		deps.FS = m
	}
}

func TestSyncFailureBeginsANewSegment(t *testing.T) {
	m, cfg := newMemFS(3), crashConfig()
	w, err := openIdle(cfg, Deps{FS: &failingSync{FS: m, left: 1}, Now: newClock().now})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(numbered(0, 10)); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); !errors.Is(err, errSync) {
		t.Fatalf("Sync: %v, want %v", err, errSync)
	}
	if err := errors.Join(w.Append(numbered(10, 10)), w.Sync(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if s := w.Stats(); s.Segments != 2 || s.SyncErrors != 1 {
		t.Errorf("%d segments, %d errors; want 2 and 1", s.Segments, s.SyncErrors)
	}
	entries, _ := readAll(t, cfg.Dir, ReadOptions{FS: m})
	if got := numbers(t, entries); !slices.Equal(got, upTo(20)) {
		t.Errorf("entries %v", got)
	}
}

var errSync = errors.New("no sync today")

// failingSync is a file system on which the first syncs of files fail.
type failingSync struct {
	FS
	left int
}

func (f *failingSync) Create(path string) (File, error) {
	file, err := f.FS.Create(path)
	return &failingFile{file, f}, err
}

type failingFile struct {
	File
	fs *failingSync
}

func (f *failingFile) Sync() error {
	if f.fs.left > 0 {
		f.fs.left--
		return errSync
	}
	return f.File.Sync()
}

func TestRotatesByDayInUTC(t *testing.T) {
	m, cfg, clock := newMemFS(3), crashConfig(), newClock()
	cfg.Compress = false
	w, err := openIdle(cfg, Deps{FS: m, Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if err := w.Append(numbered(i, 1)); err != nil {
			t.Fatal(err)
		}
		clock.at = clock.at.Add(30 * time.Second) // from 23:59:00
	}
	infos, err := List(context.Background(), m, cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"00000001-20260822T235900Z", "00000002-20260823T000000Z"}
	var got []string
	for _, info := range infos {
		got = append(got, info.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("segments %v, want %v", got, want)
	}
}

func TestHeadsAreTold(t *testing.T) {
	m, cfg, heads := journalOf(t, true)
	report, err := Verify(context.Background(), m, cfg.Dir, heads)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(report.Heads, heads) {
		t.Errorf("heads told %v, want those of the chain %v", heads, report.Heads)
	}
}
