package flow

import "github.com/rstwatch/rstwatch/internal/packet"

const (
	sharedKept   = 16
	sharedWithin = 100_000_000 // nanoseconds
	sharedStep   = 4
)

// shared looks for resets of several sources that count their IP IDs together,
// as one machine does that sends in the name of others.
type shared struct {
	recent [sharedKept]*Watch
	next   int
}

// add compares a RST with the latest of other sources. Two neighbours may be
// chance among many; three are not.
func (s *shared) add(w *Watch) {
	if w.packet.IPID == 0 {
		return
	}
	var like [sharedKept]*Watch
	n := 0
	sources := [2]packet.Address{w.packet.Src}
	different := 1
	for _, other := range s.recent {
		if other == nil || w.at-other.at > sharedWithin || other.packet.Src == w.packet.Src {
			continue
		}
		if step := w.packet.IPID - other.packet.IPID; step == 0 || step > sharedStep && -step > sharedStep {
			continue
		}
		like[n] = other
		n++
		if different == 1 || sources[1] != other.packet.Src {
			sources[min(different, 1)] = other.packet.Src
			different++
		}
	}
	if n >= 2 && different >= 3 {
		w.Later.SharedIPID = true
		for _, other := range like[:n] {
			other.Later.SharedIPID = true
		}
	}
	s.recent[s.next] = w
	s.next = (s.next + 1) % sharedKept
}

func (s *shared) forget(w *Watch) {
	for i, other := range s.recent {
		if other == w {
			s.recent[i] = nil
		}
	}
}
