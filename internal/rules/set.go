package rules

import (
	"slices"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Rule is a LOG rule that a reset can meet.
type Rule struct {
	Line    int    // in the file
	Text    string // the line
	Chain   string
	Prefix  string
	Level   int // syslog severity, 0 to 7
	options classic.Options
	limits  []*limitMatch
}

// Options returns what the rule asks of a line.
func (r *Rule) Options() classic.Options { return r.options }

// Suppressed returns how many resets its limit has kept from the log.
func (r *Rule) Suppressed() uint64 {
	var all uint64
	for _, m := range r.limits {
		m.mu.Lock()
		all += m.suppressed
		m.mu.Unlock()
	}
	return all
}

// Set is a file's rules. It may be used by several goroutines; with limits the
// answers depend on the order of the calls, so ask once for each reset.
type Set struct {
	name    string
	family  reset.Family
	chains  map[reset.Direction]*program
	rules   []*Rule
	notices []Notice
	needed  []need

	// Conntrack tells the state of a reset's packet as conntrack had it: NEW,
	// ESTABLISHED, RELATED, INVALID or UNTRACKED. Nil where nothing knows. Set it
	// before the first match.
	Conntrack func(*reset.Reset) (state string, known bool)
}

// Rules returns the LOG rules in the order of the file.
func (s *Set) Rules() []*Rule { return slices.Clone(s.rules) }

// Notices returns what is worth a word and no error.
func (s *Set) Notices() []Notice { return slices.Clone(s.notices) }

// Family returns the one that the file is for, or FamilyNone where nothing in
// it says: it then holds for both.
func (s *Set) Family() reset.Family { return s.family }

// Match returns the first LOG rule that logs the reset.
func (s *Set) Match(r *reset.Reset) (rule *Rule, ok bool) {
	s.Matches(r, func(one *Rule) {
		if !ok {
			rule, ok = one, true
		}
	})
	return rule, ok
}

// Matches calls log for each rule that logs the reset, in the kernel's order.
// A rule that asks for what the record does not know does not match.
func (s *Set) Matches(r *reset.Reset, log func(*Rule)) {
	if s.family != reset.FamilyNone && s.family != familyOf(r) {
		return
	}
	if program := s.chains[r.Direction]; program != nil {
		program.run(&packet{r: r, state: s.Conntrack}, log)
	}
}

func familyOf(r *reset.Reset) reset.Family {
	switch {
	case r.Packet.Family != reset.FamilyNone:
		return r.Packet.Family
	case r.Src.IsValid() && r.Src.Addr().Is6():
		return reset.IPv6
	case r.Src.IsValid():
		return reset.IPv4
	}
	return reset.FamilyNone
}

// program is a chain with what matters of it.
type program struct{ steps []step }

type step struct {
	rule *rule
	jump *program // of a user chain
}

// outcome is how a chain ends.
type outcome uint8

const (
	fallsThrough outcome = iota // its end, or RETURN
	stops                       // a verdict
)

func (c *program) run(p *packet, log func(*Rule)) outcome {
	for _, s := range c.steps {
		if s.rule.match(p) != yes {
			continue
		}
		switch {
		case s.jump != nil:
			if s.jump.run(p, log) == stops {
				return stops
			}
			if s.rule.target.isGoto {
				return fallsThrough
			}
		case s.rule.target.name == "LOG":
			log(s.rule.public)
		case s.rule.target.name == "RETURN":
			return fallsThrough
		default:
			return stops
		}
	}
	return fallsThrough
}

// match asks the header and then each match, in the kernel's order.
func (r *rule) match(p *packet) answer {
	for _, a := range []answer{
		r.ip.src.match(p.r.Src.Addr()), r.ip.dst.match(p.r.Dst.Addr()),
		r.ip.in.match(p.r.Interface.In), r.ip.out.match(p.r.Interface.Out),
	} {
		if a != yes {
			return a
		}
	}
	for _, m := range r.matches {
		if a := m.match(p); a != yes {
			return a
		}
	}
	return yes
}
