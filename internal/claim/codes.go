package claim

import (
	"slices"
	"strconv"
	"strings"
)

// An edition is one numbering of the reasons, the first being 1.
type edition struct {
	name    string // what it is the numbering of, for people
	reasons []string
}

// The registry "TCP Failure Causes" as the drafts ask IANA to begin it. The
// names are shortened.
var (
	first = edition{"early drafts", []string{
		"new data received after CLOSE", "ACK received in LISTEN", "illegal option", "malformed message",
		"not authorized", "resource exceeded", "network failure", "reset received from the peer",
		"destination unreachable", "connection timeout", "too much outstanding data",
		"unacceptable performance", "middlebox interference",
	}}
	second = edition{"drafts to ietf-02", []string{
		"illegal option length", "desynchronized state", "new data received after CLOSE", "ABORT",
		"unexpected ACK before the connection was synchronized", "unexpected SYN in the window",
		"unexpected security compartment", "malformed message", "not authorized", "resource exceeded",
		"network failure", "reset received from the peer", "destination unreachable", "connection timeout",
		"too much outstanding data", "unacceptable performance", "middlebox interference",
	}}
	third = edition{"draft ietf-03", []string{
		"illegal option length", "data that the application cannot read any more", "ABORT",
		"segment received in CLOSED", "ACK received in LISTEN", "unacceptable ACK in SYN-SENT",
		"unacceptable ACK in SYN-RECEIVED", "SYN in the window, without RFC 5961",
		"unexpected security compartment", "malformed message", "not authorized", "resource exceeded",
		"network failure", "reset received from the peer", "destination unreachable", "connection timeout",
		"too much outstanding data", "unacceptable performance", "middlebox interference",
	}}
)

// The editions that a form of the payload may follow.
var (
	binaryEditions = []edition{second, third}
	cborEditions   = []edition{first, second}
)

// coded is the sentence on a reason code. A code of an enterprise means what
// that says.
func coded(code, enterprise uint64, editions []edition) string {
	text := "diagnostic code " + strconv.FormatUint(code, 10)
	if enterprise != 0 {
		return text + " of enterprise " + strconv.FormatUint(enterprise, 10)
	}
	return text + meanings(code, editions)
}

// meanings names what the code stands for, in each edition where they differ.
func meanings(code uint64, editions []edition) string {
	var reasons, parts []string
	for _, e := range editions {
		reason := e.reason(code)
		reasons = append(reasons, reason)
		if reason == "" {
			reason = "nothing"
		}
		parts = append(parts, reason+" ("+e.name+")")
	}
	switch reasons = slices.Compact(reasons); {
	case len(reasons) > 1:
		return ": " + strings.Join(parts, ", or ")
	case reasons[0] == "":
		return ", which no draft lists"
	}
	return ": " + reasons[0]
}

// reason is what the code stands for; "" if it is not listed.
func (e edition) reason(code uint64) string {
	if code < 1 || code > uint64(len(e.reasons)) {
		return ""
	}
	return e.reasons[code-1]
}
