package rules

import (
	"slices"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// linker makes programs of chains and leaves out what cannot matter to a LOG
// rule. What matters and has a problem is an error.
type linker struct {
	file     *file
	set      *Set
	programs map[linked]*program
	open     []string        // chains on the way, to find loops
	logs     map[string]bool // chains that log, by themselves or by a jump
	blamed   map[*rule]bool
	needed   map[int]bool // lines
}

// linked names a program: the same chain keeps more where a LOG rule may follow
// behind the jump.
type linked struct {
	chain string
	after bool
}

// finish makes the set, once every line has been read.
func (f *file) finish() *Set {
	s := &Set{name: f.name, family: f.family, chains: make(map[reset.Direction]*program), notices: f.notices}
	l := &linker{
		file: f, set: s, programs: make(map[linked]*program),
		logs: make(map[string]bool), blamed: make(map[*rule]bool), needed: make(map[int]bool),
	}
	hooks := []string{"INPUT", "FORWARD", "OUTPUT"}
	for _, name := range hooks {
		l.findLogs(name, 0)
	}
	for _, name := range hooks {
		s.chains[builtins[name]] = l.program(name, false)
	}
	slices.SortFunc(s.rules, func(a, b *Rule) int { return a.Line - b.Line })
	slices.SortFunc(s.needed, func(a, b need) int { return a.line - b.line })
	slices.SortStableFunc(f.errors, func(a, b *Error) int { return a.Line - b.Line })
	if len(s.rules) == 0 && len(f.errors) == 0 {
		f.fail(0, "", bad("no LOG rule in it can meet a TCP reset").
			with("such as: -A INPUT -p tcp -m tcp --tcp-flags RST RST -j LOG").unhonoured())
	}
	l.notice()
	return s
}

// notice says what people overlook in a file.
func (l *linker) notice() {
	if l.set.family == reset.IPv4 && len(l.set.rules) > 0 {
		l.set.notices = append(l.set.notices, Notice{Say: "the file is for IPv4: no rule of it meets an IPv6 reset"})
	}
	if len(l.set.rules) > 0 && !l.logs["FORWARD"] {
		l.set.notices = append(l.set.notices, Notice{Say: "no rule meets forwarded resets"})
	}
}

const maxDepth = 64

// findLogs reports whether a chain can log a reset.
func (l *linker) findLogs(name string, depth int) bool {
	c := l.file.chains[name]
	if c == nil || depth > maxDepth {
		return false
	}
	if known, ok := l.logs[name]; ok {
		return known
	}
	l.logs[name] = false // a loop adds nothing
	for _, r := range c.rules {
		if r.possible() && (r.logs() || l.file.chains[r.target.name] != nil && l.findLogs(r.target.name, depth+1)) {
			l.logs[name] = true
		}
	}
	return l.logs[name]
}

// logs reports a rule whose log rstwatch is asked for; NFLOG is refused later.
func (r *rule) logs() bool { return r.target.name == "LOG" || r.target.name == "NFLOG" }

// program links a chain. after is whether a LOG rule may follow once the chain
// returns. Its program is empty if it cannot log and keeps nothing from a log.
func (l *linker) program(name string, after bool) *program {
	key := linked{name, after}
	if p := l.programs[key]; p != nil {
		return p
	}
	c := l.file.chains[name]
	p := &program{}
	l.open = append(l.open, name)
	defer func() { l.open = l.open[:len(l.open)-1] }()
	last := l.lastLog(c.rules)
	for i, r := range c.rules {
		later := after || i < last
		if r.possible() && l.matters(r, later) {
			p.steps = append(p.steps, l.step(r, later))
		}
	}
	l.programs[key] = p
	return p
}

// lastLog returns the place of the last rule that logs, by itself or by a jump, or -1.
func (l *linker) lastLog(rules []*rule) int {
	for i, r := range slices.Backward(rules) {
		if r.possible() && (r.logs() || l.logs[r.target.name]) {
			return i
		}
	}
	return -1
}

func (l *linker) matters(r *rule, later bool) bool {
	switch {
	case r.logs():
		return true
	case r.target.name == "":
		return r.problem != nil && r.problem.hint != unsupported // perhaps its target is misspelt
	}
	return later || l.logs[r.target.name]
}

func (l *linker) step(r *rule, later bool) step {
	s := step{rule: r}
	user := l.file.chains[r.target.name]
	switch {
	case r.target.name == "NFLOG":
		l.blame(r, bad("target NFLOG is not supported").with("write the rule with -j LOG").unhonoured())
	case r.problem != nil && r.targetKnown(user):
		l.blame(r, r.problem)
	case r.target.name == "LOG":
		l.publish(r)
	case r.target.isTerminal() && !r.target.isGoto:
	case user == nil || user.builtin:
		l.blame(r, bad("target %s is not supported before a LOG rule", r.target.name).with(unsupported))
	case slices.Contains(l.open, user.name) || len(l.open) > maxDepth:
		l.blame(r, bad("chain %s jumps in a circle", user.name))
	default:
		s.jump = l.program(user.name, later)
	}
	l.need(r)
	return s
}

// targetKnown tells a problem of the rule from one of its target's options.
func (r *rule) targetKnown(user *chain) bool {
	return user != nil || r.target.name == "" || r.target.name == "LOG" || r.target.isTerminal()
}

func (l *linker) blame(r *rule, p *problem) {
	if !l.blamed[r] {
		l.blamed[r] = true
		l.file.fail(r.line, r.text, p)
	}
}

func (l *linker) need(r *rule) {
	if l.needed[r.line] {
		return
	}
	l.needed[r.line] = true
	fields := FieldDirection
	if r.ip.in.name != "" || r.ip.out.name != "" {
		fields |= FieldInterface
	}
	for _, m := range r.matches {
		fields |= m.needs()
	}
	l.set.needed = append(l.set.needed, need{fields, r.line, r.text})
}

func (l *linker) publish(r *rule) {
	if r.public != nil {
		return
	}
	o := r.target.options
	o.Prefix = classic.CleanPrefix(o.Prefix, classic.MaxPrefixIPTables)
	r.public = &Rule{Line: r.line, Text: r.text, Chain: r.chain, Prefix: o.Prefix, Level: o.Level, options: o}
	for _, m := range r.matches {
		if m, ok := m.(*limitMatch); ok {
			r.public.limits = append(r.public.limits, m)
		}
	}
	l.set.rules = append(l.set.rules, r.public)
}
