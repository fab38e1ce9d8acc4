package check

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// nftables is a file of nft whose log statements can be asked.
type nftables struct {
	src    *source
	tables map[string]*nftTable // by family and name
	order  []*nftTable
	rules  int
	named  []uint16
	logged []logging
}

// resetWord is how a rule asks for resets. A file without it logs packets of every kind, and is no set-up of this one.
var resetWord = regexp.MustCompile(`(?m)^[^#\n]*\bflags\b[^#\n]*(?:\brst\b|0x0?4\b)`)

type nftTable struct {
	family string // ip, ip6, inet; others see no resets at these hooks
	chains map[string]*nftChain
	order  []*nftChain
}

type nftChain struct {
	name  string
	hook  reset.Direction // none for a chain that is only jumped to
	rules []*nftRule
}

// readNFTables reads a file. Rules that cannot be evaluated are left out, and so noted if they log.
func (c *checker) readNFTables(s *source) ruleset {
	f := &nftables{src: s, tables: make(map[string]*nftTable), named: namedPorts(s)}
	r := &reader{splitNFT(s.lines)}
	for len(r.words) > 0 {
		switch {
		case r.is("\n"), r.is(";"), r.is("}"):
		case r.is("table"):
			f.tableBlock(r)
		case r.is("add"), r.is("insert"), r.is("create"):
			f.add(r)
		default:
			r.statement()
			if r.is("{") { // of a definition
				r.block()
			}
		}
	}
	for _, rule := range f.logRules() {
		if rule.strange != "" {
			c.report.note("%s:%d was left out of the judgement: %q is not evaluated here", s.name, rule.line, shorten(rule.strange))
		}
	}
	if f.logged = f.find(); len(f.logged) == 0 || !resetWord.MatchString(s.text) {
		return nil
	}
	return f
}

// table finds or makes one.
func (f *nftables) table(family, name string) *nftTable {
	key := family + " " + name
	t := f.tables[key]
	if t == nil {
		t = &nftTable{family: family, chains: make(map[string]*nftChain)}
		f.tables[key] = t
		f.order = append(f.order, t)
	}
	return t
}

func (t *nftTable) chain(name string) *nftChain {
	c := t.chains[name]
	if c == nil {
		c = &nftChain{name: name}
		t.chains[name] = c
		t.order = append(t.order, c)
	}
	return c
}

var nftFamilies = []string{"ip", "ip6", "inet", "arp", "bridge", "netdev"}

// tableName reads [FAMILY] NAME.
func (f *nftables) tableName(r *reader) *nftTable {
	family := "ip"
	if slices.Contains(nftFamilies, r.peek()) {
		w, _ := r.next()
		family = w.text
	}
	name, _ := r.next()
	return f.table(family, name.text)
}

// tableBlock reads what follows "table".
func (f *nftables) tableBlock(r *reader) {
	t := f.tableName(r)
	if !r.is("{") {
		r.statement()
		return
	}
	body := &reader{r.block()}
	for len(body.words) > 0 {
		if body.is("\n") || body.is(";") {
			continue
		}
		if body.is("chain") {
			name, _ := body.next()
			if body.is("{") {
				f.chainBody(t.chain(name.text), &reader{body.block()})
			}
			continue
		}
		body.statement() // sets, counters and the like, with their blocks
	}
}

// chainBody reads the statements of a chain.
func (f *nftables) chainBody(c *nftChain, r *reader) {
	for len(r.words) > 0 {
		f.statement(c, r.statement())
	}
}

func (f *nftables) statement(c *nftChain, words []word) {
	if len(words) == 0 {
		return
	}
	switch words[0].text {
	case "type":
		at := slices.IndexFunc(words, func(w word) bool { return w.text == "hook" })
		if at >= 0 && at+1 < len(words) {
			hooks := map[string]reset.Direction{"input": reset.In, "output": reset.Out, "forward": reset.Forward, "prerouting": reset.In, "postrouting": reset.Out}
			c.hook = hooks[words[at+1].text]
		}
	case "policy", "comment", "flags", "devices", "device":
	default:
		if f.rules++; f.rules <= maxNFTRules {
			c.rules = append(c.rules, parseNFTRule(words))
		}
	}
}

// add reads commands, one a line: add chain …, add rule ….
func (f *nftables) add(r *reader) {
	switch {
	case r.is("table"):
		f.tableBlock(r)
	case r.is("chain"):
		t := f.tableName(r)
		name, _ := r.next()
		chain := t.chain(name.text)
		if r.is("{") {
			f.chainBody(chain, &reader{r.block()})
		}
	case r.is("rule"):
		t := f.tableName(r)
		name, _ := r.next()
		if r.peek() == "position" || r.peek() == "handle" || r.peek() == "index" {
			r.next()
			r.next()
		}
		f.statement(t.chain(name.text), r.statement())
	default:
		r.statement()
	}
}

func (f *nftables) from() *source       { return f.src }
func (f *nftables) ports() []uint16     { return f.named }
func (f *nftables) loggings() []logging { return f.logged }

func (f *nftables) logRules() []*nftRule {
	var all []*nftRule
	for _, t := range f.order {
		for _, c := range t.order {
			for _, rule := range c.rules {
				if rule.logs {
					all = append(all, rule)
				}
			}
		}
	}
	return all
}

// find returns the rules that log and that a reset meets. Whether it does is tried, so that a firewall that logs
// something else is none of ours.
func (f *nftables) find() []logging {
	lines := met(f.log, f.named)
	var all []logging
	for _, rule := range f.logRules() {
		if lines[rule.line] && rule.logs {
			all = append(all, logging{rule.line, rule.prefix})
		}
	}
	return all
}

const maxJumps = 16

func (f *nftables) log(p probe, yes func(logging)) {
	for _, t := range f.order {
		if t.family == "ip" && p.family != reset.IPv4 || t.family == "ip6" && p.family != reset.IPv6 ||
			!slices.Contains([]string{"ip", "ip6", "inet"}, t.family) {
			continue
		}
		for _, c := range t.order {
			if c.hook == p.direction {
				steps := maxSteps
				t.run(c, p, yes, 0, &steps)
			}
		}
	}
}

// maxSteps bounds one packet's way: chains that jump to each other could make it as long as they like.
const maxSteps = 100_000

// run takes the packet through a chain, and tells whether a verdict ended its way.
func (t *nftTable) run(c *nftChain, p probe, yes func(logging), depth int, steps *int) (ended bool) {
	for _, rule := range c.rules {
		if *steps--; *steps < 0 || depth > maxJumps {
			return true
		}
		if rule.strange != "" || !rule.match(p, yes) {
			continue
		}
		verdict, target, _ := strings.Cut(rule.verdict, " ")
		switch verdict {
		case "accept", "drop", "reject", "queue":
			return true
		case "return":
			return false
		case "jump", "goto":
			if next := t.chains[target]; next != nil && t.run(next, p, yes, depth+1, steps) {
				return true
			}
			if verdict == "goto" {
				return false
			}
		}
	}
	return false
}
