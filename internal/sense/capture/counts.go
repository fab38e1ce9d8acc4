package capture

import "sync/atomic"

// Counts is what became of the packets of the files:
// Frames = Resets + Copies + Others + Foreign + Short + Damaged + Fragments + the sum of Links.
type Counts struct {
	Frames    uint64
	Resets    uint64 // handed on, each with its copies joined
	Copies    uint64 // of a reset that was captured before, at another place or twice
	Early     uint64 // of the resets: judged before two seconds were over, for want of room
	Others    uint64 // TCP segments that are no resets
	Foreign   uint64 // not TCP
	Short     uint64 // cut by the capture before the end of the TCP header
	Damaged   uint64 // headers that contradict each other
	Fragments uint64 // of a packet, without a TCP header
	// Links counts the packets of each link type that is not known here.
	Links map[uint32]uint64
	// Broken are the files that ended before their time, in the order of that.
	Broken []Broken
}

// Broken is a file that could be read only up to some point.
type Broken struct {
	File string
	Err  error // *TornError, *DamageError, or what the stream said
}

// Progress is how far reading has come; it may be asked at any time.
type Progress struct {
	Bytes  int64 // of the files, as they are on disk
	Frames uint64
}

// live is the part of the counts that others may look at meanwhile.
type live struct{ frames atomic.Uint64 }

// LinkName names a link type for people.
func LinkName(link uint32) string { return linkName(link) }
