package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"

	"github.com/rstwatch/rstwatch/internal/flow"
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Name is the sensor's word in messages.
const Name = "pcap"

// Config is what can be chosen of the reading.
type Config struct {
	// Vantage are the addresses of the host on which the files were captured: a
	// RST from one of them is going out, one to them is coming in. Where neither
	// is, or none is known, it is passing by.
	Vantage []netip.Addr
	// Flow is how the account of connections is kept; the zero is its default.
	Flow flow.Config
	// Follow waits at the end of a file for more, until the context ends or another
	// file has its name.
	Follow bool
	// Segment, where it is not nil, is told of every TCP segment that is no reset.
	Segment func(*packet.Segment, int64)
	// Idle is called when a stream has been silent for so long that all resets
	// were handed on; it may be nil.
	Idle func() error
	// KeepPayload keeps what follows the headers of a RST.
	KeepPayload bool
}

// Found is one reset. All of it is valid until the sink returns.
type Found struct {
	ID       reset.ID
	Sighting *reset.Sighting
	Later    flow.Later
	File     string
	Frame    uint64 // in the file, from 1
	Copies   int    // further frames of the same packet
	Record   []byte // JSON of the record that the file itself bears of the packet; empty: none
	Scans    int    // ports that were tried by whom the RST tells of, up to it and a little after
	// Further resets toward the same service after a silence, and those of them
	// after one as long.
	QuietOf, QuietLike int
}

// Reader reads the resets of capture files.
type Reader struct {
	cfg    Config
	merge  *merge
	counts Counts
	live   live
	sink   func(*Found) error

	segment  packet.Segment
	layers   packet.Layers
	partials partials
	place    flow.Place
	flows    *flow.Tracker
	held     queue
	now      int64 // the latest time of a packet
	found    Found
	failed   error // of the sink, while a stream was waited for
}

// New returns a reader of files. It opens those that there are and looks at the
// beginning of each, so that a name that is wrong is known before anything is
// printed. Close it if it is not run.
func New(cfg Config, files []string, stdin io.Reader) (*Reader, error) {
	for i, name := range files {
		if slices.Contains(files[:i], name) && name == StandardInput {
			return nil, fmt.Errorf("reading %q: standard input can be read once", name)
		}
	}
	r := newReader(cfg)
	var err error
	if r.merge, err = newMerge(files, cfg.Follow, stdin, r.broken); err != nil {
		return nil, err
	}
	return r, nil
}

func newReader(cfg Config) *Reader {
	if cfg.Flow == (flow.Config{}) {
		cfg.Flow = flow.DefaultConfig()
	}
	return &Reader{cfg: cfg, flows: flow.New(cfg.Flow), counts: Counts{Links: map[uint32]uint64{}}}
}

// maxBroken bounds the list of files that ended early.
const maxBroken = 1000

func (r *Reader) broken(file string, err error) {
	if len(r.counts.Broken) < maxBroken {
		r.counts.Broken = append(r.counts.Broken, Broken{file, err})
	}
}

// Close lets go of the files.
func (r *Reader) Close() { r.merge.close() }

// Counts returns the account; Run must have ended.
func (r *Reader) Counts() Counts { return r.counts }

// Progress may be called while Run runs.
func (r *Reader) Progress() Progress {
	return Progress{Bytes: r.merge.read.Load(), Frames: r.live.frames.Load()}
}

// ErrLink is the error of files of which no packet could be read, because of
// their kind of link.
var ErrLink = errors.New("unknown link type")

// checkEvery is how many packets pass between two looks at the context.
const checkEvery = 4096

