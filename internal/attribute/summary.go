package attribute

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// sentences says what each cause means when this end sent the RST. %s would
// tempt to format: who and where are put in front and behind.
var sentences = map[reset.Cause]string{
	reset.NoListener:       "nobody listens on that port here",
	reset.NoConnection:     "a packet came for a connection that this host does not know",
	reset.BacklogOverflow:  "the accept queue was full and tcp_abort_on_overflow is set",
	reset.BadSyn:           "a SYN did not fit the handshake under way",
	reset.TimeWait:         "the peer sent on a connection that this end had already closed",
	reset.DataAfterClose:   "data came after the application had closed the connection",
	reset.UnreadData:       "it closed the connection with received data unread",
	reset.Linger2:          "it closed with a negative TCP_LINGER2",
	reset.OutOfMemory:      "TCP had no memory left for the connection, or too many that no process holds",
	reset.KeepaliveTimeout: "the peer answered no keepalive probe",
	reset.Disconnect:       "it dropped the connection with data unsent",
	reset.SocketDestroyed:  "the socket was destroyed from outside (as ss -K does)",
	reset.BadAck:           "a packet acknowledged what was never sent",
	reset.StaleTimestamp:   "a packet bore a timestamp that is too old",
	reset.MPTCP:            "Multipath TCP refused the subflow",
	reset.Injected:         "it wrote the packet itself, past TCP",
	reset.FirewallReject:   "a REJECT rule refused the packet that it answers",
}

var outcomes = map[reset.Verdict]string{
	reset.Accepted:   "the kernel took it and the connection is gone",
	reset.Challenged: "the kernel asked back (challenge ACK) and the connection lives",
	reset.Ignored:    "the kernel ignored it",
	reset.NoSocket:   "no socket here matched it",
	reset.Dropped:    "it was dropped before TCP saw it",
}

// Summary is one plain sentence on a reset: who, why, what came of it.
func Summary(r *reset.Reset) string {
	switch r.Direction {
	case reset.Out:
		return sentSummary(r)
	case reset.In:
		return receivedSummary(r)
	case reset.Forward:
		return "A RST from " + r.Src.String() + " to " + r.Dst.String() + " passed through this host."
	}
	return "A RST from " + r.Src.String() + " to " + r.Dst.String() + " was seen."
}

func sentSummary(r *reset.Reset) string {
	text := sender(r) + " reset the connection to " + r.Dst.String()
	if why := sentences[r.Cause]; why != "" {
		text += ": " + why
	}
	if r.Kernel.Verdict == reset.Dropped {
		text += "; the RST was dropped and did not leave"
	}
	return text + "."
}

// sender says who, as surely as it is known.
func sender(r *reset.Reset) string {
	sure := r.Confidence.Sender == reset.Certain
	switch r.Sender {
	case reset.LocalApp, reset.LocalInject:
		name := processName(r)
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

func receivedSummary(r *reset.Reset) string {
	text := "A RST came from the address of " + r.Src.String()
	if came := outcomes[r.Kernel.Verdict]; came != "" {
		if r.Kernel.Inferred {
			came = "no event says what became of it, so the kernel probably took it"
		}
		text += ": " + came
	}
	return text + "."
}

// processName is the owner of the socket, if it is known: comm/pid.
func processName(r *reset.Reset) string {
	if r.Process == nil || r.Process.Comm == "" {
		return ""
	}
	return printable(r.Process.Comm) + "/" + strconv.FormatUint(uint64(r.Process.PID.V), 10)
}

// printable takes out of a process's name what a terminal would act upon: the
// name may be an attacker's, and the sentence is for people.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}
