package flow

import "github.com/rstwatch/rstwatch/internal/packet"

const (
	quietKept   = 1024
	quietFor    = 3_600_000_000_000 // nanoseconds
	quietAtAll  = 1000              // milliseconds: less is no silence
	quietWithin = 50                // a fiftieth: two in a hundred
)

// quiets remembers how long connections had been silent before a RST: what
// forgets silent connections does so after the same time for all of them.
type quiets struct {
	kept []silence
	next int
}

type silence struct {
	toward uint64 // the network of the RST's source, and the service
	ms, at int64
}

// silenceOf is the silence before a RST, if there was one.
func silenceOf(w *Watch) (s silence, ok bool) {
	quiet := w.Facts.QuietMS
	if !quiet.OK || quiet.V < quietAtAll {
		return s, false
	}
	network := packet.Address{Lo: w.packet.Src.Lo >> 8} // of 24 bits
	if w.packet.Version == 6 {
		network = packet.Address{Hi: w.packet.Src.Hi}
	}
	// The service's port is nearly always the lower one.
	toward := (network.Hi^network.Lo)*hashFactor ^ uint64(min(w.packet.SrcPort, w.packet.DstPort))
	return silence{toward: toward, ms: quiet.V, at: w.at}, true
}

func (q *quiets) note(w *Watch) {
	s, ok := silenceOf(w)
	if !ok {
		return
	}
	if len(q.kept) < quietKept {
		q.kept = append(q.kept, s)
		return
	}
	q.kept[q.next] = s
	q.next = (q.next + 1) % quietKept
}

// Quiet says of how many further resets the silence before them is known,
// toward the same network and port, and how many of these had been silent for
// as long as the connection of this RST.
func (t *Tracker) Quiet(w *Watch) (alike, of int) {
	s, ok := silenceOf(w)
	if !ok {
		return 0, 0
	}
	for i := range t.quiets.kept {
		other := &t.quiets.kept[i]
		if other.toward != s.toward || other.at == s.at || s.at-other.at > quietFor {
			continue
		}
		of++
		if d := other.ms - s.ms; d <= s.ms/quietWithin && -d <= s.ms/quietWithin {
			alike++
		}
	}
	return alike, of
}
