package rules

import (
	"slices"
	"strings"
)

// unsupported is the hint of whatever iptables knows and rstwatch does not.
const unsupported = "rstwatch does not honour this; remove it from the file that rstwatch reads, or let the kernel log"

// option reads one option with its values. After a problem reading goes on at
// the next word, to find the protocol and the target in any case.
func (ps *parser) option() *problem {
	word, _ := ps.next()
	if word == "!" {
		if ps.invert {
			return bad("! twice")
		}
		ps.invert = true
		if len(ps.words) == 0 {
			return bad("! at the end of the line")
		}
		return nil
	}
	ps.value = nil
	if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(word, "--") {
		word, ps.value = name, &value
	}
	p := ps.dispatch(word)
	invert := ps.invert
	ps.invert = false
	switch {
	case p != nil:
		return p
	case ps.value != nil:
		return bad("%s takes no value", word)
	case invert && !slices.Contains(invertible, word):
		return bad("! does not go with %s", word)
	}
	return nil
}

// invertible are the options that "!" may stand before.
var invertible = []string{
	"-p", "--protocol", "--proto", "-s", "--source", "--src", "-d", "--destination", "--dst",
	"-i", "--in-interface", "-o", "--out-interface", "-f", "--fragment", "--fragments",
	"--sport", "--source-port", "--dport", "--destination-port", "--tcp-flags", "--syn",
	"--sports", "--source-ports", "--dports", "--destination-ports", "--ports",
	"--mark", "--ctstate", "--state", "--comment",
}

func (ps *parser) dispatch(word string) *problem {
	switch word {
	case "-p", "--protocol", "--proto":
		return ps.protocol(word)
	case "-s", "--source", "--src":
		return ps.addresses(word, &ps.rule.sources, &ps.rule.ip.src)
	case "-d", "--destination", "--dst":
		return ps.addresses(word, &ps.rule.targets, &ps.rule.ip.dst)
	case "-i", "--in-interface":
		return ps.device(word, &ps.rule.ip.in)
	case "-o", "--out-interface":
		return ps.device(word, &ps.rule.ip.out)
	case "-f", "--fragment", "--fragments":
		ps.rule.ip.laterFragment = !ps.invert
		return nil
	case "-4", "--ipv4", "-6", "--ipv6":
		return bad("%s: one file holds one family", word).with("keep one file for each family")
	case "-c", "--set-counters":
		return ps.counters(word)
	case "-m", "--match":
		return ps.module(word)
	case "-j", "--jump", "-g", "--goto":
		return ps.jump(word)
	}
	if p, ok := ps.tcpOption(word); ok {
		return p
	}
	if p, ok := ps.moduleOption(word); ok {
		return p
	}
	if p, ok := ps.targetOption(word); ok {
		return p
	}
	return ps.unknown(word)
}

func (ps *parser) counters(word string) *problem {
	for range 2 {
		if v, p := ps.argument(word); p != nil || !isNumber(v) {
			return bad("%s needs two numbers", word)
		}
	}
	return nil
}

// unknown explains a word that is none of the options.
func (ps *parser) unknown(word string) *problem {
	if !strings.HasPrefix(word, "-") {
		return bad("%q belongs to no option", word)
	}
	for _, option := range withValues {
		rest, glued := strings.CutPrefix(word, option)
		if glued && rest != "" && rest[0] != '-' && !strings.HasPrefix(word, option+"s") {
			return bad("missing space: %s %s", option, rest).with("write: " + option + " " + rest)
		}
	}
	if slices.Contains(tcpOptions, word) {
		return bad("%s needs -p tcp before it", word)
	}
	if slices.Contains(logOptions, word) {
		return bad("%s needs -j LOG before it", word)
	}
	for _, option := range append(slices.Clone(invertible), withValues...) {
		if len(word) > 4 && strings.HasPrefix(option, word) {
			return bad("option %s is cut short", word).with("write: " + option)
		}
	}
	if len(word) < 3 {
		return bad("there is no option %s", word)
	}
	return bad("option %s is not known here", word).with(unsupported)
}

// withValues are options to which a value is easily glued.
var withValues = []string{
	"--log-prefix", "--log-level", "--limit-burst", "--limit", "--sports", "--dports", "--ports",
	"--sport", "--dport", "--source-port", "--destination-port", "--mark", "--ctstate", "--state", "--comment",
}
