package daemon

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// otherEnd finds the namespace of this host at which a RST's source is, for those
// that nobody here is known to have sent. It may be called by one goroutine only.
type otherEnd struct {
	capture    *Capture
	namespaces func() []netns.Namespace
	now        func() time.Time

	second time.Time // the one at hand, and the look-ups that were made in it
	looked int
	known  []netns.Namespace // as of the start of that second
	lost   uint64            // sightings lost so far
	lostAt time.Time         // when that was last seen to grow
}

// The look-ups of a second: one takes about a microsecond. And how long after a
// loss nothing is said: what left may be what was lost.
const (
	otherEndLookups = 20000
	otherEndLoss    = 5 * time.Second
)

// newOtherEnd is nil where the capture cannot tell.
func newOtherEnd(capture *Capture, namespaces func() []netns.Namespace) func(*reset.Reset) (reset.Netns, bool) {
	if capture.Knows == nil {
		return nil
	}
	o := &otherEnd{capture: capture, namespaces: namespaces, now: time.Now}
	return o.find
}

func (o *otherEnd) find(r *reset.Reset) (reset.Netns, bool) {
	if now := o.now(); now.Sub(o.second) >= time.Second {
		o.second, o.looked, o.known = now, 0, o.namespaces()
	}
	if o.looked+len(o.known) > otherEndLookups {
		return reset.Netns{}, false
	}
	o.looked += len(o.known)
	for _, n := range o.known {
		there := reset.Netns{ID: n.ID, Cookie: n.Cookie, Name: n.Name}
		if o.capture.Knows(there, r.Src, r.Dst) {
			return there, !o.losing()
		}
	}
	return reset.Netns{}, false
}

// losing reports whether sightings were lost of late.
func (o *otherEnd) losing() bool {
	counts := o.capture.Counts()
	if lost := counts.Lost + counts.Missed; lost != o.lost {
		o.lost, o.lostAt = lost, o.now()
	}
	return !o.lostAt.IsZero() && o.now().Sub(o.lostAt) < otherEndLoss
}
