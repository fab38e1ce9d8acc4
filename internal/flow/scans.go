package flow

import (
	"math/bits"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	scanSlots  = 1 << 10
	scanFor    = 60_000_000_000 // nanoseconds
	scanKeeps  = 8              // so many targets hold a slot against another source
	scanBits   = 256
	scanWords  = scanBits / 64
	hashFactor = 0x9e3779b97f4a7c15
)

// scans counts, for each address, the ports that it tried and that came to
// nothing: its SYN was refused, or it reset what the SYN+ACK began.
type scans struct{ slots []scan }

// scan is one source. The set of its targets is a bitmap of hashes: its size is
// an estimate, near the truth up to some hundred.
type scan struct {
	source  packet.Address
	last    int64
	targets [scanWords]uint64
}

// tried says who tried what, if the RST tells of that.
func tried(p *packet.Segment, f *reset.FlowFacts) (source, target packet.Address, port uint16, ok bool) {
	switch {
	case f.Stage == reset.AfterSYN && f.Seq == reset.SeqZero && f.Originator == reset.Some(false):
		return p.Dst, p.Src, p.SrcPort, true
	case f.Stage == reset.AfterSYNACK && f.Originator == reset.Some(true):
		return p.Src, p.Dst, p.DstPort, true
	}
	return source, target, 0, false
}

func (s *scans) note(source, target packet.Address, port uint16, at int64) {
	if s.slots == nil {
		s.slots = make([]scan, scanSlots)
	}
	slot := s.slot(source)
	if slot.source != source || at-slot.last > scanFor {
		if slot.source != source && slot.size() >= scanKeeps && at-slot.last <= scanFor {
			return
		}
		*slot = scan{source: source}
	}
	slot.last = at
	h := ((target.Hi^target.Lo)*hashFactor + uint64(port)) * hashFactor >> 56
	slot.targets[h/64] |= 1 << (h % 64)
}

func (s *scans) slot(source packet.Address) *scan {
	h := (source.Hi ^ source.Lo) * hashFactor
	return &s.slots[h>>32%scanSlots]
}

func (s *scan) size() (n int) {
	for _, word := range s.targets {
		n += bits.OnesCount64(word)
	}
	return n
}

// Scans returns how many ports the address tried, of late, of which the RST
// tells that it tried one; 0 where it tells of none.
func (t *Tracker) Scans(w *Watch) int {
	source, _, _, ok := tried(&w.packet, &w.Facts)
	if !ok || t.scans.slots == nil {
		return 0
	}
	if slot := t.scans.slot(source); slot.source == source {
		return slot.size()
	}
	return 0
}
