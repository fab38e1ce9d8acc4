package ends

import (
	"errors"
	"math"
	"net/netip"
	"slices"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Side is an end, as the captures are named.
type Side uint8

// The sides.
const (
	Neither Side = iota
	Left
	Right
)

// String is the word for people.
func (s Side) String() string { return [...]string{"neither end", "left", "right"}[s] }

// Other is the other end.
func (s Side) Other() Side {
	switch s {
	case Left:
		return Right
	case Right:
		return Left
	}
	return Neither
}

// Joined is two captures whose packets were compared.
type Joined struct {
	// OffsetNS is by how much the right clock is ahead of the left one.
	OffsetNS int64
	// RoundNS is the least time from one end to the other and back, of which half
	// is how far the offset may be wrong.
	RoundNS int64
	Samples int // packets that both have

	left, right *Capture
	sides       map[packet.Address]Side
}

// The errors of captures that do not belong together.
var (
	ErrNothingCommon = errors.New("no packet is in both captures")
	ErrSamePlace     = errors.New("packets of both directions are in one order in both captures: they are of one place")
)

// delays is how long packets of one direction took, as the two clocks have it.
type delays struct {
	least, most int64
	n           int
}

func (d *delays) add(right int64) {
	if d.n == 0 {
		d.least, d.most = math.MaxInt64, math.MinInt64
	}
	d.least, d.most, d.n = min(d.least, right), max(d.most, right), d.n+1
}

// Join compares two captures. Packets that both have and that go both ways
// between two hosts tell which of them is where: what a host sends is at its own
// end first, whatever the clocks say, since the sum of both ways is free of them.
func Join(left, right *Capture) (*Joined, error) {
	j := &Joined{left: left, right: right, sides: map[packet.Address]Side{}, RoundNS: math.MaxInt64}
	ways := map[hosts]*delays{}
	for l, at := range left.samples {
		other := right.samples[l]
		if at == 0 || other == 0 {
			continue
		}
		d := ways[l.hosts]
		if d == nil {
			d = &delays{}
			ways[l.hosts] = d
		}
		d.add(other - at)
		j.Samples++
	}
	if j.Samples == 0 {
		return nil, ErrNothingCommon
	}
	for pair, forth := range ways {
		if back := ways[pair.turned()]; back != nil {
			j.place(pair, forth, back)
		}
	}
	if len(j.sides) == 0 {
		return nil, ErrSamePlace
	}
	return j, nil
}

// place finds where the two hosts are. Of the source at the left end the right
// clock reads delay + offset more than the left one, and of the other direction
// offset - delay; of a source at the right end the signs of the delays change.
func (j *Joined) place(pair hosts, forth, back *delays) {
	round, offset, at := forth.least-back.most, (forth.least+back.most)/2, Left
	if round < 0 {
		round, offset, at = back.least-forth.most, (back.least+forth.most)/2, Right
	}
	if round <= 0 {
		return
	}
	j.sides[pair.src], j.sides[pair.dst] = at, at.Other()
	if round < j.RoundNS {
		j.RoundNS, j.OffsetNS = round, offset
	}
}

// SideOf is the end at which an address is.
func (j *Joined) SideOf(e reset.Endpoint) Side { return j.sides[addressOf(e)] }

// Addresses are those at an end, in order.
func (j *Joined) Addresses(at Side) (list []netip.Addr) {
	for address, side := range j.sides {
		if side == at {
			list = append(list, address.Addr())
		}
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return list
}

// Fate is what became of a RST between the ends.
type Fate uint8

// The fates. Untold is that the captures do not say.
const (
	Untold Fate = iota
	Arrived
	NeverArrived
	NeverSent
)

// Told is what both captures say of a RST.
type Told struct {
	Fate   Fate
	From   Side  // the end at which its source is
	TookNS int64 // from end to end, of what arrived: by clocks that were set
	Why    string
}

// slackNS is by how much the two times of one packet may differ once the clocks
// are set: the way itself, and what the clocks drift apart.
const slackNS = int64(2e9)

// Of says what both captures say of a RST that one of them has.
func (j *Joined) Of(in Side, src, dst reset.Endpoint, p *reset.Packet, at int64) Told {
	here, there, ahead := j.left, j.right, j.OffsetNS
	if in == Right {
		here, there, ahead = j.right, j.left, -j.OffsetNS
	}
	l := labelOfReset(src, dst, p)
	told := Told{From: j.sides[l.src]}
	if told.From == Neither {
		told.Why = "no other packet tells at which end its source is"
		return told
	}
	expected := at + ahead
	if other, found := nearest(there.resets[l], nth(here.resets[l], at), expected); found {
		told.Fate, told.TookNS = Arrived, other-expected
		if in != told.From {
			told.TookNS = -told.TookNS
		}
		return told
	}
	switch {
	case there.full:
		told.Why = "the other capture has too many connections"
	case !there.has(l.flow, expected):
		told.Why = "the other capture has nothing of its connection, or did not run then"
	case in == told.From:
		told.Fate = NeverArrived
	default:
		told.Fate = NeverSent
	}
	return told
}

// nth is the place of a time among those of equal packets.
func nth(times []int64, at int64) int { return max(slices.Index(times, at), 0) }

// nearest finds the packet with that place among its equals, or the one that is
// nearest in time.
func nearest(times []int64, place int, expected int64) (at int64, found bool) {
	within := func(t int64) bool { return t-expected <= slackNS && expected-t <= slackNS }
	if place < len(times) && within(times[place]) {
		return times[place], true
	}
	for _, t := range times {
		if within(t) && (!found || abs(t-expected) < abs(at-expected)) {
			at, found = t, true
		}
	}
	return at, found
}

func abs(n int64) int64 { return max(n, -n) }
