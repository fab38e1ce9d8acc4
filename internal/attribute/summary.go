package attribute

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// causeWords are the words of each cause, made once of the cause files.
var causeWords = gatherWords()

func gatherWords() map[reset.Cause]*cause {
	words := map[reset.Cause]*cause{}
	for _, c := range precedence {
		if have := words[c.word]; have == nil || have.here+have.there+have.next == "" {
			words[c.word] = c
		}
	}
	return words
}

var outcomes = map[reset.Verdict]string{
	reset.Accepted:   "the kernel took it and the connection is gone",
	reset.Challenged: "the kernel asked back (challenge ACK) and the connection lives",
	reset.Ignored:    "the kernel ignored it",
	reset.NoSocket:   "no socket here matched it",
	reset.Dropped:    "it was dropped before TCP saw it",
}

// Summary is one plain sentence on a reset: who, why, what came of it and what
// to look at next. It is a function of the record alone.
func Summary(r *reset.Reset) string {
	text := ""
	switch {
	case r.Direction == reset.Out:
		text = sentSummary(r)
	case local(r.Sender):
		text = deed(r) // of a RST that came from a sender on this host
	default:
		text = seenSummary(r)
	}
	if next := nextStep(r); next != "" {
		text += "; " + next
	}
	return text + "."
}

// Next is what Summary ends with: what to look at next, an imperative without a
// full stop, or nothing.
func Next(r *reset.Reset) string { return nextStep(r) }

func nextStep(r *reset.Reset) string {
	words := causeWords[r.Cause]
	if words == nil || r.Cause <= reset.CauseUnknown || r.Harm == reset.HarmNone && r.Cause != reset.Backscatter && r.Cause != reset.Scan {
		return ""
	}
	if hand := nameOf(destroyer(r)); hand != "" {
		return "ask who runs " + hand + ", and why it ends connections"
	}
	return words.next
}

// local holds for senders on this host.
func local(s reset.Sender) bool {
	return s == reset.LocalApp || s == reset.LocalKernel || s == reset.LocalFirewall || s == reset.LocalInject
}

func sentSummary(r *reset.Reset) string {
	text := deed(r)
	if r.Kernel.Verdict == reset.Dropped {
		text += "; the RST was dropped and did not leave"
	}
	return text
}

// because gives the reason, as surely as it is known.
func because(r *reset.Reset, why string) string {
	if value := valueOf(r, quoted[r.Cause]); value != "" {
		why += " (" + value + ")"
	}
	switch r.Confidence.Cause {
	case reset.Likely:
		return ", probably because " + why
	case reset.Possible:
		return ", perhaps because " + why
	}
	return ": " + why
}

// quoted are the facts whose values belong into the sentence.
var quoted = map[reset.Cause]string{
	reset.ProcessKilled: factExit, reset.Relayed: factRelayed, reset.IdleTimeout: factQuiet,
	reset.UnreadData: factUnread, reset.UntranslatedReply: factBeside,
}

// deed says who on this host reset which connection, and why.
func deed(r *reset.Reset) string {
	verb, whose := "reset", ""
	if r.Cause == reset.SocketDestroyed {
		verb = "destroyed"
	}
	text := sender(r)
	if r.Direction == reset.Out {
		if owner := processName(r); owner != "" && r.Cause == reset.SocketDestroyed {
			whose = " of " + owner
		}
		text += " " + verb + " the connection" + whose + " to " + r.Dst.String()
	} else {
		text += ", at " + r.Src.String() + ", " + verb + " the connection with " + r.Dst.String()
	}
	if words := causeWords[r.Cause]; words != nil && words.here != "" {
		text += because(r, words.here)
	}
	return text
}

// sender says who, as surely as it is known.
func sender(r *reset.Reset) string {
	sure := r.Confidence.Sender == reset.Certain
	switch r.Sender {
	case reset.LocalApp, reset.LocalInject:
		name := ""
		switch {
		case r.Direction != reset.Out: // the process is who received it
		case r.Cause == reset.SocketDestroyed:
			name = nameOf(destroyer(r))
		default:
			name = processName(r)
		}
		switch {
		case name == "":
			return probably(sure, "A process here", "a process here")
		case !sure:
			return "Probably " + name
		}
		return name
	case reset.LocalKernel:
		return probably(sure, "The kernel here", "the kernel here")
	case reset.LocalFirewall:
		return probably(sure, "The firewall here", "the firewall here")
	}
	return "This host"
}

func probably(sure bool, first, later string) string {
	if sure {
		return first
	}
	return "Probably " + later
}

// seenSummary is of a RST that this host received, passed on, or found in a file.
func seenSummary(r *reset.Reset) string {
	text := "A RST to " + r.Dst.String() + " " + origin(r)
	if words := causeWords[r.Cause]; words != nil && words.there != "" {
		text += because(r, words.there)
	}
	if came := outcomes[r.Kernel.Verdict]; came != "" && r.Direction == reset.In {
		if r.Kernel.Inferred {
			came = "no event says what became of it, so the kernel probably took it"
		}
		text += "; " + came
	}
	return text
}

// origin says where a RST came from, with care: an address is no proof.
func origin(r *reset.Reset) string {
	address := r.Src.String()
	switch {
	case r.Sender == reset.Peer:
		return "came from " + r.Src.Addr().String() + "'s address (port " + strconv.Itoa(int(r.Src.Port())) + "), and nothing here tells it from that host"
	case r.Sender == reset.Path:
		text := "bears the address of " + address + ", and " + maybe(r.Confidence.Sender) + "something on the way sent it"
		for _, fact := range [...]string{factHops, factNeighbour} {
			if value := valueOf(r, fact); value != "" {
				text += " (" + value + ")"
			}
		}
		return text
	}
	return "bears the address of " + address
}

func maybe(level reset.Level) string {
	switch level {
	case reset.Likely:
		return "probably "
	case reset.Possible:
		return "perhaps "
	}
	return ""
}

func valueOf(r *reset.Reset, fact string) string {
	for i := range r.Evidence {
		if e := &r.Evidence[i]; e.Fact == fact && !e.Against {
			return e.Value
		}
	}
	return ""
}

// processName is the owner of the socket, if it is known: comm/pid.
func processName(r *reset.Reset) string { return nameOf(r.Process) }

func nameOf(p *reset.Process) string {
	if p == nil || p.Comm == "" {
		return ""
	}
	return printable(p.Comm) + "/" + strconv.FormatUint(uint64(p.PID.V), 10)
}

// printable takes out of a text what a terminal would act upon: it may be an
// attacker's, and the sentence is for people.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}
