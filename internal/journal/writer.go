package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// ErrClosed is an operation on a Writer or Reader after its Close.
var ErrClosed = errors.New("journal is closed")

// Writer appends to the journal of one directory. Its methods may be called by
// several goroutines; entries are written in the order of the calls.
type Writer struct {
	cfg  Config
	deps Deps
	lock io.Closer

	mu    sync.Mutex // guards all below, down to stats
	enc   encoder    // the open block
	since time.Time  // when the open block got its first entry
	notes encoder    // control blocks of the journal's own
	chain *chain
	seg   *live // nil while none can be made
	// What the next segment follows.
	sequence uint64
	previous Hash
	journal  [16]byte
	// recovered is written first into the next segment.
	recovered []reset.Control

	retiring []*live // written to the end, not yet synced and closed
	// stale are segments that a process before this one wrote, perhaps without
	// living to sync them: a killed process leaves that to whoever comes next.
	stale    []string
	dirDirty bool // the directory is not synced
	stall    stall
	stats    Stats
	closed   bool
	refused  error // entries of the batch at hand that were refused

	fileMu sync.Mutex // held while files are synced and closed; taken before mu
	tidyMu sync.Mutex // held while closed segments are compressed or removed

	compressAt time.Time // not before; guarded by tidyMu

	checkpoint Checkpoint
	flagOnce   sync.Once // the missing append-only attribute is told once
	kick       chan struct{}
	stop       chan struct{}
	background sync.WaitGroup
}

// live is a segment that is being written, or was until a moment ago.
type live struct {
	file   File
	name   string
	head   segmentHead
	size   int64 // of what is whole
	number uint32
	chain  Hash // of the last block
	dirty  bool // since the last sync
	torn   bool // the file has more than size
	ended  bool
}

// Stats are the writer's counters since Open.
type Stats struct {
	Entries uint64 // written: handed to the kernel
	Resets  uint64 // of these, first revisions that are no folds: the ledger's "written"
	Blocks  uint64
	Bytes   uint64

	HeldEntries uint64 // waiting in memory, the open block included
	HeldResets  uint64
	HeldBytes   uint64
	LostEntries uint64 // dropped while the disk was full, or too large
	LostResets  uint64

	Stalled    bool   // the last write did not succeed
	Segments   uint64 // begun
	Removed    uint64 // by retention
	Compressed uint64
	Syncs      uint64
	SyncErrors uint64
	TornBytes  uint64 // found at Open, or left by a write that failed
	Damaged    uint64 // closed segments that were found damaged
}

// Open takes the directory for writing, closes what a crash left open, and
// starts the background work. The error is a *LockedError if another process
// writes there.
func Open(cfg Config, deps Deps) (*Writer, error) {
	w, err := openIdle(cfg, deps)
	if err != nil {
		return nil, err
	}
	w.background.Go(w.keep)
	w.background.Go(w.tidy)
	return w, nil
}

// openIdle is Open without the background work.
func openIdle(cfg Config, deps Deps) (*Writer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("journal configuration: %w", err)
	}
	deps.defaults()
	if err := deps.FS.MakeDir(cfg.Dir); err != nil {
		return nil, fmt.Errorf("making journal directory %q: %w", cfg.Dir, err)
	}
	lock, err := deps.FS.Lock(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening journal: %w", err)
	}
	w := &Writer{
		cfg: cfg, deps: deps, lock: lock, chain: newChain(),
		kick: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	w.enc.clear()
	if err := w.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening journal %q: %w", cfg.Dir, err), lock.Close())
	}
	return w, nil
}

// Append records the entries, in their order. When it returns nil, and
// BlockInterval is 0, all were handed to the kernel; with SyncInterval 0, all
// are on the disk. The entries and what they point to are not kept.
//
// A *StallError says that the disk takes nothing at present: the entries wait in
// memory or, those that found no room, were dropped and counted. ErrTooLarge,
// wrapped, says that entries were dropped that no block can hold. In neither
// case should the caller append the batch again.
func (w *Writer) Append(entries []reset.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.refused = nil
	for i := range entries {
		w.add(&entries[i])
	}
	// A block that waits longer than its interval is keep's to cut: asking the
	// clock here for each call would cost a tenth of a short one.
	if w.cfg.BlockInterval == 0 {
		w.cut(w.deps.Now())
	}
	if err := w.problem(); err != nil {
		return err
	}
	if w.cfg.SyncInterval == 0 {
		return w.syncLive()
	}
	return nil
}

// problem is what Append has to tell about the batch.
func (w *Writer) problem() error {
	return errors.Join(w.stall.problem(), w.refused)
}

func (w *Writer) add(entry *reset.Entry) {
	err := w.enc.add(entry)
	if err != nil && w.enc.entries > 0 {
		w.cut(w.deps.Now())
		err = w.enc.add(entry)
	}
	if err != nil {
		w.enc.clear()
		w.refuse(entry, err)
		return
	}
	if w.enc.entries == 1 {
		w.since = w.deps.Now()
	}
	if w.enc.size() >= w.cfg.BlockBytes || w.enc.tablesFull() {
		w.cut(w.deps.Now())
	}
}

