package check

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The corrected lines. Each is what is there with the fault taken out; where that takes a set of files of its own, it
// says which command writes it.

const writeHint = "# this prints such a file: rstwatch classic write %s"

// hookChain finds the chain of a rule's line.
var hookChain = regexp.MustCompile(`^(\s*(?:-A|-I|--append|--insert)\s+)(INPUT|OUTPUT|FORWARD)\b`)

// inChain is the same rule in another chain.
func inChain(s *source, line int, chain string) string {
	text := s.line(line)
	if s.kind == IPTables && hookChain.MatchString(text) {
		return strings.TrimSpace(hookChain.ReplaceAllString(text, "${1}"+chain))
	}
	return fmt.Sprintf(writeHint, writePart(s)+map[bool]string{true: " --forward"}[chain == "FORWARD"])
}

func writePart(s *source) string {
	if s.kind == NFTables {
		return "nftables"
	}
	if familyByName(s.name) == reset.IPv6 {
		return "ip6tables"
	}
	return "iptables"
}

// sixth is how the other family is covered too.
func sixth(s *source, line int) string {
	if s.kind == NFTables {
		return "# instead of table ip, for both families:\ntable inet filter {"
	}
	return "# the same in a file of its own, for ip6tables-restore --noflush:\n" + strings.TrimSpace(s.line(line))
}

// negatedPort and plainPort are one-sided tests of a single port or range.
var (
	negatedPort = regexp.MustCompile(`(?:\s+-m tcp)?\s+!\s+--(?:sport|dport|source-port|destination-port)[ =]([0-9:]+)`)
	plainPort   = regexp.MustCompile(`(?:\s+-m tcp)?\s+--(?:sport|dport|source-port|destination-port)[ =]([0-9:]+)`)
	nftPort     = regexp.MustCompile(`\b(?:tcp|th)\s+[sd]port\s+!=\s*([0-9-]+|\{[^}]*\})`)
	spaces      = regexp.MustCompile(`  +`)
	jumpWord    = regexp.MustCompile(`\s+-j\s+`)
)

// bothSides tests either port instead of one.
func bothSides(s *source, line int, port uint16) string {
	text := strings.TrimSpace(s.line(line))
	if s.kind == NFTables {
		if nftPort.MatchString(text) {
			return nftPort.ReplaceAllString(text, "tcp sport != $1 tcp dport != $1")
		}
		return fmt.Sprintf(writeHint, fmt.Sprintf("nftables --except %d", port))
	}
	for _, test := range []struct {
		is  *regexp.Regexp
		not string
	}{{negatedPort, "! "}, {plainPort, ""}} {
		found := test.is.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		at := jumpWord.FindStringIndex(text)
		if at == nil {
			continue
		}
		text = text[:at[0]] + " -m multiport " + test.not + "--ports " + found[1] + text[at[0]:]
		where := test.is.FindStringIndex(text)
		return spaces.ReplaceAllString(text[:where[0]]+" "+strings.TrimSpace(text[where[1]:]), " ")
	}
	return fmt.Sprintf(writeHint, fmt.Sprintf("%s --except %d", writePart(s), port))
}

// logTarget finds what a LOG rule does.
var logTarget = regexp.MustCompile(`-j LOG\b.*$`)

var prefixOption = regexp.MustCompile(`--log-prefix\s+("[^"]*"|\S+)`)

// limited sends what a rule logs through a limit that says what it drops.
func limited(s *source, line int) string {
	text := strings.TrimSpace(s.line(line))
	target := logTarget.FindString(text)
	if s.kind != IPTables || target == "" {
		return fmt.Sprintf(writeHint, writePart(s)+" --rate 1000")
	}
	return strings.Join([]string{
		":RSTWATCH - [0:0]", ":RSTWATCH-LOG - [0:0]",
		logTarget.ReplaceAllString(text, "-j RSTWATCH"),
		"-A RSTWATCH -m limit --limit 1000/second --limit-burst 1000 -g RSTWATCH-LOG",
		excessLine(text),
		"-A RSTWATCH-LOG " + target,
	}, "\n")
}

// said adds the line for what is over the limit.
func said(s *source, line int) string {
	if s.kind != IPTables {
		return fmt.Sprintf(writeHint, writePart(s)+" --rate 1000")
	}
	text := strings.TrimSpace(s.line(line))
	return strings.Join([]string{
		":RSTWATCH - [0:0]", ":RSTWATCH-LOG - [0:0]",
		limitWords.ReplaceAllString(logTarget.ReplaceAllString(text, "-j RSTWATCH"), ""),
		"-A RSTWATCH" + limitWords.FindString(text) + " -g RSTWATCH-LOG",
		excessLine(text),
		"-A RSTWATCH-LOG " + logTarget.FindString(text),
	}, "\n")
}

var limitWords = regexp.MustCompile(`\s+-m limit(?:\s+--limit(?:-burst)?[ =]\S+)*`)

func excessLine(text string) string {
	prefix := "[rst] "
	if found := prefixOption.FindStringSubmatch(text); found != nil {
		prefix = strings.Trim(found[1], `"`)
	}
	return fmt.Sprintf(`-A RSTWATCH -m limit --limit 1/second --limit-burst 1 -j LOG --log-prefix "%sexcess " --log-level 7`, prefix)
}
