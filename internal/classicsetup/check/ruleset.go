package check

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// probe is a reset that could be.
type probe struct {
	family       reset.Family
	direction    reset.Direction
	sport, dport uint16
	at           time.Duration // probes a day apart find every limit full
}

// logging is a rule that writes a line.
type logging struct {
	line   int
	prefix string
}

// ruleset is the rules of one file.
type ruleset interface {
	// from returns the file.
	from() *source
	// log calls yes for each rule that logs the reset.
	log(p probe, yes func(logging))
	// loggings returns the rules that log resets, at least one.
	loggings() []logging
	// ports returns those that the rules name.
	ports() []uint16
}

// met returns the lines that log some reset, of every family, direction and port that is tried.
func met(log func(probe, func(logging)), ports []uint16) map[int]bool {
	lines := make(map[int]bool)
	t := &trial{}
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		for _, direction := range []reset.Direction{reset.In, reset.Out, reset.Forward} {
			for _, port := range append([]uint16{otherPort}, ports...) {
				for _, pair := range [][2]uint16{{somePort, port}, {port, somePort}} {
					t.days++
					log(probe{family, direction, pair[0], pair[1], t.days * day}, func(l logging) { lines[l.line] = true })
				}
			}
		}
	}
	return lines
}

// day is longer than any limit takes to fill.
const day = 24 * time.Hour

// trial runs probes through rule sets, each at a time of its own.
type trial struct{ days time.Duration }

func (t *trial) logs(set ruleset, p probe) (found bool) {
	t.days++
	p.at = t.days * day
	set.log(p, func(logging) { found = true })
	return found
}

// Ports that no rule names, most likely.
const somePort, otherPort = 40961, 51237

// covers tells whether some reset of a family and a direction is logged by any of the sets.
func (t *trial) covers(sets []ruleset, family reset.Family, direction reset.Direction) bool {
	return slices.ContainsFunc(sets, func(set ruleset) bool {
		pairs := [][2]uint16{{somePort, otherPort}}
		for _, p := range set.ports() {
			pairs = append(pairs, [2]uint16{p, somePort}, [2]uint16{somePort, p})
		}
		return slices.ContainsFunc(pairs, func(pair [2]uint16) bool {
			return t.logs(set, probe{family: family, direction: direction, sport: pair[0], dport: pair[1]})
		})
	})
}

// maxPorts bounds the ports of one file that are tried.
const maxPorts = 32

// readRules reads what the firewalls log.
func (c *checker) readRules() {
	for _, s := range c.of(IPTables) {
		if set := c.readIPTables(s); set != nil {
			c.rulesets = append(c.rulesets, set)
		}
	}
	for _, s := range c.of(NFTables) {
		if set := c.readNFTables(s); set != nil {
			c.rulesets = append(c.rulesets, set)
		}
	}
	for _, set := range c.rulesets {
		c.concerns(set.from())
		for _, l := range set.loggings() {
			if p := strings.TrimSpace(l.prefix); p != "" && !slices.Contains(c.prefixes, p) {
				c.prefixes = append(c.prefixes, p)
			}
		}
	}
}

// judgeRules judges what the rules log, alone and together.
func (c *checker) judgeRules() {
	if len(c.rulesets) == 0 {
		return
	}
	t := &trial{}
	for _, set := range c.rulesets {
		c.judgeHalves(t, set)
		c.judgeRate(t, set)
	}
	c.judgeCoverage(t)
}

