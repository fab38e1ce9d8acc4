package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// role is which end of the connection the RST's source is, where that is known.
func (c *Case) role() reset.Role {
	if source, ok := c.sourceOpened(); ok {
		if source {
			return reset.Originator
		}
		return reset.Responder
	}
	return reset.RoleNone
}

// sourceOpened says whether the RST's source began the connection.
func (c *Case) sourceOpened() (yes, ok bool) {
	if f := c.flow(); f.Known && f.Originator.OK {
		return f.Originator.V, true
	}
	out := c.Reset.Direction == reset.Out
	if t := c.Reset.Trigger; t != nil && t.Flags&reset.SYN != 0 {
		return t.Flags&reset.ACK != 0, true // a SYN+ACK answers its SYN
	}
	if p := &c.context().Passed; c.Reset.Direction == reset.Forward && p.Known {
		return p.SYN, true
	}
	if c.Reset.Direction != reset.In && !out {
		return false, false
	}
	switch c.state() {
	case "SYN_SENT":
		return out, true
	case "LISTEN", "NEW_SYN_RECV", "SYN_RECV":
		return !out, true
	}
	if p := c.past(); p.Known && p.Originator.OK {
		return p.Originator.V == out, true
	}
	return false, false
}

// link names the records that led to this one, where who keeps the records has
// not done so.
func (c *Case) link() {
	r := c.Reset
	if twin := c.After.Twin; twin != nil {
		r.Twin = twin.ID
	}
	if len(r.CausedBy) > 0 {
		return
	}
	for _, from := range [...]*Link{c.relayedFrom(), c.After.Death} {
		if from != nil && from.ID != r.ID && from.ID != (reset.ID{}) {
			r.CausedBy = append(r.CausedBy, from.ID)
			return
		}
	}
}

// relayedFrom is what the process had received, if that is the cause: who
// receives a reset may reset another for a reason of its own.
func (c *Case) relayedFrom() *Link {
	if c.Reset.Cause == reset.Relayed {
		return c.After.RelayedFrom
	}
	return nil
}
