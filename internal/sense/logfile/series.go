package logfile

import (
	"bytes"
	"context"
	"errors"
	"math"
	"time"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// series reads the files of one log as one.
type series struct {
	reader  *Reader
	members []member
	bases   []reset.Opt[int] // of the members: the year of the first line
	current *file
	at      int // of the member that is read
	ids     identifier
	host    names
	parts   []piece
	message message
	queue   []item // read and not handed on
	first   int    // in queue
	lines   uint64 // of the current file, as counted so far
	ended   bool
	stopped error // why reading was given up
}

// resolve finds the years of the files whose lines bear none, the youngest file
// first: no file is younger than the one that follows it.
func (s *series) resolve(ctx context.Context) error {
	s.bases = make([]reset.Opt[int], len(s.members))
	var follows time.Time
	for i := len(s.members) - 1; i >= 0; i-- {
		m := s.members[i]
		if m.input.Stream != nil || m.input.own || !isYearless(m.input.sample) {
			continue
		}
		days, err := m.input.days(ctx)
		if err != nil {
			return err
		}
		if !days.known {
			continue
		}
		cfg := &s.reader.cfg
		latest := m.input.latest(cfg)
		if !follows.IsZero() && follows.Before(latest) {
			latest = follows
		}
		base := days.base(latest, m.date, cfg.Zone)
		s.bases[i] = reset.Some(base)
		follows = days.first.date(base, cfg.Zone).Add(lateDays * day)
	}
	return nil
}

// isYearless reports whether a line of the sample has a head without a year.
func isYearless(sample []byte) bool {
	var none [6]byte
	for len(sample) > 0 {
		line := sample
		for i, c := range sample {
			if c == '\n' {
				line = sample[:i]
				break
			}
		}
		if _, ok := newDay(line, &none); ok {
			return true
		}
		sample = sample[min(len(line)+1, len(sample)):]
	}
	return false
}

// head is the next reset; nil at the end. It is valid until drop.
func (s *series) head(ctx context.Context) (*item, error) {
	for s.first == len(s.queue) {
		s.queue, s.first = s.queue[:0], 0
		if s.ended {
			return nil, nil
		}
		if err := s.advance(ctx); err != nil {
			return nil, err
		}
	}
	return &s.queue[s.first], nil
}

func (s *series) drop() { s.first++ }

// advance reads the next message.
func (s *series) advance(ctx context.Context) error {
	if s.current == nil {
		if s.at == len(s.members) {
			s.ended = true
			return nil
		}
		f, err := s.members[s.at].input.open(&s.reader.cfg, &s.reader.read)
		if err != nil {
			return err
		}
		f.lines.wait = func() error { return s.wait(ctx) }
		f.times.base = s.bases[s.at]
		s.current, s.lines = f, 0
	}
	err := s.current.format.next(&s.message)
	s.count()
	switch {
	case err == nil:
		s.take(&s.message)
		return nil
	case s.stopped != nil:
		return s.stopped
	case !isEnd(err):
		s.reader.counts.broken(s.current.input.Name, s.current.lines.number, err)
	}
	s.leave()
	return nil
}

// leave closes the file at hand.
func (s *series) leave() {
	f := s.current
	s.reader.counts.Long += f.lines.long
	s.reader.counts.Missed += f.missed
	if f.times.first != 0 && len(s.reader.counts.Dated) < maxDated {
		s.reader.counts.Dated = append(s.reader.counts.Dated, Dated{f.input.Name, f.times.first, f.times.last})
	}
	f.close()
	s.current = nil
	s.at++
}

// wait is called before more of a file is read.
func (s *series) wait(ctx context.Context) error {
	s.count()
	if s.stopped = ctx.Err(); s.stopped == nil && s.current.input.Stream != nil {
		s.stopped = s.current.input.await(ctx, s.reader.cfg.Idle)
	}
	return s.stopped
}

func (s *series) count() {
	n := s.current.lines.number
	s.reader.counts.Lines += n - s.lines
	s.lines = n
	s.reader.lines.Store(s.reader.counts.Lines)
}

// take reads a message, which may be several.
func (s *series) take(m *message) {
	if m.json {
		s.takeJSON(m)
		return
	}
	s.takeText(m)
}

func (s *series) takeText(m *message) {
	for line, h := m.line, m.head; line != nil; {
		part, rest, whole := cutWindow(line)
		s.takePart(m, part, h)
		if !whole {
			s.reader.counts.torn(s.current.input.Name, m.number, "it is longer than any message")
		}
		line, h = rest, parseHead(rest)
	}
}

// takePart reads a line, or what was cut from a long one.
func (s *series) takePart(m *message, line []byte, h head) {
	s.parts = pieces(line, h, s.parts)
	for i := range s.parts {
		s.takePiece(m, &s.parts[i])
	}
}

// takePiece reads one message of a line.
func (s *series) takePiece(m *message, p *piece) {
	f, counts := s.current, &s.reader.counts
	text := p.line[min(p.head.text, len(p.line)):]
	if p.head.quoted {
		text = classic.Unescape(text)
	}
	start := classic.Find(text)
	if p.head.by == kernel && !p.head.sure {
		f.names = true
	}
	if p.head.by == another && (p.head.sure || f.names) {
		if start >= 0 {
			counts.Foreign++
		}
		return
	}
	if start < 0 {
		if isRemnant(text) {
			counts.torn(f.input.Name, m.number, "the beginning or the devices are missing")
		}
		return
	}
	if classic.Find(text[:start]) >= 0 {
		counts.torn(f.input.Name, m.number, "another message begins within it")
	}
	it := s.push()
	end, err := classic.ParseAt(text, start, &it.sighting)
	var broke *classic.ParseError
	switch {
	case errors.As(err, &broke):
		counts.torn(f.input.Name, m.number, "it breaks off before "+broke.Want)
	case err != nil:
		counts.Others++
	default:
		if it.sighting.Hook == reset.HookNone {
			it.sighting.Hook = reset.HookTransit // no device: nothing is said of the way
		}
		it.sighting.Time = f.times.at(&p.head.stamp)
		if p.head.stamp.kind == uptime {
			it.sighting.MonoNS = p.head.stamp.ns
		}
		s.finish(it, m, p.head.host, text[:end])
		s.repeat(*it, m, p.head.host, text[start:end], repeated(text[:start]))
		return
	}
	s.queue = s.queue[:len(s.queue)-1]
}

// repeat adds the resets for which a line stands beside its own.
func (s *series) repeat(it item, m *message, host, text []byte, times int64) {
	for range min(times, maxRepeated) - 1 {
		again := s.push()
		*again = it
		s.finish(again, m, host, text)
	}
	if times > maxRepeated {
		s.reader.counts.torn(s.current.input.Name, m.number, "it stands for more messages than can be")
	}
}

// maxRepeated bounds the messages for which one line stands.
const maxRepeated = 10_000

// repeated reads how many messages a line stands for, where rsyslog was told to
// write equal ones once: "message repeated 3 times: [ ".
func repeated(prefix []byte) int64 {
	_, rest, ok := cut(prefix, "message repeated ")
	if !ok {
		return 1
	}
	times, rest, ok := number(rest, 1<<31)
	if !ok || !bytes.HasPrefix(rest, []byte(" times: [ ")) {
		return 1
	}
	return times
}

// isRemnant reports what is left of a message whose beginning is gone.
func isRemnant(text []byte) bool {
	_, rest, ok := cut(text, " DST=")
	if !ok {
		return false
	}
	_, _, ok = cut(rest, " PROTO=")
	return ok
}

// push makes room for a further reset.
func (s *series) push() *item {
	s.queue = append(s.queue, item{})
	return &s.queue[len(s.queue)-1]
}

// finish fills what every kind of line tells.
func (s *series) finish(it *item, m *message, host, text []byte) {
	it.sighting.Complete = true
	if isHost(host) { // RFC 5424 and journald allow more
		it.sighting.Host = s.host.of(host)
	}
	it.boot = bootOf(m.boot)
	it.file, it.line = s.current.input.Name, m.number
	it.id = s.ids.next(it.sighting.Time, host, text)
	if it.sighting.Time.IsZero() {
		s.reader.counts.Timeless++
	}
}

// order is a reset's place among those of other logs: one whose time is not
// known follows what stands before it.
func (it *item) order() int64 {
	if it.sighting.Time.IsZero() {
		return math.MinInt64
	}
	return int64(it.sighting.Time)
}
