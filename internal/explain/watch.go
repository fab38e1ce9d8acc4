package explain

import (
	"slices"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Watch is what the coverage lines of a journal say: when somebody watched, and
// what was missed.
type Watch struct {
	spans      []Span
	lines      []reset.Coverage // those with something to say, bounded
	namespaces map[namespace]bool
	stops      []reset.Time // when a daemon ended in order, bounded
	boots      []boot
	hosts      map[string]bool
	sensors    map[string]bool
	last       reset.Time // of the newest line of a daemon
	began      reset.Time // when the newest daemon began
	stopped    bool       // the newest line was a stop
}

// Span is a stretch of time.
type Span struct {
	From  reset.Time `json:"from"`
	Until reset.Time `json:"until"`
}

// namespace is one of a host's.
type namespace struct {
	id         uint64
	name, host string
}

// boot is the first line of a boot.
type boot struct {
	id string
	at reset.Time
}

const (
	// joint is how far apart two intervals may be that are one.
	joint = reset.Time(time.Millisecond)
	// maxSpans bounds the stretches, lines and marks that are kept; the oldest go.
	maxSpans = 4096
	// checkpoint is how often a daemon writes coverage lines, and some seconds.
	checkpoint = reset.Time(75 * time.Second)
)

// cover takes a coverage line.
func (w *Watch) cover(c *reset.Coverage) {
	w.seen(c.Time, c.From, c.BootID)
	w.stopped = false
	if w.namespaces == nil {
		w.namespaces, w.hosts, w.sensors = make(map[namespace]bool), make(map[string]bool), make(map[string]bool)
	}
	for _, sensor := range c.Sensors {
		if len(w.sensors) < maxSpans {
			w.sensors[sensor] = true
		}
	}
	if len(w.namespaces) < maxSpans && len(w.hosts) < maxSpans {
		w.hosts[c.Host] = true
		w.namespaces[namespace{c.Netns.ID, c.Netns.Name, c.Host}] = true
	}
	if c.Lost > 0 || c.Folded > 0 || c.Filter != "" || c.UnwatchedNS.V > 0 {
		w.lines = bounded(append(w.lines, *c))
	}
	if c.Until <= c.From {
		return
	}
	// Lines come in their order, so a new one nearly always meets the last span.
	for i := len(w.spans) - 1; i >= 0; i-- {
		if s := &w.spans[i]; c.From <= s.Until+joint && c.Until+joint >= s.From {
			s.From, s.Until = min(s.From, c.From), max(s.Until, c.Until)
			w.merge(i)
			return
		}
	}
	w.spans = bounded(append(w.spans, Span{c.From, c.Until}))
	slices.SortFunc(w.spans, bySpan)
}

// merge joins the span at i with those that it has grown into.
func (w *Watch) merge(i int) {
	grown := w.spans[i]
	w.spans = slices.DeleteFunc(w.spans, func(s Span) bool {
		if s.From > grown.Until+joint || s.Until+joint < grown.From {
			return false
		}
		grown.From, grown.Until = min(s.From, grown.From), max(s.Until, grown.Until)
		return true
	})
	w.spans = append(w.spans, grown)
	slices.SortFunc(w.spans, bySpan)
}

func bySpan(a, b Span) int {
	if a.From < b.From {
		return -1
	}
	return 1
}

// control takes a control line.
func (w *Watch) control(c *reset.Control) {
	switch c.Event {
	case "start", "ledger", "sensor", "notice":
		w.seen(c.Time, c.Time, c.BootID)
		w.stopped = false
		if c.Event == "start" {
			w.began = c.Time
		}
	case "stop":
		w.seen(c.Time, c.Time, c.BootID)
		w.stopped = true
		w.stops = bounded(append(w.stops, c.Time))
	}
}

// seen notes a line of a daemon that was written at last, and tells of a boot
// since at.
func (w *Watch) seen(last, at reset.Time, bootID string) {
	w.last = max(w.last, last)
	if bootID != "" && (len(w.boots) == 0 || w.boots[len(w.boots)-1].id != bootID) {
		w.boots = bounded(append(w.boots, boot{bootID, at}))
	}
}

func bounded[T any](list []T) []T {
	if len(list) > maxSpans {
		return slices.Delete(list, 0, len(list)-maxSpans)
	}
	return list
}

// Coverage says how well a stretch of time was watched.
type Coverage struct {
	Span
	// Gaps are the stretches of which no coverage line tells.
	Gaps []Gap `json:"gaps,omitempty"`
	// Pending is the begin of a stretch at the end that is probably watched, and
	// of which the line is still to be written.
	Pending    reset.Time `json:"pending,omitzero"`
	Namespaces []string   `json:"namespaces,omitempty"`
	Sensors    []string   `json:"sensors,omitempty"`
	Lost       uint64     `json:"lost"`   // sightings
	Folded     uint64     `json:"folded"` // resets that stand in no record of their own
	Filters    []string   `json:"filters,omitempty"`
	Unwatched  []string   `json:"unwatched,omitempty"` // namespaces that lived before they were watched
	// WithoutHost says that the host's own namespace was not among them.
	WithoutHost bool `json:"without_host,omitempty"`
}

// Gap is a stretch that was not watched, and why, as far as that is known.
type Gap struct {
	Span
	Reason string `json:"reason,omitempty"`
}

// Throughout reports whether all of it was watched.
func (c *Coverage) Throughout() bool { return len(c.Gaps) == 0 }

// Of says how well the time from from until until was watched; now is when
// somebody asks.
func (w *Watch) Of(from, until, now reset.Time, setting *Setting) Coverage {
	c := Coverage{Span: Span{from, until}}
	at := from
	for _, s := range w.spans {
		if s.Until <= at || s.From >= until {
			continue
		}
		if s.From > at+joint {
			c.Gaps = append(c.Gaps, Gap{Span: Span{at, s.From}})
		}
		at = s.Until
	}
	if at+joint < until {
		if !w.stopped && w.last != 0 && max(w.last, at)+checkpoint >= now && until <= now+joint {
			if w.began > at+joint && w.began < until {
				c.Gaps = append(c.Gaps, Gap{Span: Span{at, w.began}})
				at = w.began
			}
			c.Pending = at
		} else {
			c.Gaps = append(c.Gaps, Gap{Span: Span{at, until}})
		}
	}
	for i := range c.Gaps {
		c.Gaps[i].Reason = w.reason(c.Gaps[i].Span)
	}
	w.details(&c, setting)
	return c
}

// Bounds is the time that the lines tell of, from the first to the last, or to
// now where somebody watches still.
func (w *Watch) Bounds(now reset.Time) (Span, bool) {
	lives := !w.stopped && w.last != 0 && w.last+checkpoint >= now
	switch {
	case len(w.spans) == 0 && lives && w.began != 0:
		return Span{w.began, now}, true // no minute is full yet
	case len(w.spans) == 0:
		return Span{}, false
	case lives:
		return Span{w.spans[0].From, now}, true
	}
	return Span{w.spans[0].From, w.spans[len(w.spans)-1].Until}, true
}

// reason is what the journal says of a gap.
func (w *Watch) reason(gap Span) string {
	for _, at := range w.stops {
		// A gap that begins with the time asked about began before that.
		if at >= w.end(gap.From)-joint && at <= gap.From+reset.Time(5*time.Second) {
			return "the daemon was stopped"
		}
	}
	for i, b := range w.boots {
		if i > 0 && b.at >= gap.From && b.at <= gap.Until+checkpoint {
			return "the host was restarted"
		}
	}
	if len(w.spans) == 0 || gap.Until <= w.spans[0].From+joint {
		return "no line of the journal tells of that time"
	}
	return "the daemon ended without a last word (killed?), up to a minute of it may have been watched"
}

// end is when the last span before a time ended.
func (w *Watch) end(at reset.Time) reset.Time {
	for i := len(w.spans) - 1; i >= 0; i-- {
		if w.spans[i].Until <= at {
			return w.spans[i].Until
		}
	}
	return at
}

// details fills what was lost or left out.
func (w *Watch) details(c *Coverage, setting *Setting) {
	shared := make(map[reset.Time]uint64) // what a sensor of the whole host lost, in each of its lines
	for i := range w.lines {
		line := &w.lines[i]
		if line.Until <= c.From || line.From >= c.Until {
			continue
		}
		if len(line.Sensors) > 0 && strings.HasPrefix(line.Sensors[0], "bpf") {
			shared[line.Time] = line.Lost
		} else {
			c.Lost += line.Lost
		}
		c.Folded += line.Folded
		if line.Filter != "" && !slices.Contains(c.Filters, clean(line.Filter)) && len(c.Filters) < 5 {
			c.Filters = append(c.Filters, clean(line.Filter))
		}
		if name := setting.netns(line.Netns, line.Host); line.UnwatchedNS.V > 0 && !slices.Contains(c.Unwatched, name) {
			c.Unwatched = append(c.Unwatched, name)
		}
	}
	for _, lost := range shared {
		c.Lost += lost
	}
	for n := range w.namespaces {
		c.Namespaces = append(c.Namespaces, setting.netns(reset.Netns{ID: n.id, Name: n.name}, n.host))
	}
	slices.Sort(c.Namespaces)
	for sensor := range w.sensors {
		c.Sensors = append(c.Sensors, clean(sensor))
	}
	slices.Sort(c.Sensors)
	if n := len(c.Namespaces); n > 0 && setting.HostNetns != 0 && len(w.hosts) == 1 && w.hosts[setting.Host] {
		c.WithoutHost = !slices.Contains(c.Namespaces, "the host's") && !slices.Contains(c.Namespaces, "all")
	}
}
