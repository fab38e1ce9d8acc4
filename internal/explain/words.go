package explain

import (
	"strconv"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/present"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// clean makes text that others chose safe for terminals.
func clean(text string) string { return present.Clean(text) }

// senderMeanings say what each sender word stands for.
var senderMeanings = map[reset.Sender]string{
	reset.SenderUnknown: "the evidence does not say",
	reset.LocalApp:      "a process on this host",
	reset.LocalKernel:   "this host's TCP, by itself",
	reset.LocalFirewall: "this host's firewall",
	reset.LocalInject:   "a program on this host, past TCP",
	reset.Peer:          "the host whose address it bears",
	reset.Path:          "something between, in somebody else's name",
}

// outcomes say what the kernel did with a RST that came in.
var outcomes = map[reset.Verdict]string{
	reset.Accepted:   "accepted; the connection is gone",
	reset.Challenged: "not believed (challenge ACK); the connection lives",
	reset.Ignored:    "ignored by the kernel",
	reset.NoSocket:   "no socket here matched it",
	reset.Dropped:    "dropped before TCP saw it",
}

// netnsName is what people call a namespace.
func netnsName(n reset.Netns) string {
	switch {
	case n.Name != "":
		return clean(n.Name)
	case n.ID != 0:
		return strconv.FormatUint(n.ID, 10)
	}
	return "all"
}

// processName is comm/pid, or empty.
func processName(p *reset.Process) string {
	if p == nil || p.Comm == "" && !p.PID.OK {
		return ""
	}
	name := clean(p.Comm)
	if name == "" {
		name = "process"
	}
	if p.PID.OK {
		name += "/" + strconv.FormatUint(uint64(p.PID.V), 10)
	}
	return name
}

// span writes a duration for people: four digits at most.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + span(-d)
	case d < time.Microsecond:
		return "0 ms"
	case d < time.Millisecond:
		return decimal(float64(d)/1e3) + " us"
	case d < time.Second:
		return decimal(float64(d)/1e6) + " ms"
	case d < 10*time.Minute:
		return decimal(d.Seconds()) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min " + strconv.Itoa(int(d.Seconds())%60) + " s"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h " + strconv.Itoa(int(d.Minutes())%60) + " min"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days"
}

// decimal writes one digit behind the point, unless it is 0.
func decimal(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

// milliseconds is a duration of the record's.
func milliseconds(v reset.Opt[int64]) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(min(max(v.V, -most), most)) * time.Millisecond
}

// bytesOf writes a number of bytes.
func bytesOf(n uint64) string { return count(n, "byte", "bytes") }

// capital makes the first letter a capital one.
func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
