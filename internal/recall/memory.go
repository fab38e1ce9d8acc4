package recall

import (
	"fmt"
	"slices"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Config is what can be chosen.
type Config struct {
	// Window is how long after a reset others may say something of it.
	Window time.Duration
	// MaxKept bounds the resets that are kept; those that find no room are final.
	MaxKept int
	// OtherEnd says in which namespace of this host the RST's source is, if a
	// sensor knows that end of the connection there and would have seen the RST
	// leave; nil: nobody knows.
	OtherEnd func(*reset.Reset) (reset.Netns, bool)
	// Tracked is conntrack's entry, in the RST's namespace, of the connection whose
	// other end's packets have the RST's addresses turned round; nil: none is
	// known, or not yet. A nil function: nobody asks.
	Tracked func(*reset.Reset) *reset.NAT
	// AddressCame says how long before the RST its source's address had come to a
	// device of this host that had another for longer, if that was watched, as far
	// as known; nil: nobody asks.
	AddressCame func(*reset.Reset) (agoNS int64, ok bool)
	// Wants says whether somebody may add to a record by its last revision, of one
	// whose verdict nothing can change any more; nil: nobody may.
	Wants func(*reset.Reset) bool
}

// DefaultConfig returns the window of the published detectors of forgeries
// (Weaver, Sommer, Paxson: two seconds), and room for a burst.
func DefaultConfig() Config { return Config{Window: 2 * time.Second, MaxKept: 4096} }

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.Window <= 0 || c.Window > time.Minute {
		return fmt.Errorf("window %v: not above zero and up to a minute", c.Window)
	}
	if c.MaxKept < 1 {
		return fmt.Errorf("%d resets kept: not at least 1", c.MaxKept)
	}
	return nil
}

// Counts is what became of the resets that were told.
type Counts struct {
	Provisional uint64 `json:"provisional"` // were kept, and get a last revision
	Waiting     uint64 `json:"waiting"`     // of these, do not have it yet
	Crowded     uint64 `json:"crowded"`     // final at once for want of room
}

// Memory keeps resets for a while. It is not safe for concurrent use.
type Memory struct {
	cfg    Config
	window int64
	counts Counts
	index  index
	// Kept entries in the order in which they were told: those before waiting
	// have had their last revision and serve the others as facts.
	oldest, newest, waiting *entry
	kept                    int
	free                    *entry
	freed                   int

	late    lateQueue
	sent    sentTable
	deaths  deathTable
	quiet   quietTable
	scans   scanTable
	kernel  reset.Kernel // of the case judged last, as the sensors told it
	packet  packetKey    // of the case judged last
	related []reset.ID   // what followed from the reset at hand
	spoken  reset.Trigger
	twin    attribute.Twin
	// When the twin left, of the reset at hand.
	twinMono int64
	links    [2]attribute.Link
	again    attribute.Case
	netns    reset.Netns // of the other end of the reset at hand
	// crowded is when something found no room, or took that of another: what was
	// sent about then may be forgotten.
	crowded reset.Opt[int64]
}

// New returns an empty memory.
func New(cfg Config) (*Memory, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("recall: %w", err)
	}
	return &Memory{cfg: cfg, window: int64(cfg.Window), index: newIndex(), deaths: make(deathTable)}, nil
}

// Counts returns the account so far.
func (m *Memory) Counts() Counts { return m.counts }

// Waiting returns how many resets have not had their last revision.
func (m *Memory) Waiting() int { return int(m.counts.Waiting) }

// Idle reports whether nothing is kept, so that Advance has nothing to do.
func (m *Memory) Idle() bool { return m.kept+m.late.waiting == 0 }

// Judge gives the case its verdict of now, with what is known beside it. What
// the case is told of points into the memory until the next call.
func (m *Memory) Judge(c *attribute.Case) {
	m.kernel, m.packet, m.related = c.Reset.Kernel, 0, m.related[:0]
	c.After = attribute.After{}
	if isTold(c.Reset) {
		m.packet = keyOf(c.Reset)
		if isTrivial(c.Reset) {
			c.After.ScansBySource = m.scans.before(c.Reset)
		} else {
			m.lookAround(c, nil)
		}
	}
	m.judge(c)
}

// judge makes the verdict and adds the links that it does not.
func (m *Memory) judge(c *attribute.Case) {
	attribute.Judge(c)
	if len(m.related) > 0 {
		c.Reset.Related = append(slices.Clip(c.Reset.Related), m.related...)
	}
}

// Note remembers the case that was judged last. If more may come, the reset is
// provisional and kept; what it points to is copied. One that is not recorded
// serves the others as a fact and is not linked.
func (m *Memory) Note(c *attribute.Case, recorded bool) {
	r := c.Reset
	r.Final, r.ProvisionalUntil = true, 0
	if !isTold(r) {
		return
	}
	m.scans.note(r)
	if isTrivial(r) {
		m.sent.note(m.packet, r, recorded)
		if recorded {
			m.noteLate(c)
		}
		return
	}
	m.quiet.note(r)
	m.deaths.note(r, c.Context, recorded)
	e := m.place()
	if e == nil {
		if recorded {
			m.counts.Crowded++
		}
		m.crowded = r.MonoNS
		if r.Direction == reset.Out {
			m.sent.note(m.packet, r, recorded)
		}
		return
	}
	if recorded {
		m.promise(r)
	}
	e.take(c, m.kernel, m.packet, recorded)
	if e.twinMono = 0; c.After.Twin != nil {
		e.twin, e.twinMono = *c.After.Twin, m.twinMono
		e.twin.Process = nil // not ours
	}
	m.link(e)
}

