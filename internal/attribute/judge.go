package attribute

import (
	"cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Judge fills the verdict of the case's reset from what was recorded of it and
// from what was known around it.
func Judge(c *Case) {
	c.outcome()
	rules := seenInOrder
	if c.Reset.Direction == reset.Out {
		rules = sentByReason.of(c.Reset.Kernel.Reason)
	} else if c.fromTwin() {
		c.conclude(reset.HarmAbsent)
		c.Reset.Harm = c.Reset.Harm.Worse(c.After.Twin.Harm)
		return
	}
	for _, rule := range rules {
		if rule.fits(c) {
			rule.apply(c)
			c.conclude(rule.harm)
			return
		}
	}
}

// fromTwin takes the verdict of the record at the end that sent the packet,
// where that is on this host, and what led to it: it describes the packet, whoever
// meets it.
func (c *Case) fromTwin() bool {
	twin := c.After.Twin
	if twin == nil || twin.Sender <= reset.SenderUnknown {
		return false
	}
	r := c.Reset
	r.Sender, r.Cause, r.Confidence = twin.Sender, twin.Cause, twin.Confidence
	r.Rule = cmp.Or(twin.Rule, r.Rule)
	if len(r.CausedBy) == 0 {
		for _, id := range twin.CausedBy {
			if id != r.ID {
				r.CausedBy = append(r.CausedBy, id)
			}
		}
	}
	e := reset.Evidence{Fact: factTwin, Value: "it was sent on this host", For: senderIs[twin.Sender], Weight: weightOf(twin.Confidence.Sender)}
	if twin.ID != (reset.ID{}) {
		e.Value = twin.ID.String()
	}
	list := []reset.Evidence{e}
	if twin.Cause > reset.CauseUnknown {
		e.For, e.Weight = causeIs[twin.Cause], weightOf(twin.Confidence.Cause)
		list = append(list, e)
	}
	r.Evidence = list
	return true
}

func weightOf(level reset.Level) reset.Weight {
	switch level {
	case reset.Certain:
		return reset.Decisive
	case reset.Likely:
		return reset.Strong
	}
	return reset.Weak
}

// conclude fills what follows from the verdict.
func (c *Case) conclude(harm reset.Harm) {
	r := c.Reset
	r.Role = c.role()
	r.Harm = c.harm(harm)
	c.link()
	c.compare()
}

// compare adds what a capture of the other end says. A RST that was seen to leave
// there is its source's, whatever it looks like here.
func (c *Case) compare() {
	ends, r := c.After.Ends, c.Reset
	if ends == nil || ends.NeverSent {
		return
	}
	e := reset.Evidence{Fact: factOtherEnd, Value: ends.Text, For: senderIs[r.Sender], Weight: reset.Weak}
	if ends.SeenSent && r.Sender == reset.Peer {
		e.Weight, r.Confidence.Sender = reset.Decisive, reset.Certain
	}
	r.Evidence = append(r.Evidence[:len(r.Evidence):len(r.Evidence)], e)
}
