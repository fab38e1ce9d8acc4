package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// harmless are causes that cost nobody anything.
var harmless = map[reset.Cause]bool{reset.Backscatter: true, reset.Scan: true}

// beforeOpen are causes that meet a connection before it is open.
var beforeOpen = map[reset.Cause]bool{
	reset.NoListener: true, reset.BacklogOverflow: true, reset.BadSyn: true, reset.Refused: true, reset.StaleTimestamp: true,
}

// harm says what the RST cost: what the row says, else what the case shows.
func (c *Case) harm(told reset.Harm) reset.Harm {
	r := c.Reset
	switch {
	case keptAlive.holds(c) || harmless[r.Cause]:
		return reset.HarmNone
	case beforeOpen[r.Cause] && scanning.holds(c):
		return reset.HarmNone
	case told != reset.HarmAbsent:
		return told
	case r.Direction == reset.In && c.stage() == atSyn:
		return reset.FailedConnect
	case c.lost():
		return reset.LostData
	case c.bothClosed():
		return reset.HarmNone
	case beforeOpen[r.Cause] || r.Direction == reset.Out && toSyn.holds(c):
		return reset.FailedConnect
	}
	return reset.HarmUnknown
}

// lost holds where bytes are known that nobody will ever read.
func (c *Case) lost() bool {
	k := c.connection()
	if k.Unread.OK && k.Unread.V > 0 || k.Unsent.OK && k.Unsent.V > 0 {
		return true
	}
	switch c.Reset.Cause {
	case reset.CloseRace:
		return true
	case reset.DataAfterClose, reset.TimeWait, reset.HalfOpen, reset.UntranslatedReply:
		return c.answers() && carriesData(c.packet().Family, c.trigger())
	}
	return false
}

// bothClosed holds where both ends had said all that they had to say.
func (c *Case) bothClosed() bool {
	switch c.Reset.Direction {
	case reset.Out:
		switch c.state() {
		case "LAST_ACK", "CLOSING":
			return true
		}
		return false
	default:
		return c.stage() == atBothFin
	}
}