// Advance gives every reset whose time is over at the monotonic time its last
// revision: emit is called with its case, judged anew, and keeps nothing of it.
func (m *Memory) Advance(mono int64, emit func(*attribute.Case)) {
	for m.late.oldest != nil && mono-m.late.oldest.mono >= m.window {
		m.finishLate(emit)
	}
	for m.waiting != nil && mono-m.waiting.mono >= m.window {
		m.finish(m.waiting, emit)
	}
	// An entry serves those that came up to a window after it, until they have
	// had theirs.
	for m.oldest != m.waiting && m.oldest != nil && mono-m.oldest.mono >= 2*m.window+slack {
		m.forget(m.oldest)
	}
	if m.kept == 0 && m.freed > 0 {
		m.free, m.freed = nil, 0 // nothing happens: give the memory back
	}
}

// slack is how much later than its time a record may be told: the window of the
// joining, and what a sensor needs to deliver it.
const slack = int64(500 * time.Millisecond)

// Drain gives every reset its last revision: nothing more will come.
func (m *Memory) Drain(emit func(*attribute.Case)) {
	for m.late.oldest != nil {
		m.finishLate(emit)
	}
	for m.waiting != nil {
		m.finish(m.waiting, emit)
	}
}

// finish judges an entry for the last time.
func (m *Memory) finish(e *entry, emit func(*attribute.Case)) {
	m.waiting = e.newer
	e.spent = true
	if !e.recorded {
		return
	}
	m.counts.Waiting--
	m.rejudge(e)
	e.record.Revision++
	e.record.Final, e.record.ProvisionalUntil = true, 0
	emit(&m.again)
	e.record.Evidence = nil // not ours
	m.adopt(e)
}

// adopt takes the owner that was found while the reset was kept, so that those
// after it find it by its process.
func (m *Memory) adopt(e *entry) {
	if e.record.Process == nil || e.record.Process == &e.process.process {
		return
	}
	e.record.Process = e.process.take(e.record.Process)
	if e.pid == 0 && e.record.Process.PID.V != 0 {
		e.pid = e.record.Process.PID.V
		m.index.processes.add(e.pid, e)
	}
}

// rejudge gives an entry its verdict with all that is known now.
func (m *Memory) rejudge(e *entry) {
	e.renew()
	m.again = attribute.Case{Reset: &e.record, Origin: e.origin}
	if e.hasContext {
		m.again.Context = &e.context
	}
	m.lookAround(&m.again, e)
	m.judge(&m.again)
}

// isTold reports whether a record can be set beside others: its moment and its
// addresses are known, and this host took part in its way.
func isTold(r *reset.Reset) bool {
	return r.MonoNS.OK && r.MonoNS.V > 0 && !r.Src.IsZero() && !r.Dst.IsZero() &&
		r.Direction != reset.Transit && r.Direction != reset.DirectionUnknown && r.Fold == nil
}

// isTrivial reports whether nothing that follows can change the verdict: the
// refusal of a SYN, of which a scan makes millions. Where the sensor does not see
// the SYN, the form tells (RFC 9293, 3.10.7.1: what bears no ACK is refused with
// SEQ 0).
func isTrivial(r *reset.Reset) bool {
	if r.Direction != reset.Out || r.Process != nil {
		return false
	}
	if r.Trigger != nil {
		return r.Trigger.Flags&(reset.SYN|reset.ACK) == reset.SYN
	}
	p := &r.Packet
	return p.Flags == reset.RST|reset.ACK && p.Seq.OK && p.Seq.V == 0 && p.Window.OK && p.Window.V == 0
}

// packetKey stands for what neither a router nor a translation of addresses
// changes in a packet. Those of equal keys are compared by sameNumbers.
type packetKey uint64

func keyOf(r *reset.Reset) packetKey {
	p := &r.Packet
	if !p.Seq.OK {
		return 0
	}
	h := (uint64(p.Seq.V)<<32 | uint64(p.Ack.V)) * 0x9e3779b97f4a7c15
	h ^= uint64(p.IPID.V)<<16 | uint64(p.Window.V)
	return packetKey((h^h>>32)*0xbf58476d1ce4e5b9) | 1<<63 // 0 is none
}

// sameNumbers is equality of what the key is made of.
func sameNumbers(a, b *reset.Reset) bool {
	x, y := &a.Packet, &b.Packet
	return x.Seq == y.Seq && x.Ack.V == y.Ack.V && x.IPID.V == y.IPID.V && x.Window.V == y.Window.V && x.Flags == y.Flags
}
