package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// maxFaults bounds a report on a journal that is nothing but faults.
const maxFaults = 10_000

// Fault is one thing that is not as it was written.
type Fault struct {
	Segment string // its name; "" where segments as a whole are concerned
	File    string // the file's name in the journal's directory
	Offset  int64  // in the uncompressed segment
	Length  int64  // bytes concerned; 0 where that makes no sense
	Reason  string
	// Noted says that the journal itself wrote this down when it went on after a
	// crash: an accident that was known, and whose note is part of the chain.
	Noted bool
}

// String says where and what, for people.
func (f Fault) String() string {
	text := f.Reason
	if f.File != "" {
		text = fmt.Sprintf("%s: offset %d: %s", f.File, f.Offset, text)
	}
	if f.Noted {
		text += " (noted in the journal)"
	}
	return text
}

// KeptHead is one link of the chain as it was told to somebody else.
type KeptHead struct {
	Segment string
	Hash    Hash
}

// ParseHeads reads lines of a segment's name and a hash, as Deps.Heads gets
// them; further words on a line are passed over, as are empty lines and those
// that begin with '#'.
func ParseHeads(r io.Reader) (heads []KeptHead, err error) {
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if len(words) < 2 {
			return heads, fmt.Errorf("line %d: not a segment and a hash", number)
		}
		hash, err := ParseHash(words[1])
		if err != nil {
			return heads, fmt.Errorf("line %d: %w", number, err)
		}
		heads = append(heads, KeptHead{words[0], hash})
	}
	return heads, lines.Err()
}

// Report is what Verify found.
type Report struct {
	Segments int
	Blocks   int
	Entries  uint64
	Bytes    int64 // uncompressed
	Faults   []Fault
	More     int        // faults beyond those in Faults
	Heads    []KeptHead // the chain's end in each segment
	Matched  int        // heads kept elsewhere that are in the chain
}

// OK reports whether nothing is wrong but what the journal itself noted.
func (r *Report) OK() bool {
	return r.More == 0 && !slices.ContainsFunc(r.Faults, func(f Fault) bool { return !f.Noted })
}

// Verify reads the journal in dir and checks every checksum and every link of
// the hash chain, block by block and segment to segment. If heads are given
// that were kept elsewhere, each must be in the chain. fs may be nil for the
// real file system. The error is the file system's, or the context's: faults
// are in the report.
func Verify(ctx context.Context, fs FS, dir string, heads []KeptHead) (*Report, error) {
	if fs == nil {
		fs = Disk{}
	}
	return verify(ctx, fs, dir, heads, defaultPoll)
}

// verify is Verify; poll is how long a block that is not whole is given to
// become so.
func verify(ctx context.Context, fs FS, dir string, heads []KeptHead, poll time.Duration) (*Report, error) {
	list, err := listSegments(fs, dir)
	if err != nil {
		return nil, err
	}
	v := &verifier{
		ctx: ctx, fs: fs, dir: dir, poll: poll,
		report: &Report{}, chain: newChain(), heads: make(map[KeptHead]bool),
	}
	for _, h := range heads {
		v.heads[h] = false
	}
	for i := range list {
		if err := v.segment(list, i); err != nil {
			return v.report, fmt.Errorf("verifying journal %q: %w", dir, err)
		}
	}
	v.finish(list, heads)
	return v.report, nil
}

// verifier walks the chain.
type verifier struct {
	ctx    context.Context
	fs     FS
	dir    string
	poll   time.Duration
	report *Report
	chain  *chain
	heads  map[KeptHead]bool // whether it was found
	// before is the segment verified last; its chain's end is known if it was
	// readable.
	before struct {
		sequence uint64
		end      Hash
		known    bool
		journal  [16]byte
	}
	first segmentHead // of the first segment that is there
	notes []string    // messages of "recovered" entries
	gone  map[uint64]Hash
	at    segment
}

func (v *verifier) fault(offset, length int64, format string, args ...any) {
	if len(v.report.Faults) >= maxFaults {
		v.report.More++
		return
	}
	f := Fault{Offset: offset, Length: length, Reason: fmt.Sprintf(format, args...)}
	if v.at.name != "" {
		f.Segment, f.File = v.at.name, v.at.file()
	}
	v.report.Faults = append(v.report.Faults, f)
}

// segment verifies one segment.
func (v *verifier) segment(list []segment, i int) error {
	v.at = list[i]
	src, err := openSegment(v.fs, v.dir, v.at)
	if err != nil {
		return err
	}
	defer shut(src)
	w, err := newWalker(v.at.name, src)
	var d *Damage
	if err != nil && !errors.As(err, &d) {
		return err
	}
	v.report.Segments++
	link := segmentLink{}
	if d != nil {
		v.fault(d.Offset, d.Length, "%s", d.Reason)
	} else {
		link = segmentLink{hash: start(w.raw), known: true}
		v.head(w)
	}
	if err := v.blocks(w, &link, i == len(list)-1); err != nil {
		return err
	}
	if z, ok := src.(*inflater); ok && !z.whole {
		v.fault(z.size, 0, "the compressed file ends early")
	}
	v.report.Bytes += w.size
	v.before.sequence, v.before.end, v.before.known = v.at.sequence, link.hash, link.known
	if link.known {
		v.report.Heads = append(v.report.Heads, KeptHead{v.at.name, link.hash})
	}
	return nil
}