// refuse counts an entry that no block can hold.
func (w *Writer) refuse(entry *reset.Entry, err error) {
	w.stats.LostEntries++
	if entry.Reset != nil && counts(entry.Reset) {
		w.stats.LostResets++
	}
	w.refused = err
}

// cut closes the open block and writes it, or holds it while nothing can be
// written.
func (w *Writer) cut(now time.Time) {
	if w.enc.entries == 0 {
		w.enc.clear() // tables may hold what a refused entry left
		return
	}
	b := w.enc.sealed()
	if !w.stall.active() || w.resume(now) {
		err := w.write(b, now)
		if err == nil {
			w.enc.clear()
			return
		}
		w.stalled(err, now)
	}
	w.hold(b)
	w.enc.clear()
}

// sealed is a block that is complete but for its head.
type sealed struct {
	bytes       []byte // room for the head, then the payload
	flags       uint8
	entries     uint32
	resets      uint32
	first, last reset.Time
}

func (e *encoder) sealed() sealed {
	return sealed{bytes: e.block, flags: e.flags, entries: e.entries, resets: e.resets, first: e.first, last: e.final}
}

// write puts a block into the segment that is due.
func (w *Writer) write(b sealed, now time.Time) error {
	if err := w.dueSegment(now); err != nil {
		return err
	}
	return w.put(w.seg, b)
}

// put appends one block with one write. On error the segment is as it was, or
// it is marked as torn.
func (w *Writer) put(s *live, b sealed) error {
	head, payload := b.bytes[:headerLength], b.bytes[headerLength:]
	h := blockHead{
		flags: b.flags, tag: s.head.tag, number: s.number, length: uint32(len(payload)),
		entries: b.entries, payloadCRC: crc32.Checksum(payload, castagnoli), first: b.first, last: b.last,
	}
	h.encode(head)
	h.hash = w.chain.link(&s.chain, head, payload)
	h.seal(head)
	n, err := s.file.Write(b.bytes)
	if err == nil && n < len(b.bytes) {
		err = io.ErrShortWrite
	}
	if err != nil && !w.isThere(s, b.bytes) {
		return fmt.Errorf("writing segment %s: %w", s.name, err)
	}
	s.size += int64(len(b.bytes))
	s.number++
	s.chain = h.hash
	s.dirty = true
	w.stats.Blocks++
	w.stats.Bytes += uint64(len(b.bytes))
	w.stats.Entries += uint64(b.entries)
	w.stats.Resets += uint64(b.resets)
	return nil
}

// isThere reports whether a block is in the file although its write gave an
// error, so that it is not written twice. If the file has grown by anything
// else, the segment is torn.
func (w *Writer) isThere(s *live, block []byte) bool {
	size, err := s.file.Size()
	if err == nil && size == s.size {
		return false
	}
	if err == nil && size == s.size+int64(len(block)) && w.readsBack(s, block) {
		return true
	}
	s.torn = true
	torn := max(size-s.size, 0)
	w.stats.TornBytes += uint64(torn)
	w.recovered = append(w.recovered, w.tornNote(s.name, &Damage{
		Segment: s.name, Offset: s.size, Length: torn, Reason: "a write did not succeed",
	}))
	return false
}

func (w *Writer) readsBack(s *live, block []byte) bool {
	f, err := w.deps.FS.Open(filepath.Join(w.cfg.Dir, s.name+plainSuffix))
	if err != nil {
		return false
	}
	defer shut(f)
	got := make([]byte, len(block))
	n, _ := f.ReadAt(got, s.size)
	return n == len(block) && string(got) == string(block)
}

// Flush writes the open block now.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.refused = nil
	w.cut(w.deps.Now())
	return w.problem()
}

// Stats returns the counters.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Stalled = w.stall.active()
	s.HeldEntries = uint64(w.enc.entries) + w.stall.entries
	s.HeldResets = uint64(w.enc.resets) + w.stall.resets
	s.HeldBytes = uint64(w.enc.size()) + uint64(w.stall.bytes)
	return s
}

// Close writes and syncs what is left, and gives the directory free. The error
// says what could not be written and so is lost.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	w.closed = true
	w.mu.Unlock()
	close(w.stop)
	w.background.Wait()
	w.mu.Lock()
	now := w.deps.Now()
	w.refused = nil
	w.stall.retryAt = now
	if w.enc.entries > 0 {
		w.cut(now)
	} else if w.stall.active() {
		w.resume(now)
	}
	err := w.problem()
	w.mu.Unlock()
	err = errors.Join(err, w.syncAll())
	w.fileMu.Lock()
	defer w.fileMu.Unlock()
	if w.seg != nil {
		w.tellHead(w.seg)
		err = errors.Join(err, w.seg.file.Close())
	}
	return errors.Join(err, w.lock.Close())
}

// Dir returns the journal's directory.
func (w *Writer) Dir() string { return w.cfg.Dir }
