package check

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// judgeHalves tries, for each port that a rule names, both ends of a connection to it: a server here and a server there.
// Where the resets of one end are logged and those of the other are not, the rules test one side of the packet only.
func (c *checker) judgeHalves(t *trial, set ruleset) {
	done := make(map[int]bool) // a line has both ends of a range, and may be for both families
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		one := []ruleset{set}
		if !t.covers(one, family, reset.In) || !t.covers(one, family, reset.Out) {
			continue // without the other direction at all it is no matter of ports
		}
		for _, port := range set.ports() {
			try := func(d reset.Direction, from, to uint16) bool {
				return t.logs(set, probe{family: family, direction: d, sport: from, dport: to})
			}
			here := halves(try(reset.In, somePort, port), try(reset.Out, port, somePort), "of a server here on port %d", port)
			there := halves(try(reset.In, port, somePort), try(reset.Out, somePort, port), "of a connection from here to port %d", port)
			problem := strings.Join(nonEmpty(here, there), "; ")
			if problem == "" {
				continue
			}
			for _, line := range oneSided(set, port) {
				if done[line] {
					continue
				}
				done[line] = true
				c.report.add(set.from(), line, HalfExcluded, bothSides(set.from(), line, port), "%s", problem)
			}
		}
	}
}

// halves says which half is logged where only one is.
func halves(in, out bool, what string, port uint16) string {
	switch what = fmt.Sprintf(what, port); {
	case in && !out:
		return what + " the resets that come in are logged and those that go out are not"
	case out && !in:
		return what + " the resets that go out are logged and those that come in are not"
	}
	return ""
}

func nonEmpty(texts ...string) []string {
	var all []string
	for _, text := range texts {
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

// sidedPort is a test of one side's port, in iptables' words or nftables'.
var sidedPort = regexp.MustCompile(`(?:--(sport|dport|source-port|destination-port|sports|dports|source-ports|destination-ports)[ =]+|\b(sport|dport)\s+)(?:!=\s*|==\s*)?(\{[^}]*\}|[0-9][0-9:,-]*)`)

// oneSided returns the lines that test for a port on one side and not on the other; where no line does, because the
// sides are tested on lines of their own, the first that logs.
func oneSided(set ruleset, port uint16) []int {
	var lines []int
	for i, text := range set.from().lines {
		if strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		sides := make(map[byte]bool)
		for _, found := range sidedPort.FindAllStringSubmatch(text, -1) {
			if namesPort(found[3], port) {
				sides[(found[1] + found[2])[0]] = true
			}
		}
		if len(sides) == 1 {
			lines = append(lines, i+1)
		}
	}
	if len(lines) == 0 || len(lines) > maxFaults {
		return []int{set.loggings()[0].line}
	}
	return lines
}

// namesPort tells whether a list has the number in it.
func namesPort(list string, port uint16) bool {
	for _, number := range numbers.FindAllString(list, -1) {
		if number == fmt.Sprint(port) {
			return true
		}
	}
	return false
}

var numbers = regexp.MustCompile(`[0-9]+`)