// segmentLink is the chain within a segment.
type segmentLink struct {
	hash   Hash // of the last block that is whole, or the chain's start
	stated Hash // of the last block whose head is readable
	split  bool // stated is of a later block than hash
	gap    bool // bytes that do not decode lie before the next block
	known  bool
	number uint32
	ended  bool
}

// head checks how the segment follows the one before.
func (v *verifier) head(w *walker) {
	if w.head.sequence != v.at.sequence {
		v.fault(0, headLength, "the file is named as segment %d and says that it is segment %d", v.at.sequence, w.head.sequence)
	}
	b := &v.before
	switch {
	case v.report.Segments == 1:
		v.first = w.head
	case b.journal != w.head.journal:
		v.fault(0, headLength, "the segment is of another journal than the one before")
	case b.sequence+1 != v.at.sequence:
		v.fault(0, 0, "segments %d to %d are not there", b.sequence+1, v.at.sequence-1)
	case b.known && b.end != w.head.previous:
		v.fault(0, headLength, "the chain is broken: the segment before does not end with the hash that this one was begun with")
	}
	b.journal = w.head.journal
}

// blocks checks the segment's blocks.
func (v *verifier) blocks(w *walker, link *segmentLink, last bool) error {
	retried := false
	for {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		b, err := w.next(last && !retried)
		var d *Damage
		switch {
		case err == nil:
			v.block(w, &b, link)
		case errors.Is(err, errPartial):
			retried = true // it may be being written: look once more
			time.Sleep(v.poll)
			if err := w.refresh(); err != nil {
				return err
			}
		case errors.As(err, &d):
			v.fault(d.Offset, d.Length, "%s", d.Reason)
			link.gap = true
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

// block checks one block against the one before it.
func (v *verifier) block(w *walker, b *block, link *segmentLink) {
	head := *(*[headerLength]byte)(b.raw)
	whole := b.end() - b.offset
	if link.ended {
		v.fault(b.offset, whole, "a block follows the segment's last")
	}
	payload, err := w.content(b)
	if err != nil {
		v.fault(b.offset, whole, "%s", errChecksum)
		link.stated, link.split = b.head.hash, true
		link.number = b.head.number + 1
		return
	}
	v.report.Blocks++
	v.report.Entries += uint64(b.head.entries)
	v.chained(b, link, head[:], payload)
	link.hash, link.known, link.split, link.gap = b.head.hash, true, false, false
	link.number = b.head.number + 1
	link.ended = b.head.flags&flagEnd != 0
	if _, kept := v.heads[KeptHead{v.at.name, link.hash}]; kept {
		v.heads[KeptHead{v.at.name, link.hash}] = true
	}
	if b.head.flags&flagControl != 0 {
		v.controls(payload)
	}
}

func (v *verifier) chained(b *block, link *segmentLink, head, payload []byte) {
	whole := b.end() - b.offset
	previous := link.hash
	if link.split {
		previous = link.stated
	}
	switch {
	case link.gap, !link.known && !link.split:
		return // after damage, which is told, there is nothing to compare with
	case b.head.number != link.number:
		v.fault(b.offset, whole, "block %d stands where block %d should", b.head.number, link.number)
	case v.chain.link(&previous, head, payload) != b.head.hash:
		v.fault(b.offset, whole, "the chain is broken: the block or one before it was changed")
	}
}

// controls keeps what the journal says of itself.
func (v *verifier) controls(payload []byte) {
	for d := newDecoder(payload); ; {
		entry, err := d.next()
		if err != nil {
			return
		}
		c := entry.Control
		switch {
		case c == nil:
		case c.Event == "recovered" && len(v.notes) < maxFaults:
			if text, ok := notedStretch(c); ok {
				v.notes = append(v.notes, text)
			}
		case c.Event == "removed" && len(c.Chain) == len(Hash{}):
			if s, ok := parseSegment(c.Segment + plainSuffix); ok {
				if v.gone == nil {
					v.gone = make(map[uint64]Hash)
				}
				v.gone[s.sequence] = Hash(c.Chain)
			}
		}
	}
}

// finish judges what only the whole journal tells.
func (v *verifier) finish(list []segment, heads []KeptHead) {
	v.at = segment{}
	if len(list) > 0 {
		first := list[0]
		if end, ok := v.gone[first.sequence-1]; ok && end != v.first.previous {
			v.at = first
			v.fault(0, headLength,
				"the chain is broken: the segment removed before does not end with the hash that this one was begun with")
		}
		v.at = segment{}
		v.kept(first, heads)
	}
	noted := make(map[string]bool, len(v.notes))
	for _, n := range v.notes {
		noted[n] = true
	}
	for i := range v.report.Faults {
		f := &v.report.Faults[i]
		f.Noted = noted[stretch(f.Segment, &Damage{Offset: f.Offset, Length: f.Length})]
	}
}

// kept checks the heads that were kept elsewhere. Those of segments that
// retention removed from the front cannot be checked.
func (v *verifier) kept(first segment, heads []KeptHead) {
	for _, h := range heads {
		s, ok := parseSegment(h.Segment + plainSuffix)
		switch {
		case v.heads[h]:
			v.report.Matched++
		case !ok:
			v.fault(0, 0, "head kept for %q: not a segment's name", h.Segment)
		case s.sequence >= first.sequence:
			v.fault(0, 0, "the head kept for segment %s is not in the chain: %s", h.Segment, h.Hash)
		}
	}
}
