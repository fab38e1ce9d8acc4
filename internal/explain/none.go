package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// None is the answer where no reset was found on a connection: whether that is
// because there was none, and what else to look at.
type None struct {
	Between  string        `json:"between"`
	Sentence string        `json:"sentence"`
	Proven   bool          `json:"proven"` // watched throughout, nothing lost, nothing left out
	Coverage Coverage      `json:"coverage"`
	Notes    []string      `json:"notes,omitempty"`
	Near     []reset.Entry `json:"near,omitempty"` // resets of the same two hosts on other ports
	NearMore uint64        `json:"near_more,omitempty"`
	Next     []Command     `json:"next"`
}

// TellNone says what a search that found nothing means. The span is the time
// that was asked about.
func TellNone(target *Target, found *Found, asked Span, setting Setting) *None {
	n := &None{Between: target.String(), Coverage: found.Watch.Of(asked.From, asked.Until, setting.Now, &setting)}
	c, zone := &n.Coverage, setting.zone()
	some := c.WithoutHost || slices.ContainsFunc(c.Filters, ofSome)
	c.Filters = slices.DeleteFunc(c.Filters, target.takenInBy)
	whole := c.Throughout() && c.Pending == 0 && c.Lost == 0 && c.Folded == 0 && len(c.Filters) == 0 && len(c.Unwatched) == 0
	partial := slices.DeleteFunc(slices.Clone(c.Sensors), seesAll)
	n.Proven = whole && !some && len(partial) == 0
	when := period(asked, zone)
	n.Sentence = "No RST between " + n.Between + " is on record, " + when
	switch {
	case whole && len(partial) > 0:
		n.Sentence += ", watching throughout, with a sensor that does not see all."
	case whole && some:
		n.Sentence = "No RST between " + n.Between + " passed in the namespaces watched, " + when +
			": watching throughout, nothing lost."
	case whole:
		n.Sentence = "No RST between " + n.Between + " passed here, " + when + ": watching throughout, nothing lost."
	case len(c.Gaps) == 1 && c.Gaps[0].Span == asked:
		n.Sentence += ", and nobody was watching: " + c.Gaps[0].Reason + ". So there may have been one."
	case len(c.Gaps) > 0:
		n.Sentence += ", but it was not watched throughout. There may have been one in the " +
			plural(len(c.Gaps), "gap", "gaps") + " below."
	case c.Lost > 0:
		n.Sentence += ", watching throughout, but " + count(c.Lost, "sighting was", "sightings were") +
			" lost. One of them may have been it."
	default:
		n.Sentence += ", watching throughout, with what is noted below."
	}
	n.Notes = notes(c, target, zone)
	if len(partial) > 0 && len(c.Sensors) > 0 {
		n.Notes = append(n.Notes, "what the sensor "+strings.Join(partial, ", ")+" cannot see: \"rstwatch doctor\" says it")
	}
	for i := range found.Near {
		n.Near = append(n.Near, reset.Entry{Reset: &found.Near[i]})
	}
	n.NearMore = found.NearMatched - uint64(len(found.Near))
	n.Next = insteadOf(target)
	return n
}

// seesAll reports whether a sensor sees every packet that passes a device.
func seesAll(sensor string) bool { return sensor == "bpf" || sensor == "packet" }

// takenInBy reports whether a choice, as a coverage line bears it, surely lets
// every reset of the target through: it chooses namespaces, which are told by
// themselves, or addresses and ports, and matches both ways.
func (t *Target) takenInBy(choice string) bool {
	for part := range strings.SplitSeq(choice, "; ") {
		if strings.HasPrefix(part, "netns ") {
			continue
		}
		filter, err := query.Parse(part)
		if err != nil || filter.Needs()&^(query.FieldAddress|query.FieldPort) != 0 {
			return false
		}
		if filter.Needs()&query.FieldPort != 0 && (t.A.Any || t.B.Any) {
			return false
		}
		a, b := reset.EndpointFrom(t.A.Addr, t.A.Port), reset.EndpointFrom(t.B.Addr, t.B.Port)
		if !filter.Match(&reset.Reset{Src: a, Dst: b}) || !filter.Match(&reset.Reset{Src: b, Dst: a}) {
			return false
		}
	}
	return true
}

