package rules

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// limitMatch is xt_limit: a bucket that fills with one token each period, up
// to burst, and pays one for each packet. The kernel counts in jiffies, this in
// nanoseconds of the packet's own time, so that old records give the same
// answer at any speed.
type limitMatch struct {
	period time.Duration
	burst  int64

	mu         sync.Mutex
	begun      bool
	last       int64 // nanoseconds
	credit     int64 // nanoseconds, a token is one period
	suppressed uint64
}

// limitUnit is the kernel's XT_LIMIT_SCALE: periods are whole units.
const limitUnit = time.Second / 10000

// newLimit has iptables' defaults, 3/hour with a burst of 5.
func newLimit() *limitMatch { return &limitMatch{period: 20 * time.Minute, burst: 5} }

func (m *limitMatch) match(p *packet) answer {
	now, ok := timeOf(p.r)
	if !ok {
		return unknown
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	full := int64(m.period) * m.burst
	if !m.begun {
		m.begun, m.last, m.credit = true, now, full
	}
	if now > m.last { // a clock that went back gives nothing and takes nothing
		elapsed := now - m.last
		if elapsed < 0 || elapsed > full { // a hostile record's times can overflow
			elapsed = full
		}
		m.credit = min(m.credit+elapsed, full)
	}
	m.last = now
	if m.credit < int64(m.period) {
		m.suppressed++
		return no
	}
	m.credit -= int64(m.period)
	return yes
}

// timeOf prefers the clock that never steps.
func timeOf(r *reset.Reset) (int64, bool) {
	if r.MonoNS.OK {
		return r.MonoNS.V, true
	}
	return int64(r.Time), !r.Time.IsZero()
}

func (m *limitMatch) clone() match         { return &limitMatch{period: m.period, burst: m.burst} }
func (m *limitMatch) needs() Fields        { return FieldTime }
func (m *limitMatch) check(*rule) *problem { return nil }

func (m *limitMatch) option(ps *parser, word string) *problem {
	text, p := ps.argument(word)
	if p != nil {
		return p
	}
	if word == "--limit-burst" {
		v, err := strconv.ParseUint(text, 0, 32)
		if err != nil || v == 0 || v > 10000 {
			return bad("%s: %q is not within 1 to 10000", word, text)
		}
		m.burst = int64(v)
		return m.overflow()
	}
	m.period, p = parseRate(word, text)
	if p != nil {
		return p
	}
	return m.overflow()
}

func (m *limitMatch) overflow() *problem {
	if m.period > 0 && m.burst > math.MaxInt64/int64(m.period) {
		return bad("limit and burst are too large together")
	}
	return nil
}

// parseRate reads NUMBER[/UNIT] as iptables' parse_rate does: units may be cut
// short, and the period is rounded down to 100 microseconds.
func parseRate(word, text string) (time.Duration, *problem) {
	number, unit, named := strings.Cut(text, "/")
	per := time.Second
	if named {
		per = 0
		for _, u := range []struct {
			name string
			per  time.Duration
		}{{"second", time.Second}, {"minute", time.Minute}, {"hour", time.Hour}, {"day", 24 * time.Hour}} {
			if unit != "" && strings.HasPrefix(u.name, strings.ToLower(unit)) {
				per = u.per
				break
			}
		}
	}
	rate, err := strconv.ParseUint(number, 10, 31)
	switch {
	case err != nil || rate == 0 || per == 0:
		return 0, bad("%s: no rate %q", word, text).with("a rate is a number and /second, /minute, /hour or /day")
	case rate > uint64(per/limitUnit):
		return 0, bad("%s: rate %q is too fast", word, text)
	}
	return per / limitUnit / time.Duration(rate) * limitUnit, nil
}
