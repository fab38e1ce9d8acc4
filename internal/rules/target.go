package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/classic"
)

// target is what a rule does.
type target struct {
	name    string // "" where the rule only counts
	isGoto  bool
	options classic.Options // of LOG
}

// logOptions are the options of the LOG target.
var logOptions = []string{
	"--log-prefix", "--log-level", "--log-tcp-sequence", "--log-tcp-options", "--log-ip-options", "--log-uid",
	"--log-macdecode",
}

// isTerminal reports the targets after which no rule sees the packet, in this
// chain or, with RETURN, in this one only.
func (t target) isTerminal() bool {
	return slices.Contains([]string{"ACCEPT", "DROP", "REJECT", "RETURN"}, t.name)
}

func (ps *parser) jump(word string) *problem {
	name, p := ps.argument(word)
	if p != nil {
		return p
	}
	if ps.rule.target.name != "" {
		return bad("%s: a second target", word)
	}
	ps.rule.target = target{name: name, isGoto: word == "-g" || word == "--goto"}
	if name == "LOG" {
		ps.rule.target.options.Level = classic.LevelWarning
	}
	return nil
}

func (ps *parser) targetOption(word string) (p *problem, ok bool) {
	t := &ps.rule.target
	if t.name == "REJECT" && word == "--reject-with" {
		_, p := ps.argument(word)
		return p, true
	}
	if t.name != "LOG" || !slices.Contains(logOptions, word) {
		return nil, false
	}
	switch word {
	case "--log-prefix":
		return ps.prefixOption(word), true
	case "--log-level":
		return ps.levelOption(word), true
	case "--log-tcp-sequence":
		t.options.TCPSequence = true
	case "--log-tcp-options":
		t.options.TCPOptions = true
	case "--log-ip-options":
		t.options.IPOptions = true
	case "--log-uid":
		t.options.UID = true
	case "--log-macdecode":
		t.options.MACDecode = true
	}
	return nil, true
}

func (ps *parser) prefixOption(word string) *problem {
	prefix, p := ps.argument(word)
	switch {
	case p != nil:
		return p
	case len(prefix) > classic.MaxPrefixIPTables:
		return bad("%s %q is longer than %d bytes", word, prefix, classic.MaxPrefixIPTables)
	case strings.ContainsAny(prefix, "\n\r"):
		return bad("%s holds a line break", word)
	}
	ps.rule.target.options.Prefix = prefix
	return nil
}

func (ps *parser) levelOption(word string) *problem {
	text, p := ps.argument(word)
	if p != nil {
		return p
	}
	levels := map[string]int{
		"emerg": 0, "panic": 0, "alert": 1, "crit": 2, "err": 3, "error": 3, "warning": 4, "warn": 4,
		"notice": 5, "info": 6, "debug": 7,
	}
	level, ok := levels[strings.ToLower(text)]
	if v, err := strconv.ParseUint(text, 0, 8); err == nil && v <= 7 {
		level, ok = int(v), true
	}
	if !ok {
		return bad("%s: no level %q", word, text).
			with("levels are 0 to 7, or emerg, alert, crit, error, warning, notice, info, debug")
	}
	ps.rule.target.options.Level = level
	return nil
}

// check reports what iptables refuses in a whole rule.
func (r *rule) check() *problem {
	for _, m := range r.matches {
		if p := m.check(r); p != nil {
			return p
		}
	}
	switch {
	case r.chain == "OUTPUT" && r.ip.in.name != "":
		return bad("-i in OUTPUT: a sent packet has come in nowhere")
	case r.chain == "INPUT" && r.ip.out.name != "":
		return bad("-o in INPUT: a received packet goes out nowhere")
	}
	return nil
}
