package incident

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// maxTold is how many stages and peers the text tells.
const maxTold = 8

// Text is the incident for people: a paragraph to paste, and its time line.
func (i *Incident) Text(zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s", i.From.Std().In(zone).Format("2006-01-02 15:04:05.000 -07:00"), i.title())
	if len(i.Hosts) > 0 {
		fmt.Fprintf(&b, ", on %s", strings.Join(i.Hosts, ", "))
	}
	fmt.Fprintf(&b, "\n%s %s\n", i.First.Summary, i.sureness())
	fmt.Fprintf(&b, "  harm       %s\n", i.harm())
	fmt.Fprintf(&b, "  with       %s\n", i.with())
	for n, s := range i.Stages {
		head := ""
		if n == 0 {
			head = "time line"
		}
		if n == maxTold {
			fmt.Fprintf(&b, "  %-9s  and %s\n", head, count(len(i.Stages)-maxTold, "more kind"))
			break
		}
		fmt.Fprintf(&b, "  %-9s  %s\n", head, s.text(zone))
	}
	for n, text := range i.Unknown {
		head := ""
		if n == 0 {
			head = "not known"
		}
		fmt.Fprintf(&b, "  %-9s  %s\n", head, text)
	}
	fmt.Fprintf(&b, "  first      %s\n", i.First.ID)
	return b.String()
}

func (i *Incident) title() string {
	text := count(i.Resets, "reset")
	if span := i.Until.Std().Sub(i.From.Std()); span >= time.Millisecond {
		text += " in " + span.Round(time.Millisecond).String()
	}
	if i.First.Exit != "" && i.First.Process != "" {
		text += ": " + i.First.Process + " " + i.First.Exit
	}
	return text
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// sureness says how sure the first cause is and what ties the rest to it.
func (i *Incident) sureness() string {
	text := "Who is " + level(i.First.Confidence.Sender) + ", why is " + level(i.First.Confidence.Cause)
	switch g := i.Grouped; {
	case g.Burst == 0:
		return text + "; the records name each other."
	case g.Links == 0:
		return text + "; that the others belong to it is likely: the same end and cause, at once."
	}
	return text + "; the others belong to it by what the records name and by the same end and cause, at once."
}

func level(l reset.Level) string {
	if l == reset.LevelNone {
		return "not known"
	}
	return l.String()
}

func (i *Incident) harm() string {
	var parts []string
	for _, word := range slices.Sorted(maps.Keys(i.Harm)) {
		parts = append(parts, fmt.Sprintf("%d %s", i.Harm[word], word))
	}
	return strings.Join(parts, ", ")
}

func (i *Incident) with() string {
	var parts []string
	rest := i.MorePeers
	for n, p := range i.Peers {
		if n >= maxTold {
			rest += p.Resets
			continue
		}
		parts = append(parts, fmt.Sprintf("%s (%d)", p.Address, p.Resets))
	}
	if rest > 0 {
		parts = append(parts, fmt.Sprintf("others (%d)", rest))
	}
	return strings.Join(parts, ", ")
}

// text is a line of the time line.
func (s *Stage) text(zone *time.Location) string {
	who, verb := s.Process, "saw"
	switch s.Direction {
	case reset.Out:
		verb = "sent"
	case reset.In:
		verb = "received"
	case reset.Forward:
		verb = "passed on"
	}
	if who == "" {
		who = "this host"
	}
	example := s.Src.String() + " > " + s.Dst.String()
	if s.Resets > 1 {
		example += " first"
	}
	return fmt.Sprintf("%s  %s %s %d: %s, %s (%s, #%s)", s.From.Std().In(zone).Format("15:04:05.000"), who, verb, s.Resets,
		word(s.Sender.String()), word(s.Cause.String()), example, s.Example.Short())
}

func word(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
