package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The commands that a line can bear.
const (
	commandAppend = iota
	commandInsert
	commandNew
	commandPolicy
)

// rule is one rule as it was written.
type rule struct {
	line     int
	text     string
	command  int
	chain    string
	position int          // of an insertion, from 1
	family   reset.Family // what its addresses, protocol and options imply
	sources  []prefix     // alternatives, each of which makes a rule
	targets  []prefix
	ip       header
	matches  []match
	target   target
	problem  *problem // why it cannot be honoured, if it matters

	public *Rule // of a LOG rule, once the set is made
}

// possible reports whether a TCP reset can meet every match that is known.
func (r *rule) possible() bool {
	if !r.ip.protocol.allowsTCP() || r.ip.laterFragment {
		return false
	}
	for _, m := range r.matches {
		if t, ok := m.(*tcpMatch); ok && !t.allowsReset() {
			return false
		}
	}
	return true
}

// expand makes the rules that iptables makes of address lists: one for each
// pair, so that a packet in two of them is logged twice.
func (r *rule) expand() []*rule {
	sources, targets := r.sources, r.targets
	if len(sources) == 0 {
		sources = []prefix{{}}
	}
	if len(targets) == 0 {
		targets = []prefix{{}}
	}
	var all []*rule
	for _, s := range sources {
		for _, d := range targets {
			one := *r
			one.ip.src.prefix, one.ip.dst.prefix = s, d
			if len(sources)*len(targets) > 1 {
				one.matches = cloneMatches(r.matches)
			}
			all = append(all, &one)
		}
	}
	return all
}

// parser reads the words of one rule.
type parser struct {
	words   []string
	rule    *rule
	invert  bool     // "!" stood before the word in hand
	last    match    // the match that was named last
	tcpHere bool     // the tcp match's options are known from here on
	problem *problem // the first that only matters if the rule does
	value   *string  // of --option=value
}

// parseRule reads one line. A nil rule is a line that cannot even be read; a
// rule with a problem is one that iptables refuses or that is not supported,
// whose chain, protocol and target are known all the same.
func parseRule(text string) (*rule, *problem) {
	words, p := split(stripCounters(text))
	if p != nil {
		return nil, p
	}
	ps := &parser{words: words, rule: &rule{}}
	if p := ps.command(); p != nil {
		return nil, p
	}
	if ps.rule.command == commandNew || ps.rule.command == commandPolicy {
		return ps.rule, nil
	}
	for len(ps.words) > 0 {
		if p := ps.option(); p != nil && ps.problem == nil {
			ps.problem = p
		}
	}
	if ps.problem == nil {
		ps.problem = ps.rule.check()
	}
	return ps.rule, ps.problem
}

// stripCounters removes "[packets:bytes] ".
func stripCounters(text string) string {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		counters, rule, ok := strings.Cut(rest, "]")
		packets, bytes, pair := strings.Cut(counters, ":")
		if ok && pair && isNumber(packets) && isNumber(bytes) {
			return rule
		}
	}
	return text
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}

func (ps *parser) next() (string, bool) {
	if len(ps.words) == 0 {
		return "", false
	}
	word := ps.words[0]
	ps.words = ps.words[1:]
	return word, true
}

// argument returns the value of an option.
func (ps *parser) argument(option string) (string, *problem) {
	if v := ps.value; v != nil {
		ps.value = nil
		return *v, nil
	}
	word, ok := ps.next()
	switch {
	case !ok:
		return "", bad("%s needs a value", option)
	case word == "!":
		return "", bad("%s has its ! behind it", option).with("write: ! " + option + " VALUE")
	}
	return word, nil
}

// otherCommands are those that iptables-restore takes and iptables-save never writes.
var otherCommands = []string{
	"-D", "--delete", "-R", "--replace", "-F", "--flush", "-X", "--delete-chain", "-Z", "--zero", "-E", "--rename-chain",
}

func (ps *parser) command() *problem {
	word, _ := ps.next()
	commands := map[string]int{
		"-A": commandAppend, "--append": commandAppend, "-I": commandInsert, "--insert": commandInsert,
		"-N": commandNew, "--new-chain": commandNew, "-P": commandPolicy, "--policy": commandPolicy,
	}
	command, ok := commands[word]
	if slices.Contains(otherCommands, word) {
		return bad("%s is not read here", word).with(unsupported)
	}
	if !ok {
		return bad("%s is no command of a rules file", word).with("rules begin with -A CHAIN")
	}
	ps.rule.command = command
	name, ok := ps.next()
	if !ok || strings.HasPrefix(name, "-") {
		return bad("%s needs a chain", word)
	}
	ps.rule.chain = name
	if command == commandInsert {
		ps.rule.position = 1
		if len(ps.words) > 0 && isNumber(ps.words[0]) {
			position, _ := ps.next()
			v, err := strconv.ParseUint(position, 10, 31)
			if err != nil || v == 0 {
				return bad("-I %s: no rule number %q", name, position)
			}
			ps.rule.position = int(v)
		}
	}
	return nil
}
