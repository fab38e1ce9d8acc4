package explain

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Brief is a reset in one line: its name, when, which way, who and why, whom.
func Brief(r *reset.Reset, zone *time.Location) string {
	when := "time unknown"
	if !r.Time.IsZero() {
		when = r.Time.Std().In(zone).Format("2006-01-02 15:04:05.000")
	}
	sender, cause := r.Sender.String(), r.Cause.String()
	if sender == "" {
		sender = "not judged"
	}
	if cause != "" {
		sender += ", " + cause
	}
	text := Name(r.ID) + "  " + when + "  " + pad(r.Direction.String(), 7) + " " + pad(sender, 30) + "  " +
		endpoint(r.Src) + " > " + endpoint(r.Dst)
	if name := processName(r.Process); name != "" {
		text += "  " + name
	}
	return text
}