// ofSome reports whether a choice names the namespaces that are watched.
func ofSome(choice string) bool {
	return strings.HasPrefix(choice, "netns ") || strings.Contains(choice, "; netns ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// period writes a span for people: the day once where it is one day.
func period(s Span, zone *time.Location) string {
	from, until := s.From.Std().In(zone), s.Until.Std().In(zone)
	form := "15:04:05"
	if s.Until-s.From < reset.Time(10*time.Second) {
		form += ".000"
	}
	if from.YearDay() != until.YearDay() || from.Year() != until.Year() {
		form = "2006-01-02 15:04"
		return from.Format(form) + " to " + until.Format(form)
	}
	return from.Format("Mon 2006-01-02 "+form) + " to " + until.Format(form)
}

// maxGaps bounds how many gaps are listed.
const maxGaps = 8

// notes are what bounds the answer.
func notes(c *Coverage, target *Target, zone *time.Location) []string {
	var list []string
	whole := len(c.Gaps) == 1 && c.Gaps[0].Span == c.Span
	for i, gap := range c.Gaps {
		if whole {
			break
		}
		if i == maxGaps {
			list = append(list, "and "+count(uint64(len(c.Gaps)-maxGaps), "more gap", "more gaps"))
			break
		}
		list = append(list, "gap, "+period(gap.Span, zone)+": "+gap.Reason)
	}
	if c.Pending != 0 {
		list = append(list, "since "+clock(c.Pending, zone)+
			": being watched, it seems, but the line that says so is written once a minute; ask again then")
	}
	if c.Lost > 0 && len(c.Gaps) > 0 {
		list = append(list, count(c.Lost, "sighting was", "sightings were")+" lost")
	}
	if c.Folded > 0 {
		list = append(list, count(c.Folded, "reset was", "resets were")+" folded under flood and stand in no record of their own")
	}
	for _, filter := range c.Filters {
		list = append(list, fmt.Sprintf(
			"recorded was only what matches %q, and that leaves out some or all between %s", filter, target))
	}
	if len(c.Unwatched) > 0 {
		list = append(list, "alive for a moment before they were watched: namespaces "+strings.Join(first5(c.Unwatched), ", "))
	}
	if len(c.Namespaces) > 0 && !whole {
		list = append(list, "watched: "+without(c)+strconv.Itoa(len(c.Namespaces))+
			plural(len(c.Namespaces), " namespace (", " namespaces (")+strings.Join(first5(c.Namespaces), ", ")+")")
	}
	return list
}

func without(c *Coverage) string {
	if c.WithoutHost {
		return "not the host's own namespace, but "
	}
	return ""
}

func first5(list []string) []string {
	if len(list) > 5 {
		return append(list[:5:5], "...")
	}
	return list
}

// insteadOf are the commands for the other ways in which a connection ends.
func insteadOf(target *Target) []Command {
	remote, port := target.B, ""
	if !target.A.Any {
		port = " and port " + strconv.Itoa(int(target.A.Port))
	}
	host := remote.Addr.String()
	ss := host
	if remote.Addr.Is6() {
		ss = "[" + host + "]"
	}
	list := []Command{
		{"ss -Htnoi 'dst " + ss + "'", "is a connection still up? retransmissions and timers tell of a silent loss"},
		{"nstat -az TcpExtTCPAbortOnTimeout TcpExtTCPTimeouts IcmpInDestUnreachs Icmp6InDestUnreachs",
			"time-outs and ICMP errors send no RST; do these grow?"},
		{"tcpdump -ni any 'host " + host + port + " and tcp[tcpflags] & (tcp-fin|tcp-rst) != 0'",
			"the next time: an orderly close (FIN), or a reset?"},
		{"tcpdump -ni any 'icmp or icmp6'", "unreachable, too big, redirected?"},
	}
	if remote.Addr.Is6() {
		// tcpdump does not look into TCP behind IPv6 by that name.
		list[2].Command = "tcpdump -ni any 'host " + host + port + " and ip6[6] == 6 and ip6[53] & 5 != 0'"
	}
	if translated(target.A.Addr) || translated(target.B.Addr) {
		list = append(list, Command{
			"conntrack -L -p tcp 2>/dev/null | grep -F " + host, "is it translated? then its addresses are others elsewhere",
		})
	}
	return list
}

// translated reports whether an address is of a kind that NAT often changes.
func translated(a netip.Addr) bool { return a.IsPrivate() }

// AppendNone writes the answer for people.
func (t *Text) AppendNone(b []byte, n *None) []byte {
	w := &writer{b: b, width: t.width(), bold: t.Colour}
	w.wrapped("", n.Sentence)
	for _, note := range n.Notes {
		w.wrapped("  - ", note)
	}
	if len(n.Near) > 0 {
		w.heading("Resets of the same two hosts on other ports")
		for _, e := range n.Near {
			w.line("  " + Brief(e.Reset, t.zone()))
		}
		if n.NearMore > 0 {
			w.line("  and " + number(n.NearMore) + " more")
		}
	}
	w.blank()
	w.wrapped("", "A connection also ends by FIN (an orderly close), by time-out (no packet tells of it), "+
		"or by an ICMP error. Look for these:")
	w.commands(n.Next)
	return w.b
}