// Run reads to the end, and hands each reset to the sink, in the order of the
// packets. An error of the sink ends it.
func (r *Reader) Run(ctx context.Context, sink func(*Found) error) error {
	defer r.Close()
	r.sink, r.merge.idle = sink, func(fd int) error { return r.await(ctx, fd) }
	if r.cfg.Follow {
		r.merge.grow = func(file *os.File) error { return r.grow(ctx, file) }
	}
	for {
		s, err := r.merge.next()
		if r.failed != nil {
			return r.failed
		}
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if s == nil {
			break
		}
		if r.counts.Frames++; r.counts.Frames%checkEvery == 0 {
			r.live.frames.Store(r.counts.Frames)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := r.take(s); err != nil {
			return err
		}
	}
	r.live.frames.Store(r.counts.Frames)
	if err := r.giveUpAll(); err != nil {
		return err
	}
	if err := r.releaseAll(); err != nil {
		return err
	}
	return r.unread()
}

// unread is an error where not one packet could be read for its link type.
func (r *Reader) unread() error {
	skipped, link := uint64(0), uint32(0)
	for l, n := range r.counts.Links {
		if skipped += n; n >= r.counts.Links[link] {
			link = l
		}
	}
	if skipped == 0 || skipped < r.counts.Frames {
		return nil
	}
	return fmt.Errorf("%w %d (%s): none of %d packets can be read", ErrLink, link, linkName(link), skipped)
}

// setBack is by how much, in nanoseconds, time must go back for its clock to
// have been set, and not for packets to have overtaken one another.
const setBack = 60_000_000_000

// pass takes note of the time of a packet and lets go of the resets of which
// all is known by then.
func (r *Reader) pass(at int64) error {
	if at != 0 && r.now-at > setBack {
		r.now = at
		return r.releaseAll()
	}
	r.now = max(r.now, at)
	for r.held.length > 0 && r.now-r.held.oldest().at >= int64(r.cfg.Flow.Ahead) {
		if err := r.release(); err != nil {
			return err
		}
	}
	return nil
}

// spot says where things are in a frame.
type spot struct {
	link int // bytes of the link layer's header, tags included
	ip   int // offset of the innermost IP header
}

// take reads one packet.
func (r *Reader) take(s *source) error {
	f := &s.head
	if err := r.pass(f.at); err != nil {
		return err
	}
	at, ok := r.find(f)
	if !ok {
		return nil
	}
	if isPiece(f.data[at.ip:]) {
		if done, err := r.piece(s.name, f, at); done {
			return err
		}
	}
	return r.read(s.name, f, at)
}

// isPiece reports, at no great cost, whether a packet may be a fragment.
func isPiece(ip []byte) bool {
	if len(ip) < 20 {
		return false
	}
	if ip[0]>>4 == 4 {
		return ip[6]&0x3f|ip[7] != 0
	}
	return ip[6] != 6 // a header stands before TCP's
}

// read reads one packet from its innermost IP header on that is whole.
func (r *Reader) read(name string, f *frame, at spot) error {
	err := packet.DecodeSegment(f.data[at.ip:], f.whole-at.ip, &r.segment)
	if errors.Is(err, packet.ErrNotTCP) && r.within(f, &at) {
		if isPiece(f.data[at.ip:]) {
			if done, err := r.piece(name, f, at); done {
				return err
			}
		}
		err = packet.DecodeSegment(f.data[at.ip:], f.whole-at.ip, &r.segment)
	}
	switch {
	case err == nil && r.segment.Flags&reset.RST == 0:
		r.counts.Others++
		if r.cfg.Segment != nil {
			r.cfg.Segment(&r.segment, f.at)
		}
		r.place = f.place(at.link)
		r.flows.Add(&r.segment, f.at, &r.place)
		return nil
	case err == nil:
		return r.reset(name, f, at)
	case errors.Is(err, packet.ErrMalformed):
		return r.malformed(name, f, at)
	case errors.Is(err, packet.ErrTruncated):
		r.counts.Short++
	case errors.Is(err, packet.ErrLaterFragment):
		r.counts.Fragments++
	default:
		r.counts.Foreign++
	}
	return nil
}

// find looks for an IP header; what has none is counted.
func (r *Reader) find(f *frame) (at spot, ok bool) {
	r.layers.Reset()
	header, ok := network(f.device.link, f.data)
	if ok {
		return spot{header, header}, true
	}
	if !knownLink(f.device.link) {
		r.counts.Links[f.device.link]++
		return at, false
	}
	if at, ok = r.deeper(f); !ok {
		r.counts.Foreign++
	}
	return at, ok
}

// within steps into the tunnel that an IP packet is.
func (r *Reader) within(f *frame, at *spot) bool {
	ip, ok := r.layers.FromIP(f.data, at.ip)
	if ok {
		at.ip = ip
	}
	return ok
}

// malformed keeps a RST whose lengths make no sense: it went over the wire. Of
// its connection nothing is said.
func (r *Reader) malformed(name string, f *frame, at spot) error {
	var p reset.Packet
	if src, _, _ := packet.Decode(f.data[at.ip:], &p); src.IsZero() || p.Flags&reset.RST == 0 {
		r.counts.Damaged++
		return nil
	}
	return r.hold(name, f, at, nil)
}

// reset takes a RST, unless it is another frame of one that is held.
func (r *Reader) reset(name string, f *frame, at spot) error {
	r.place = f.place(at.link)
	watch := r.flows.Reset(&r.segment, f.at, &r.place)
	if watch == nil {
		r.counts.Copies++
		return nil
	}
	return r.hold(name, f, at, watch)
}