// judgeCoverage looks for directions and families that no rule meets.
func (c *checker) judgeCoverage(t *trial) {
	type way struct {
		family    reset.Family
		direction reset.Direction
	}
	has := make(map[way]bool)
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		for _, direction := range []reset.Direction{reset.In, reset.Out, reset.Forward} {
			has[way{family, direction}] = t.covers(c.rulesets, family, direction)
		}
	}
	four := has[way{reset.IPv4, reset.In}] || has[way{reset.IPv4, reset.Out}]
	six := has[way{reset.IPv6, reset.In}] || has[way{reset.IPv6, reset.Out}]
	first := c.rulesets[0]
	src, line := first.from(), first.loggings()[0].line
	if four && !six && (c.host == nil || c.host.ipv6) {
		c.report.add(src, line, NoIPv6, sixth(src, line), "no rule meets an IPv6 reset")
	}
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		in, out, name := has[way{family, reset.In}], has[way{family, reset.Out}], familyNames[family]
		if in != out {
			missing, chain := "received", "INPUT"
			if in {
				missing, chain = "sent", "OUTPUT"
			}
			c.report.add(src, line, OneWay, inChain(src, line, chain), "no rule meets %s resets that are %s", name, missing)
		}
		forward := has[way{family, reset.Forward}]
		if (in || out) && !forward && (c.host == nil || c.host.forwards) {
			c.judgeForward(t, family)
		}
	}
}

var familyNames = map[reset.Family]string{reset.IPv4: "IPv4", reset.IPv6: "IPv6"}

// judgeForward puts the fault where the family's rules are.
func (c *checker) judgeForward(t *trial, family reset.Family) {
	for _, set := range c.rulesets {
		if !t.covers([]ruleset{set}, family, reset.In) && !t.covers([]ruleset{set}, family, reset.Out) {
			continue
		}
		src, line := set.from(), set.loggings()[0].line
		c.report.add(src, line, NoForward, inChain(src, line, "FORWARD"), "no rule here meets resets that pass through this host")
		return
	}
}

// maxTrials bounds the flood, in rules times resets: a hostile file could make it as long as it likes.
const maxTrials = 3_000_000

var burstWord = regexp.MustCompile(`(?:--limit-burst[ =]*|\bburst )([0-9]{1,9})\b`)

// flood returns how many resets are more than all the limits of a file let through at once. A limit that does not say
// how many lets 5 pass.
func flood(s *source) int {
	n := 2 + 5*strings.Count(s.text, "limit")
	for _, found := range burstWord.FindAllStringSubmatch(s.text, maxTrials) {
		burst, err := strconv.Atoi(found[1])
		if err != nil {
			continue
		}
		n = min(n+burst, maxTrials)
	}
	return n
}

// judgeRate floods the rules: something must stop the lines, and something must say so.
func (c *checker) judgeRate(t *trial, set ruleset) {
	burst := flood(set.from())
	if burst*strings.Count(set.from().text, "\n") > maxTrials {
		c.report.note("%s: too many rules, or too large a burst, to try a flood of resets", set.from().name)
		return
	}
	first := make(map[int]bool)
	all := make(map[int]int)
	t.days++
	p, ok := c.loggedProbe(t, set)
	if !ok {
		return
	}
	t.days++
	p.at = t.days * day
	for i := range burst {
		set.log(p, func(l logging) {
			if i == 0 {
				first[l.line] = true
			}
			all[l.line]++
		})
	}
	for line := range first {
		if all[line] >= burst {
			c.report.add(set.from(), line, NoRateLimit, limited(set.from(), line), "nothing limits how many lines a flood of resets makes")
			return
		}
	}
	if len(all) == len(first) {
		for line := range first {
			c.report.add(set.from(), line, ExcessUnsaid, said(set.from(), line), "over the limit no rule logs that there is more")
			return
		}
	}
}

// loggedProbe finds a reset that the rules log.
func (c *checker) loggedProbe(t *trial, set ruleset) (probe, bool) {
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		for _, direction := range []reset.Direction{reset.In, reset.Out, reset.Forward} {
			for _, port := range append([]uint16{otherPort}, set.ports()...) {
				for _, p := range []probe{
					{family: family, direction: direction, sport: somePort, dport: port},
					{family: family, direction: direction, sport: port, dport: somePort},
				} {
					if t.logs(set, p) {
						return p, true
					}
				}
			}
		}
	}
	return probe{}, false
}
