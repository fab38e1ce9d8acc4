package check

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// nftRule is one rule: steps in their order, then a verdict.
type nftRule struct {
	line    int
	steps   []nftStep
	verdict string // with the chain that it goes to
	logs    bool   // to the kernel's log
	prefix  string
	strange string // the first word that cannot be evaluated
}

// nftStep is a test, which may keep the packet from the steps behind it, or a log statement, which does not.
type nftStep func(p probe, yes func(logging)) bool

func (rule *nftRule) match(p probe, yes func(logging)) bool {
	for _, step := range rule.steps {
		if !step(p, yes) {
			return false
		}
	}
	return true
}

// parseNFTRule reads the words of one rule.
func parseNFTRule(words []word) *nftRule {
	rule := &nftRule{line: words[0].line}
	r := &reader{words}
	for len(r.words) > 0 && rule.strange == "" {
		if r.is("\n") {
			continue
		}
		w, _ := r.next()
		rule.word(w, r)
	}
	// What follows a strange word may still say that the rule logs.
	for i, w := range r.words {
		if w.text == "log" && !w.quoted {
			rule.logs = rule.logs || i+1 >= len(r.words) || r.words[i+1].text != "group"
		}
	}
	return rule
}

// word takes one statement of the rule.
func (rule *nftRule) word(w word, r *reader) {
	switch w.text {
	case "tcp", "th", "udp", "sctp", "dccp":
		rule.transport(w.text, r)
	case "meta":
		rule.meta(r)
	case "ip", "ip6":
		rule.header(w.text, r)
	case "iif", "oif", "iifname", "oifname":
		rule.device(w.text, r)
	case "ct":
		rule.state(r)
	case "limit":
		rule.limit(r)
	case "log":
		rule.log(w, r)
	case "counter":
		for r.is("name") || r.is("packets") || r.is("bytes") {
			r.next()
		}
	case "comment":
		r.next()
	case "accept", "drop", "return", "continue", "queue", "reject":
		rule.verdict = w.text
		r.words = nil
	case "jump", "goto":
		target, _ := r.next()
		rule.verdict = w.text + " " + target.text
		r.words = nil
	default:
		rule.strange = w.text
	}
}

func (rule *nftRule) test(f func(probe) bool) {
	rule.steps = append(rule.steps, func(p probe, _ func(logging)) bool { return f(p) })
}

// values reads [!=|==] VALUE or { VALUE, … }.
func (rule *nftRule) values(r *reader) (list []string, invert bool) {
	switch {
	case r.is("!="):
		invert = true
	case r.is("=="):
	}
	if r.is("{") {
		for _, w := range r.block() {
			if w.text != "," && w.text != "\n" {
				list = append(list, w.text)
			}
		}
		return list, invert
	}
	w, ok := r.next()
	if !ok || !w.quoted && (strings.HasPrefix(w.text, "$") || strings.HasPrefix(w.text, "@")) {
		rule.strange = w.text + " "
		return nil, invert
	}
	list = append(list, w.text)
	for r.is(",") { // ct state established,related
		if w, ok = r.next(); ok {
			list = append(list, w.text)
		}
	}
	return list, invert
}

func (rule *nftRule) transport(protocol string, r *reader) {
	if protocol != "tcp" && protocol != "th" {
		rule.test(func(probe) bool { return false })
		r.statement()
		return
	}
	field, _ := r.next()
	switch field.text {
	case "sport", "dport":
		list, invert := rule.values(r)
		ranges := make([][2]uint64, 0, len(list))
		for _, text := range list {
			first, last, isRange := strings.Cut(text, "-")
			if !isRange {
				last = first
			}
			a, errA := strconv.ParseUint(first, 10, 16)
			b, errB := strconv.ParseUint(last, 10, 16)
			if errA != nil || errB != nil {
				rule.strange = text // a service's name
				return
			}
			ranges = append(ranges, [2]uint64{a, b})
		}
		source := field.text == "sport"
		rule.test(func(p probe) bool {
			port := uint64(p.dport)
			if source {
				port = uint64(p.sport)
			}
			return slices.ContainsFunc(ranges, func(r [2]uint64) bool { return r[0] <= port && port <= r[1] }) != invert
		})
	case "flags":
		rule.flags(r)
	default:
		rule.strange = protocol + " " + field.text
	}
}

// flagWords are what an expression about TCP's flags consists of.
var flagWords = []string{
	"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr", "&", "|", "==", "!=", "!", "/", "(", ")", "{", "}", ",",
	"0x0", "0x4", "0x04",
}

