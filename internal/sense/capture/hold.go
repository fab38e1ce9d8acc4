package capture

import (
	"bytes"

	"github.com/rstwatch/rstwatch/internal/flow"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// held is a RST that waits for what comes after it. It owns its bytes.
type held struct {
	at       int64
	id       reset.ID
	file     string
	frame    uint64
	watch    *flow.Watch // nil: of its connection nothing is known
	sighting reset.Sighting
	context  reset.Context
	data     []byte // from the link layer's header on
	ip       int    // where the IP header is in it
	nth      uint64 // of frames that are alike
	tunnel   []reset.Tunnel
	record   []byte // what the file itself says of it
}

// maxHeld bounds the resets that wait: in a storm the oldest goes before its
// time.
const maxHeld = 1 << 14

// queue holds resets in the order of the packets. Its places are used again.
type queue struct {
	places []*held // a ring
	first  int
	length int
}

func (q *queue) oldest() *held { return q.places[q.first] }

// push returns the place of a further one.
func (q *queue) push() *held {
	if q.length == len(q.places) {
		grown := make([]*held, max(2*len(q.places), 16))
		for i := range q.length {
			grown[i] = q.places[(q.first+i)%len(q.places)]
		}
		q.places, q.first = grown, 0
	}
	at := (q.first + q.length) % len(q.places)
	if q.places[at] == nil {
		q.places[at] = &held{}
	}
	q.length++
	return q.places[at]
}

// maxAlike bounds the frames that are compared.
const maxAlike = 256

// like counts the latest that bear the same time and the same headers.
func (q *queue) like(at int64, ip []byte) (nth uint64) {
	for i := q.length - 1; i >= max(0, q.length-maxAlike); i-- {
		h := q.places[(q.first+i)%len(q.places)]
		if h.at != at {
			break
		}
		if kept := h.data[h.ip:]; len(kept) <= len(ip) && bytes.Equal(kept, ip[:len(kept)]) {
			return h.nth + 1
		}
	}
	return 0
}

// pop gives the oldest one's place back; it is valid until the next push.
func (q *queue) pop() *held {
	h := q.places[q.first]
	q.first = (q.first + 1) % len(q.places)
	q.length--
	return h
}

// hold keeps a RST until it is known what follows it.
func (r *Reader) hold(name string, f *frame, at spot, watch *flow.Watch) error {
	if r.held.length >= maxHeld {
		r.counts.Early++
		if err := r.release(); err != nil {
			return err
		}
	}
	nth := r.held.like(f.at, f.data[at.ip:])
	h := r.held.push()
	h.nth, h.ip = nth, at.ip
	h.data = append(h.data[:0], f.data[:r.kept(f, at.ip)]...)
	h.at, h.file, h.frame, h.watch = f.at, name, f.number, watch
	h.sighting = reset.Sighting{Source: reset.Pcap, Complete: true, Time: reset.Time(f.at)}
	h.tunnel = append(h.tunnel[:0], r.layers.List...)
	r.fill(&h.sighting, h.data, f, at)
	h.sighting.Packet.Tunnel = h.tunnel
	h.id = identify(f.at, &h.sighting.Packet, nth)
	h.record = append(h.record[:0], f.record()...)
	h.sighting.Context = nil
	if watch != nil {
		h.context = reset.Context{Flow: watch.Facts}
		h.sighting.Context = &h.context
	}
	r.counts.Resets++
	return nil
}

// release hands on the RST that waited longest.
func (r *Reader) release() error {
	h := r.held.pop()
	r.found = Found{ID: h.id, Sighting: &h.sighting, File: h.file, Frame: h.frame, Record: h.record}
	if h.watch != nil {
		r.found.Later, r.found.Copies, r.found.Scans = h.watch.Later, h.watch.Copies, r.flows.Scans(h.watch)
		r.found.QuietLike, r.found.QuietOf = r.flows.Quiet(h.watch)
		if t := h.context.Flow.Answers; t != nil {
			h.sighting.Trigger = t
		}
	}
	err := r.sink(&r.found)
	if h.watch != nil {
		r.flows.Release(h.watch)
	}
	return err
}

func (r *Reader) releaseAll() error {
	for r.held.length > 0 {
		if err := r.release(); err != nil {
			return err
		}
	}
	return nil
}
