package check

import (
	"cmp"
	"errors"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/rules"
)

// tables is an iptables-save file whose LOG rules can be asked.
type tables struct {
	src    *source
	set    *rules.Set
	family reset.Family // FamilyNone: it may be loaded for either
	named  []uint16
	logged []logging
}

// resetFlags is how a rule asks for resets. A file without it logs packets of every kind, and is no set-up of this one.
var resetFlags = regexp.MustCompile(`(?m)^[^#\n]*--tcp-flags\s+\S+\s+\S*\b(?:RST|ALL)\b`)

// maxRounds bounds how often a file is read, each time without the lines that were refused the time before.
const maxRounds = 20

// readIPTables reads a file. Lines that would not load are faults, and lines that we cannot evaluate are notes; the rest
// of the file is judged without both.
func (c *checker) readIPTables(s *source) ruleset {
	if !s.named && !strings.Contains(s.text, "RST") {
		return nil // a host's firewall, which is not ours to judge
	}
	lines := slices.Clone(s.lines)
	var set *rules.Set
	var err error
	for range maxRounds {
		set, err = rules.Parse(s.name, strings.NewReader(strings.Join(lines, "\n")))
		if err == nil {
			break
		}
		more := false
		if lines, more = c.leaveOut(s, lines, err); !more {
			break
		}
	}
	if set == nil {
		if len(refusals(err)) > 1 {
			c.report.note("%s has more lines that do not load than can be told: its rules were not judged", s.name)
		}
		return nil
	}
	for _, n := range set.Notices() {
		if n.Line > 0 {
			c.report.add(s, n.Line, CommentedBroken, unglued(n.Text, n.Hint), "%s", n.Say)
		}
	}
	t := &tables{src: s, set: set, family: set.Family(), named: namedPorts(s)}
	// A reset that matters belongs to a connection that conntrack knows.
	set.Conntrack = func(*reset.Reset) (string, bool) { return "ESTABLISHED", true }
	if t.family == reset.FamilyNone {
		t.family = familyByName(s.name)
	}
	if t.logged = t.find(); len(t.logged) == 0 || !resetFlags.MatchString(s.text) {
		return nil
	}
	return t
}

// find returns the LOG rules that a reset meets.
func (t *tables) find() []logging {
	lines := met(t.log, t.named)
	var all []logging
	for _, r := range t.set.Rules() {
		if lines[r.Line] {
			all = append(all, logging{r.Line, r.Prefix})
		}
	}
	return all
}

// leaveOut takes the refused lines out of a file, ends a table that has no end, and tells whether it did anything.
func (c *checker) leaveOut(s *source, lines []string, err error) (rest []string, found bool) {
	end := false
	for _, one := range refusals(err) {
		if one.Line < 1 || one.Line > len(s.lines) || lines[one.Line-1] == leftOut {
			continue
		}
		found = true
		if one.Ours {
			c.report.note("%s:%d was left out of the judgement: %s", s.name, one.Line, one.Reason)
			lines[one.Line-1] = leftOut
			continue
		}
		fixed := unglued(s.line(one.Line), one.Hint)
		if strings.Contains(one.Reason, "without COMMIT") {
			fixed, end = "COMMIT", true
			c.report.add(s, one.Line, DoesNotLoad, fixed, "%s", one.Reason)
			continue
		}
		c.report.add(s, one.Line, DoesNotLoad, cmp.Or(fixed, "# put it right, or take it out, then: iptables-restore --test < "+s.name), "%s", one.Reason)
		// The rest is judged as if the line were right, if it is known how, else without it.
		if !strings.HasPrefix(fixed, "-") || lines[one.Line-1] == fixed {
			fixed = leftOut
		}
		lines[one.Line-1] = fixed
	}
	if end {
		lines = append(lines, "COMMIT")
	}
	return lines, found
}

// leftOut stands for a line that is not judged, so that the others keep their numbers.
const leftOut = "#"

// refusals are the errors of a file, one by one.
func refusals(err error) []*rules.Error {
	var one *rules.Error
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*rules.Error
		for _, err := range many.Unwrap() {
			if errors.As(err, &one) {
				all = append(all, one)
			}
		}
		return all
	}
	if errors.As(err, &one) {
		return []*rules.Error{one}
	}
	return nil
}

// unglued puts the space into a line where that is what is missing.
func unglued(line, hint string) string {
	if hint == "" {
		return ""
	}
	want, ok := strings.CutPrefix(hint, "write: ")
	if !ok {
		return "# " + hint
	}
	glued := strings.ReplaceAll(want, " ", "")
	if !strings.Contains(line, glued) {
		return "# " + hint
	}
	return strings.TrimSpace(strings.TrimLeft(strings.ReplaceAll(line, glued, want), "# "))
}

// familyByName is for files without a head: what they are called says what loads them.
func familyByName(name string) reset.Family {
	base := path.Base(name)
	if strings.Contains(base, "v6") || strings.Contains(base, "ip6") {
		return reset.IPv6
	}
	return reset.IPv4
}

func (t *tables) from() *source       { return t.src }
func (t *tables) ports() []uint16     { return t.named }
func (t *tables) loggings() []logging { return t.logged }

func (t *tables) log(p probe, yes func(logging)) {
	if p.family != t.family {
		return
	}
	t.set.Matches(p.reset(), func(r *rules.Rule) { yes(logging{r.Line, r.Prefix}) })
}

// began is when the first probe is: any time that is not zero.
const began = reset.Time(1_700_000_000_000_000_000)

// reset makes the record that a probe would leave.
func (p probe) reset() *reset.Reset {
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
	if p.family == reset.IPv6 {
		here, there = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:1::1")
	}
	r := &reset.Reset{Time: began + reset.Time(p.at), Direction: p.direction}
	r.Packet.Family, r.Packet.Flags, r.Packet.Mark = p.family, reset.RST|reset.ACK, reset.Some(uint32(0))
	r.Interface = map[reset.Direction]reset.Interface{
		reset.In: {In: "eth0"}, reset.Out: {Out: "eth0"}, reset.Forward: {In: "eth0", Out: "eth1"},
	}[p.direction]
	if p.direction == reset.Out {
		here, there = there, here
	}
	r.Src, r.Dst = reset.EndpointFrom(there, p.sport), reset.EndpointFrom(here, p.dport)
	return r
}

// portWords finds the lists of ports in a file.
var portWords = regexp.MustCompile(`(?:--(?:sports?|dports?|ports|source-ports?|destination-ports?)[ =]+|\b[sd]port\s+(?:!=\s*|==\s*)?)(\{[^}]*\}|[0-9][0-9:,-]*)`)

// namedPorts returns the ports that rules name, each once.
func namedPorts(s *source) []uint16 {
	var all []uint16
	for _, line := range s.lines {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, found := range portWords.FindAllStringSubmatch(line, -1) {
			for _, word := range numbers.FindAllString(found[1], -1) {
				n, err := strconv.ParseUint(word, 10, 16)
				if err == nil && n > 0 && !slices.Contains(all, uint16(n)) && len(all) < maxPorts {
					all = append(all, uint16(n))
				}
			}
		}
	}
	return all
}
