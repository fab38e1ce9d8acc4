package explain

import (
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// connection tells the socket's last state, one line a subject.
func connection(c *reset.Connection) []string {
	if c == nil {
		return nil
	}
	var lines []string
	line := func(parts ...string) {
		var have []string
		for _, part := range parts {
			if part != "" {
				have = append(have, part)
			}
		}
		if len(have) > 0 {
			lines = append(lines, strings.Join(have, ", "))
		}
	}
	line(clean(c.State), ago(c.AgeMS, "", " old"),
		ago(c.SinceHeardMS, "last heard ", " before"), ago(c.SinceSentMS, "last sent ", " before"))
	if c.State == "SYN_SENT" {
		return lines // what is sent and not acknowledged is the SYN
	}
	line(volume(c.BytesSent, "sent"), pending(c.Unsent, "not acknowledged"),
		volume(c.BytesReceived, "received"), pending(c.Unread, "not read"))
	line(micro(c.RTTUS, "round trip "), micro(c.MinRTTUS, "least "), retransmits(c.Retransmits))
	return lines
}

func ago(v reset.Opt[int64], before, after string) string {
	if !v.OK || v.V < 0 {
		return ""
	}
	if v.V == 0 && after == " before" {
		return before + "just before"
	}
	return before + span(milliseconds(v)) + after
}

func volume(v reset.Opt[uint64], word string) string {
	if !v.OK {
		return ""
	}
	return word + " " + bytesOf(v.V)
}

func pending(v reset.Opt[uint32], word string) string {
	if !v.OK {
		return ""
	}
	return number(uint64(v.V)) + " " + word
}

func micro(v reset.Opt[uint32], word string) string {
	if !v.OK {
		return ""
	}
	return word + span(milliseconds(reset.Some(int64(v.V)))/1000)
}

func retransmits(v reset.Opt[uint32]) string {
	if !v.OK {
		return ""
	}
	return count(uint64(v.V), "retransmission", "retransmissions")
}
