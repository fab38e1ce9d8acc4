package recall

import (
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	scanShift = 10
	scanSlots = 1 << scanShift
	scanFor   = int64(time.Minute)
	// What was told within a step may be told in any order.
	scanStep  = int64(50 * time.Millisecond)
	scanBits  = 256
	scanWords = scanBits / 64
	// A source that has met so many ports keeps its slot while it goes on.
	scanKeeps = 8
)

// scanTable counts, for each source, the ports of ours whose refusals it met:
// of its SYNs, or of RSTs that match nothing.
type scanTable struct {
	slots  []scan
	recent struct { // the slot that was looked for last: a storm has one source, or few
		source netip.Addr
		netns  uint64
		slot   *scan
	}
}

// ports is a set of ports as a bitmap of hashes: its size is an estimate, near
// the truth up to some hundred.
type ports [scanWords]uint64

type scan struct {
	source         netip.Addr
	netns          uint64
	step           int64
	old, last, now ports // before the last step, in it, in the step under way
}

// met is whom a record tells of, and the port that it met; ok: it met one.
func met(r *reset.Reset) (source netip.Addr, port uint16, ok bool) {
	switch {
	case r.Direction == reset.Out && isTrivial(r):
		return r.Dst.Addr(), r.Src.Port(), r.Sender == reset.LocalKernel
	case r.Direction == reset.In:
		return r.Src.Addr(), r.Dst.Port(), r.Kernel.Verdict == reset.NoSocket
	}
	return source, 0, false
}

func (t *scanTable) slot(source netip.Addr, netns uint64) *scan {
	if t.slots == nil {
		t.slots = make([]scan, scanSlots)
	}
	recent := &t.recent
	if recent.slot != nil && recent.source == source && recent.netns == netns {
		return recent.slot
	}
	b := source.As16()
	h := (binary.BigEndian.Uint64(b[:8]) ^ netns) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32 ^ binary.BigEndian.Uint64(b[8:])) * 0xbf58476d1ce4e5b9
	recent.source, recent.netns, recent.slot = source, netns, &t.slots[h>>(64-scanShift)]
	return recent.slot
}

func (t *scanTable) note(r *reset.Reset) {
	source, port, ok := met(r)
	if !ok {
		return
	}
	s := t.slot(source, r.Netns.ID)
	step := r.MonoNS.V / scanStep
	if s.source != source || s.netns != r.Netns.ID {
		if s.all() >= scanKeeps && step-s.step < scanFor/scanStep {
			return
		}
		*s = scan{source: source, netns: r.Netns.ID, step: step}
	}
	s.move(step)
	bit := uint(port*0x9e37>>8) % scanBits
	switch {
	case step == s.step:
		s.now.add(bit)
	case step == s.step-1:
		s.last.add(bit)
	default:
		s.old.add(bit)
	}
}

// move begins the step, if it is a new one.
func (s *scan) move(step int64) {
	switch d := step - s.step; {
	case d <= 0:
		return
	case d > scanFor/scanStep:
		s.old, s.last = ports{}, ports{}
	case d == 1:
		s.old.join(&s.last)
		s.last = s.now
	default:
		s.old.join(&s.last)
		s.old.join(&s.now)
		s.last = ports{}
	}
	s.step, s.now = step, ports{}
}

// before is how many ports the source of a SYN had met before this moment.
func (t *scanTable) before(r *reset.Reset) int {
	s := t.of(r.Dst.Addr(), r.Netns.ID)
	if s == nil {
		return 0
	}
	set := s.old
	switch step := r.MonoNS.V / scanStep; {
	case step-s.step > scanFor/scanStep:
		return 0
	case step > s.step:
		set.join(&s.last)
		set.join(&s.now)
	case step == s.step:
		set.join(&s.last)
	}
	return set.count()
}

// all is how many ports the source of a RST has met by now.
func (t *scanTable) all(r *reset.Reset) int {
	s := t.of(r.Src.Addr(), r.Netns.ID)
	if s == nil || r.MonoNS.V/scanStep-s.step > scanFor/scanStep {
		return 0
	}
	return s.all()
}

func (t *scanTable) of(source netip.Addr, netns uint64) *scan {
	if t.slots == nil {
		return nil
	}
	if s := t.slot(source, netns); s.source == source && s.netns == netns {
		return s
	}
	return nil
}

func (s *scan) all() int {
	set := s.old
	set.join(&s.last)
	set.join(&s.now)
	return set.count()
}

func (p *ports) add(bit uint) { p[bit/64] |= 1 << (bit % 64) }

func (p *ports) join(other *ports) {
	for i := range p {
		p[i] |= other[i]
	}
}

// count estimates how many ports are in the set (linear counting: Whang,
// Vander-Zanden, Taylor, 1990).
func (p *ports) count() int {
	n := 0
	for _, w := range p {
		n += bits.OnesCount64(w)
	}
	if n == 0 || n == 1 {
		return n
	}
	return linear[min(n, scanBits-1)]
}

// linear is the estimate for each number of bits that are set.
var linear = func() (table [scanBits]int) {
	for n := range table {
		table[n] = int(math.Round(-scanBits * math.Log(1-float64(n)/scanBits)))
	}
	return table
}()