// flags reads the expression as far as a reset is concerned: whether it asks for RST, does not, or forbids it.
func (rule *nftRule) flags(r *reader) {
	wants, forbids := false, false
	last := ""
	for len(r.words) > 0 {
		text := r.peek()
		parts := strings.FieldsFunc(text, func(c rune) bool { return c == '|' || c == '&' || c == '/' || c == '!' || c == '=' })
		if text == "" || !slices.Contains(flagWords, text) && !allIn(parts, flagWords) {
			break
		}
		r.next()
		if slices.Contains(parts, "rst") || text == "0x4" || text == "0x04" {
			wants, forbids = true, forbids || last == "!=" || last == "!"
		}
		if text != "(" && text != "{" {
			last = text
		}
	}
	rule.test(func(probe) bool { return wants && !forbids })
}

func allIn(words, list []string) bool {
	return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(list, w) })
}

func (rule *nftRule) meta(r *reader) {
	key, _ := r.next()
	switch key.text {
	case "l4proto":
		list, invert := rule.values(r)
		rule.test(func(probe) bool { return (slices.Contains(list, "tcp") || slices.Contains(list, "6")) != invert })
	case "nfproto", "protocol":
		list, invert := rule.values(r)
		rule.test(func(p probe) bool {
			names := []string{"ipv4", "ip"}
			if p.family == reset.IPv6 {
				names = []string{"ipv6", "ip6"}
			}
			return slices.ContainsFunc(list, func(w string) bool { return slices.Contains(names, w) }) != invert
		})
	case "iif", "oif", "iifname", "oifname":
		rule.device(key.text, r)
	default:
		rule.strange = "meta " + key.text
	}
}

// header reads a test of the IP header. Only which protocol follows is evaluated.
func (rule *nftRule) header(family string, r *reader) {
	field, _ := r.next()
	rule.test(func(p probe) bool { return (p.family == reset.IPv6) == (family == "ip6") })
	if field.text != "protocol" && field.text != "nexthdr" {
		rule.strange = family + " " + field.text
		return
	}
	list, invert := rule.values(r)
	rule.test(func(probe) bool { return (slices.Contains(list, "tcp") || slices.Contains(list, "6")) != invert })
}

// device takes every device but loopback for the one that the reset passed: which ones there are is not known here.
func (rule *nftRule) device(key string, r *reader) {
	list, invert := rule.values(r)
	incoming := strings.HasPrefix(key, "i")
	rule.test(func(p probe) bool {
		if incoming && p.direction == reset.Out || !incoming && p.direction == reset.In {
			return invert
		}
		return invert || slices.ContainsFunc(list, func(w string) bool { return w != "lo" })
	})
}

// state takes a reset for one of a connection that conntrack knows.
func (rule *nftRule) state(r *reader) {
	if !r.is("state") {
		w, _ := r.next()
		rule.strange = "ct " + w.text
		return
	}
	list, invert := rule.values(r)
	rule.test(func(probe) bool { return slices.Contains(list, "established") != invert })
}

// limit reads "rate [over] N/UNIT [burst M packets]". Probes that are a day apart find it full; within one instant it
// lets the burst through, which is 5 where nothing else is said.
func (rule *nftRule) limit(r *reader) {
	if !r.is("rate") {
		rule.strange = "limit"
		return
	}
	over := r.is("over")
	rate, _ := r.next()
	if strings.Contains(rate.text, "bytes") || !strings.Contains(rate.text, "/") {
		for len(r.words) > 0 && (strings.Contains(r.peek(), "/") || r.peek() == "burst" || strings.HasSuffix(r.peek(), "bytes")) {
			r.next()
		}
	}
	burst := 5
	if r.is("burst") {
		w, _ := r.next()
		n, err := strconv.ParseUint(w.text, 10, 31)
		if err != nil {
			rule.strange = "burst " + w.text
			return
		}
		burst = int(n)
		_ = r.is("packets") || r.is("bytes") || r.is("kbytes") || r.is("mbytes")
	}
	var begun time.Duration
	used := 0
	rule.test(func(p probe) bool {
		if p.at != begun {
			begun, used = p.at, 0
		}
		used++
		return (used <= max(burst, 1)) != over
	})
}

// log reads "log [prefix TEXT] [level WORD] [flags …] [group N …]". With a group it goes to a program, not to the log.
func (rule *nftRule) log(at word, r *reader) {
	prefix, group := "", false
	for {
		switch {
		case r.is("prefix"):
			w, _ := r.next()
			prefix = w.text
		case r.is("level"):
			r.next()
		case r.is("flags"):
			for slices.Contains([]string{"tcp", "ip", "skuid", "ether", "all", "sequence", "options", ","}, r.peek()) {
				r.next()
			}
		case r.is("group"), r.is("snaplen"), r.is("queue-threshold"):
			group = true
			r.next()
		default:
			if group {
				return
			}
			rule.logs, rule.prefix = true, prefix
			line := logging{at.line, prefix}
			rule.steps = append(rule.steps, func(_ probe, yes func(logging)) bool {
				yes(line)
				return true
			})
			return
		}
	}
}
